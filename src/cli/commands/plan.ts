import {Command, InvalidArgumentError} from 'commander';
import {laneOption, withCacheFlag, withJson} from './flags.ts';

/** `limbeck plan RECIPE` estimates the cost of all queries before any is sent. */
export function planCommand(): Command {
  return withJson(withCacheFlag(new Command('plan')))
    .description('estimate what a recipe’s teachers will cost: calls, tokens, money and time; send nothing')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option(
      '--rate <calls>',
      'calls a second that a service accepts (default: as its teacher declares)',
      callsPerSecond,
    )
    .addOption(laneOption())
    .action(async (recipe, flags) => (await import('../plan.ts')).runPlan(recipe, flags));
}

function callsPerSecond(text: string): number {
  const rate = Number(text);
  if (!/^[\d.]+$/.test(text) || !(rate > 0)) throw new InvalidArgumentError('Give a number above 0, for example 2.5.');
  return rate;
}
