import {Command} from 'commander';
import {wholeNumber} from '../numbers.ts';
import {withStudyFlags} from './flags.ts';

/** `limbeck train RECIPE` trains one student from saved knowledge. */
export function trainCommand(): Command {
  return withStudyFlags(new Command('train'))
    .description('train one student by one method of a recipe, from the knowledge that `label` saved')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--method <name>', 'the method (default: the recipe’s last)')
    .option('--seed <number>', 'the seed (default: the recipe’s first)', wholeNumber)
    .option('--from-traffic <file>', 'also learn from this teacher’s answers that `serve --traffic` kept')
    .option('--resume', 'continue the same run where it was stopped or killed')
    .action(async (recipe, flags) => (await import('../train.ts')).runTrain(recipe, flags));
}
