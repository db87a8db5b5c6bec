import {Command, InvalidArgumentError, Option} from 'commander';
import {TEXT_FORMATS} from '../../data/texts/record.ts';
import {type Described, readDescribed} from '../init/readers.ts';
import {INIT_SERVICES} from '../init/services.ts';
import {positive} from '../numbers.ts';
import {withJson} from './flags.ts';

/** `limbeck init [RECIPE]` asks a few questions and writes a recipe for texts. */
export function initCommand(): Command {
  return withJson(new Command('init'))
    .description('write a recipe for texts: ask a few questions, or use flags if nobody can answer')
    .argument('[recipe]', 'the module to write, .ts, .mts, .js or .mjs', 'recipe.ts')
    .option('--texts <path>', 'the texts: a file, a folder, or - for stdin, which is saved to a file')
    .addOption(new Option('--format <format>', 'how they are stored (default: guessed)').choices(TEXT_FORMATS))
    .option('--encoding <name>', 'their encoding, such as windows-1252 (default: utf-8)')
    .option('--no-quotes', 'quotes have no special meaning in a table')
    .option('--text <field>', 'the field or column with the text (default: guessed)')
    .option('--label <field>', 'the field or column with the class that a person gave (default: one with a usual name)')
    .option('--no-label', 'no person gave classes, so students are measured against the teacher')
    .option('--class <name>', 'a class, or "NAME: what it is"; repeat it for each (default: the labels)', addClass)
    .option('--service <name>', `who labels: ${INIT_SERVICES.map(({name}) => name).join(', ')}`)
    .option('--url <url>', 'address of the service (default: its own)')
    .option('--region <region>', 'region of Bedrock (default: AWS_REGION)')
    .option('--model <name>', 'the service’s name of the model')
    .option(
      '--output <output>',
      'what is read: log-probabilities, label or confidence (default: the most that the service is sure to give)',
    )
    .option('--price <in,out>', 'dollars for a million tokens in and out')
    .option('--calls <count>', 'how many texts the teacher labels (default: 1000, or all)', positive)
    .option('--test <count>', 'how many are kept for measurement (default: 500, or a fifth)', positive)
    .option('--budget <amount>', 'the most to spend, for the commands that are printed')
    .option('--name <name>', 'the recipe’s name (default: that of the texts)')
    .option('--yes', 'ask no questions; use flags and defaults')
    .option('--force', 'replace an existing recipe')
    .action(async (recipe, flags) => (await import('../init/init.ts')).runInit(recipe, flags));
}

function addClass(text: string, others: readonly Described[] = []): readonly Described[] {
  try {
    return [...others, readDescribed(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
