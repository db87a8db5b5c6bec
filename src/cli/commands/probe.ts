import {Command} from 'commander';
import {positive} from '../numbers.ts';
import {levelOption, withAskingFlags} from './flags.ts';

/** `limbeck probe RECIPE`: ask a handful of questions, and say what the teachers give in truth. */
export function probeCommand(): Command {
  return withAskingFlags(new Command('probe'))
    .description('ask a recipe’s teachers a handful of questions and say what they give in truth, at what cost')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(levelOption('try out this level alone'))
    .option('--questions <count>', 'inputs that each teacher is asked about, twice', positive, 5)
    .action(async (recipe, flags) => (await import('../probe.ts')).runProbe(recipe, flags));
}
