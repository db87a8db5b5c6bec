import {Command} from 'commander';
import {positive} from '../numbers.ts';
import {levelOption, withAskingFlags} from './flags.ts';

/** `limbeck probe RECIPE` sends a few queries and reports what the teachers return in practice. */
export function probeCommand(): Command {
  return withAskingFlags(new Command('probe'))
    .description('send a few queries to a recipe’s teachers and report what they return in practice, and at what cost')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(levelOption('try only this level'))
    .option('--questions <count>', 'inputs that are put to each teacher, twice', positive, 5)
    .action(async (recipe, flags) => (await import('../probe.ts')).runProbe(recipe, flags));
}
