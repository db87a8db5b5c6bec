import {Command, InvalidArgumentError} from 'commander';
import {laneOption, withCacheFlag, withJson} from './flags.ts';

/** `limbeck plan RECIPE`: what asking would take, before anything is asked. */
export function planCommand(): Command {
  return withJson(withCacheFlag(new Command('plan')))
    .description('say what asking a recipe’s teachers will take: calls, tokens, money and time; ask nobody')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--rate <calls>', 'calls a second that a service takes (default: as its teacher says)', callsPerSecond)
    .addOption(laneOption())
    .action(async (recipe, flags) => (await import('../plan.ts')).runPlan(recipe, flags));
}

function callsPerSecond(text: string): number {
  const rate = Number(text);
  if (!/^[\d.]+$/.test(text) || !(rate > 0)) throw new InvalidArgumentError('Give a number above 0, for example 2.5.');
  return rate;
}
