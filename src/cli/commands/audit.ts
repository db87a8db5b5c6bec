import {Command, Option} from 'commander';
import type {DelimiterName} from '../audit.ts';
import {positive, wholeNumber} from '../numbers.ts';
import {allowMissingOption, withStudyFlags} from './flags.ts';

const DELIMITERS: readonly DelimiterName[] = ['comma', 'semicolon', 'tab'];

/** `limbeck audit RECIPE` measures how often teacher and student are right, on texts that a person checks. */
export function auditCommand(): Command {
  return withStudyFlags(new Command('audit'))
    .description(
      'measure how often teacher and student are right, on the most informative texts of the test split, which you check',
    )
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--student <folder>', 'a saved student (default: that of the recipe’s last method and first seed)')
    .option('--items <count>', 'how many texts to check in all (default: 50)', positive)
    .option('--seed <number>', 'seed of the first draw (default: 0)', wholeNumber)
    .addOption(
      new Option('--delimiter <name>', 'the separator of cells in a new table').choices(DELIMITERS).default('comma'),
    )
    .addOption(allowMissingOption())
    .action(async (recipe, flags) => (await import('../audit.ts')).runAudit(recipe, flags));
}
