import {Command, InvalidArgumentError, Option} from 'commander';
import {TEXT_FORMATS} from '../../data/texts/record.ts';
import {type Described, readDescribed} from '../init/readers.ts';
import {INIT_SERVICES} from '../init/services.ts';
import {positive} from '../numbers.ts';
import {withJson} from './flags.ts';

/** `limbeck init [RECIPE]`: asks a few questions and writes a recipe for texts. */
export function initCommand(): Command {
  return withJson(new Command('init'))
    .description('write a recipe for texts: ask a few questions, or take the flags where nobody can be asked')
    .argument('[recipe]', 'the module to write, .ts, .mts, .js or .mjs', 'recipe.ts')
    .option('--texts <path>', 'where the texts are: a file, a folder, or - for stdin, which is kept in a file')
    .addOption(new Option('--format <format>', 'how they are stored (default: as they look)').choices(TEXT_FORMATS))
    .option('--encoding <name>', 'what their bytes mean, such as windows-1252 (default: utf-8)')
    .option('--no-quotes', 'quotes mean nothing in a table')
    .option('--text <field>', 'the field or column with the text (default: as it looks)')
    .option('--label <field>', 'the one with the class that a person gave (default: one that is called so)')
    .option('--no-label', 'no person gave classes: students are measured by what the teacher says')
    .option('--class <name>', 'a class, or "NAME: what it is"; to be repeated (default: the labels)', addClass)
    .option('--service <name>', `who labels: ${INIT_SERVICES.map(({name}) => name).join(', ')}`)
    .option('--url <url>', 'where the service is (default: its own address)')
    .option('--region <region>', 'of Bedrock (default: AWS_REGION)')
    .option('--model <name>', 'the model, as the service calls it')
    .option(
      '--output <output>',
      'what is read: log-probabilities, label or confidence (default: the most that is sure)',
    )
    .option('--price <in,out>', 'dollars for a million tokens in and out')
    .option('--calls <count>', 'how many texts the teacher labels (default: 1000, or all)', positive)
    .option('--test <count>', 'how many are kept to measure with (default: 500, or a fifth)', positive)
    .option('--budget <amount>', 'the most to spend, for the commands that are shown')
    .option('--name <name>', 'the recipe’s name (default: that of the texts)')
    .option('--yes', 'ask nothing: flags and defaults')
    .option('--force', 'replace a recipe that is there')
    .action(async (recipe, flags) => (await import('../init/init.ts')).runInit(recipe, flags));
}

function addClass(text: string, others: readonly Described[] = []): readonly Described[] {
  try {
    return [...others, readDescribed(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
