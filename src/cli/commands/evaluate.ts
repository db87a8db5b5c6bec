import {Command} from 'commander';
import {allowMissingOption, withStudyFlags} from './flags.ts';

/**
 * `limbeck evaluate STUDENT RECIPE` measures a saved student on the test split, against true labels and the teacher.
 */
export function evaluateCommand(): Command {
  return withStudyFlags(new Command('evaluate'))
    .description('measure a saved student on a recipe’s test split, against true labels and against the teacher')
    .argument('<student>', 'the folder of a saved student')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(allowMissingOption())
    .action(async (student, recipe, flags) => (await import('../evaluate.ts')).runEvaluate(student, recipe, flags));
}
