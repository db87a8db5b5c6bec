import {Command, InvalidArgumentError, Option} from 'commander';
import {TEXT_FORMATS} from '../../data/texts/format.ts';
import type {DelimiterName} from '../audit.ts';
import {type Described, readDescribed} from '../init/readers.ts';
import {INIT_SERVICES, QUESTION_SERVICES} from '../init/services.ts';
import {VECTOR_SERVICES} from '../init/vector-services.ts';
import {
  allowMissingOption,
  chosenCache,
  knowledgeOption,
  laneOption,
  levelOption,
  permissionOption,
  positive,
  queueOption,
  rangeOption,
  rowsOption,
  shardOption,
  share,
  wholeNumber,
  withAskingFlags,
  withBudgetFlags,
  withCacheFlag,
  withJson,
  withStudyFlags,
} from './flags.ts';

const SERVICES = INIT_SERVICES.map(({name}) => name);
const DECISION_SERVICES = QUESTION_SERVICES.map(({name}) => name).filter(name => !SERVICES.includes(name));

/** `limbeck init [RECIPE]` asks a few questions and writes a recipe. */
export function initCommand(): Command {
  return withJson(new Command('init'))
    .description(
      'write a recipe for texts, images or rows of a table: ask a few questions, or use flags if nobody can answer',
    )
    .argument('[recipe]', 'the module to write, .ts, .mts, .js or .mjs', 'recipe.ts')
    .option('--texts <path>', 'the texts: a file, a folder, or - for stdin, which is saved to a file')
    .option('--images <folder>', 'images in place of texts, with --questions')
    .option('--records <file>', 'a table whose rows are asked about, in place of texts, with --questions')
    .addOption(new Option('--format <format>', 'how they are stored (default: guessed)').choices(TEXT_FORMATS))
    .option('--encoding <name>', 'their encoding, such as windows-1252 (default: utf-8)')
    .option('--no-quotes', 'quotes have no special meaning in a table')
    .option('--text <field>', 'the field or column with the text (default: guessed)')
    .option('--label <field>', 'the field or column with the class that a person gave (default: one with a usual name)')
    .option('--no-label', 'no person gave classes, so students are measured against the teacher')
    .option('--class <name>', 'a class, or "NAME: what it is"; repeat it for each (default: the labels)', addClass)
    .option('--classes <file>', 'all classes with their descriptions: CSV, JSON, or lines such as NAME: what it is')
    .option('--questions <file>', 'several typed questions: a request of decisions or System One, or a JSON Schema')
    .option(
      '--encoder <name|folder>',
      'the encoder of an assistant, for texts and one question (default: one that `limbeck encoder add` fetched)',
    )
    .option('--no-encoder', 'no assistant')
    .option(
      '--service <name>',
      `who labels: ${SERVICES.join(', ')}; several questions: ${DECISION_SERVICES.join(', ')}, too; ` +
        `vectors: ${VECTOR_SERVICES.map(({name}) => name).join(', ')}`,
    )
    .option('--url <url>', 'address of the service (default: its own)')
    .option('--region <region>', 'region of Bedrock (default: AWS_REGION)')
    .option('--model <name>', 'the service’s name of the model')
    .option(
      '--output <output>',
      'what is read: log-probabilities, label or confidence (default: the most that the service is sure to give); vector, of an embedding model',
    )
    .option('--dimensions <count>', 'the length of an embedding model’s vectors (default: its own, if it is known)')
    .option('--price <in,out>', 'dollars for a million tokens in and out; of an embedding model, in')
    .option(
      '--calls <count>',
      'how many texts the teacher is asked about (default: 1000, or 10,000 for vectors, or all)',
      positive,
    )
    .option(
      '--test <count|file>',
      'how many are kept for measurement, or a file of them (default: 500, or a fifth)',
      testOf,
    )
    .option('--budget <amount>', 'the most to spend, for the commands that are printed')
    .option('--name <name>', 'the recipe’s name (default: that of the texts)')
    .option('--yes', 'ask no questions; use flags and defaults')
    .option('--force', 'replace an existing recipe')
    .action(async (recipe, flags) => (await import('../init/init.ts')).runInit(recipe, flags));
}

