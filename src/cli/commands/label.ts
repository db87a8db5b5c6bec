import {Command, Option} from 'commander';
import {allowMissingOption, laneOption, levelOption, withStudyFlags} from './flags.ts';

/** `limbeck label RECIPE` puts the transfer set to the teachers and saves the knowledge. It trains nothing. */
export function labelCommand(): Command {
  return withStudyFlags(new Command('label'))
    .description('ask a recipe’s teachers about the transfer set and save the knowledge')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(levelOption('ask only this level'))
    .addOption(laneOption())
    .option('--detach', 'with `--lane batch`: submit, collect finished batches, and don’t wait')
    .addOption(
      new Option(
        '--cancel',
        'with `--lane batch`: cancel batches under way, collect their finished answers, submit nothing',
      ).conflicts('detach'),
    )
    .addOption(allowMissingOption())
    .action(async (recipe, flags) => (await import('../label.ts')).runLabel(recipe, flags));
}
