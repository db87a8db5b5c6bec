import {Command} from 'commander';
import {permissionOption, positive, wholeNumber, withAskingFlags} from './flags.ts';

/** `limbeck write RECIPE` has a model write texts where there are none. */
export function writeCommand(): Command {
  return withAskingFlags(new Command('write'))
    .description('have a language model write texts for each class, where there are too few inputs; label nothing')
    .argument('<recipe>', 'a module that exports a recipe with a `writer` by default')
    .requiredOption(
      '--count <count>',
      'how many texts the file is to hold in all, equally many for each class',
      positive,
    )
    .option(
      '--out <file>',
      'the file of the texts, which is continued (default: written.jsonl in out/ and the recipe’s name)',
    )
    .option('--per-request <count>', 'the most texts of one request', positive, 20)
    .option('--seed <number>', 'seed of what varies between prompts', wholeNumber, 0)
    .option('--student <folder>', 'write four times as many, and keep those that this student is least sure of')
    .addOption(permissionOption())
    .action(async (recipe, flags) => (await import('../write.ts')).runWrite(recipe, flags));
}
