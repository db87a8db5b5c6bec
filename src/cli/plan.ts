import {Command, InvalidArgumentError} from 'commander';
import {loadRecipe} from '../recipe/load.ts';
import {planStudy} from '../study/plan.ts';
import {type Lane, laneOption} from './lane-option.ts';
import {planText} from './plan-text.ts';
import {withCacheFlag, withJson} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface PlanFlags {
  readonly cache: string;
  /** Calls a second. */
  readonly rate?: number;
  readonly lane?: Lane;
  readonly json?: boolean;
}

/** `limbeck plan RECIPE`: what asking would take, before anything is asked. */
export function planCommand(): Command {
  return withJson(withCacheFlag(new Command('plan')))
    .description('say what asking a recipe’s teachers will take: calls, tokens, money and time; ask nobody')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--rate <calls>', 'calls a second that a service takes (default: as its teacher says)', callsPerSecond)
    .addOption(laneOption())
    .action(runPlan);
}

async function runPlan(path: string, {cache, rate, lane, json = false}: PlanFlags): Promise<void> {
  const recipe = await loadRecipe(path);
  const byBatches = lane === 'batch';
  const plan = await planStudy(recipe, {cache, byBatches, ...(rate && {rate: {requestsPerMinute: 60 * rate}})});
  openTerminal({json}).result(plan, planText(plan));
}

function callsPerSecond(text: string): number {
  const rate = Number(text);
  if (!/^[\d.]+$/.test(text) || !(rate > 0)) throw new InvalidArgumentError('Give a number above 0, for example 2.5.');
  return rate;
}
