import {Command, Option} from 'commander';
import {allowMissingOption, laneOption, levelOption, withStudyFlags} from './flags.ts';

/** `limbeck label RECIPE`: ask the teachers and save the knowledge; train nothing. */
export function labelCommand(): Command {
  return withStudyFlags(new Command('label'))
    .description('ask a recipe’s teachers about the transfer set and save the knowledge')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(levelOption('ask this level alone'))
    .addOption(laneOption())
    .option('--detach', 'with `--lane batch`: submit, collect what has ended, and wait for nothing')
    .addOption(
      new Option(
        '--cancel',
        'with `--lane batch`: end what is under way, collect what it has finished, hand nothing over',
      ).conflicts('detach'),
    )
    .addOption(allowMissingOption())
    .action(async (recipe, flags) => (await import('../label.ts')).runLabel(recipe, flags));
}