/** A number of texts, or the path of a file. */
function testOf(text: string): number | string {
  return /^\d+$/.test(text) ? positive(text) : text;
}

function addClass(text: string, others: readonly Described[] = []): readonly Described[] {
  try {
    return [...others, readDescribed(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** `limbeck plan RECIPE` estimates the cost of all queries before any is sent. */
export function planCommand(): Command {
  return withBudgetFlags(withJson(withCacheFlag(new Command('plan'))))
    .description('estimate what a recipe’s teachers will cost: calls, tokens, money and time; send no query')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--rate <calls>', 'calls a second that a service accepts (default: as its teacher declares)', aboveZero)
    .addOption(laneOption())
    .option('--queue <workers>', 'how long so many workers of a queue take together, and what limits them', positive)
    .option('--latency <seconds>', 'with --queue: the mean time of a request (default: 1)', aboveZero)
    .addOption(rowsOption())
    .addOption(shardOption())
    .option('--offline', 'do not look up whether a provider has announced the end of a model')
    .action(async (recipe, flags) => (await import('../plan.ts')).runPlan(recipe, flags));
}

function aboveZero(text: string): number {
  const value = Number(text);
  if (!/^[\d.]+$/.test(text) || !(value > 0)) throw new InvalidArgumentError('Give a number above 0, for example 2.5.');
  return value;
}

/** `limbeck probe RECIPE` sends a few queries and reports what the teachers return in practice. */
export function probeCommand(): Command {
  return withAskingFlags(new Command('probe'))
    .description('send a few queries to a recipe’s teachers and report what they return in practice, and at what cost')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(levelOption('try only this level'))
    .option('--questions <count>', 'inputs that are put to each teacher, twice', positive, 5)
    .addOption(
      new Option(
        '--shorter-prompts [share]',
        'ask without descriptions and with codes, too, and name the shortest prompt that keeps this share of labels',
      )
        .argParser(share)
        .preset('98%'),
    )
    .action(async (recipe, flags) => (await import('../probe.ts')).runProbe(recipe, flags));
}

/** `limbeck label RECIPE` puts the transfer set to the teachers and saves the knowledge. It trains nothing. */
export function labelCommand(): Command {
  return withStudyFlags(new Command('label'))
    .description('ask a recipe’s teachers about the transfer set and save the knowledge')
    .argument('<recipe>', 'a module that exports a recipe by default')
    .addOption(levelOption('ask only this level'))
    .addOption(knowledgeOption())
    .addOption(rowsOption())
    .addOption(shardOption())
    .addOption(laneOption())
    .option('--detach', 'with `--lane batch`: submit, collect finished batches, and don’t wait')
    .addOption(
      new Option(
        '--cancel',
        'with `--lane batch`: cancel batches under way, collect their finished answers, submit nothing',
      ).conflicts('detach'),
    )
    .addOption(allowMissingOption())
    .addOption(permissionOption())
    .addOption(queueOption())
    .addOption(rangeOption())
    .action(async (recipe, flags, command) => {
      if (flags.queue === undefined) return (await import('../label.ts')).runLabel(recipe, flags);
      const cache = chosenCache(command);
      return (await import('../label-queue.ts')).runLabelOnQueue(recipe, {...flags, cache});
    });
}

const DELIMITERS: readonly DelimiterName[] = ['comma', 'semicolon', 'tab'];

/** `limbeck audit RECIPE` measures how often teacher and student are right, on texts that a person checks. */
export function auditCommand(): Command {
  return withStudyFlags(new Command('audit'))
    .description(
      'measure how often teacher and student are right, on the most informative texts of the test split, which you check',
    )
    .argument('<recipe>', 'a module that exports a recipe by default')
    .option('--student <folder>', 'a saved student (default: that of the recipe’s last method and first seed)')
    .option('--question <name>', 'only this question of a student that answers several')
    .option('--items <count>', 'how many texts to check in all (default: 50)', positive)
    .option('--seed <number>', 'seed of the first draw (default: 0)', wholeNumber)
    .addOption(
      new Option('--delimiter <name>', 'the separator of cells in a new table').choices(DELIMITERS).default('comma'),
    )
    .addOption(allowMissingOption())
    .action(async (recipe, flags) => (await import('../audit.ts')).runAudit(recipe, flags));
}
