import {Command} from 'commander';
import {positive} from '../numbers.ts';
import {allowMissingOption, withStudyFlags} from './flags.ts';

/** `limbeck compare RECIPE` runs the whole study, from the first query to the report. */
export function compareCommand(): Command {
  return withStudyFlags(new Command('compare'))
    .description('ask every level, train every method from every seed, and report what each level is worth')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--workers <count>', 'processes that train in parallel (default: as cores and memory allow)', positive)
    .option('--retrain-teacher', 'train the recipe’s teacher model again first')
    .addOption(allowMissingOption())
    .action(async (recipe, flags) => (await import('../compare.ts')).runCompare(recipe, flags));
}
