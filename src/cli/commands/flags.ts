import {type Command, InvalidArgumentError, Option} from 'commander';
import {type BudgetLimit, parseBudget} from '../../ask/budget/limit.ts';
import type {RecordMode} from '../../ask/keep/record.ts';
import {LEVELS} from '../../levels.ts';
import {DEFAULT_CACHE} from '../../store/cache-path.ts';
import type {Lane} from '../label.ts';
import {positive, share} from '../numbers.ts';

/** Adds the flags of a command that works on a recipe and writes what comes of it. */
export function withStudyFlags(command: Command): Command {
  return withAskingFlags(command)
    .option('--out <folder>', 'where knowledge, students and results go (default: out/ and the recipe’s name)')
    .option('--drift-every <count>', 'after so many bought answers, ask again about 50 old ones and compare', positive);
}

const RECORD_MODES: readonly RecordMode[] = ['new', 'once', 'none', 'all'];

/** Adds the flags of a command that asks a recipe's teachers. */
export function withAskingFlags(command: Command): Command {
  return withJson(withCacheFlag(command))
    .addOption(
      new Option('--record <mode>', 'what is asked: `new` what is not kept, `once`, `none`, or `all` anew')
        .choices(RECORD_MODES)
        .conflicts('offline'),
    )
    .option('--offline', 'ask nobody: every answer must be in the cache (the same as `--record none`)')
    .addOption(budgetOption('the most to spend, for example 5usd, 2000calls or 3Mtok; may be repeated'))
    .option('--retry-quarantined', 'ask again about inputs whose answers could not be read')
    .addOption(new Option('--retry-set-aside').hideHelp())
    .option('--keep-going', 'go on where the first 20 requests brought not one usable answer');
}

/** The flag of commands that go on without the inputs that a teacher left without an answer. */
export function allowMissingOption(): Option {
  return new Option(
    '--allow-missing <share>',
    'the share of inputs that may be left without an answer, for example 2% or 0.02 (default: 1%)',
  ).argParser(share);
}

/** The flag that chooses one level of access. */
export function levelOption(description: string): Option {
  return new Option('--level <level>', description).choices(LEVELS);
}

const LANES: readonly Lane[] = ['batch'];

/** The flag that chooses the lane by which services are asked. */
export function laneOption(): Option {
  const about =
    '`batch`: by the batch lane of the service, for less money, within a day (default: one by one, at once)';
  return new Option('--lane <lane>', about).choices(LANES);
}

/** The flag that limits what is spent; it may be repeated. */
export function budgetOption(description: string): Option {
  return new Option('--budget <amount>', description).argParser(addBudget);
}

function addBudget(text: string, others: readonly BudgetLimit[] = []): readonly BudgetLimit[] {
  try {
    return [...others, parseBudget(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Adds the flag that says where answers are kept. */
export function withCacheFlag(command: Command): Command {
  return command.option(
    '--cache <path>',
    'where answers are kept: a file, or a URL such as redis://127.0.0.1:6379 (also LIMBECK_CACHE)',
    process.env['LIMBECK_CACHE'] ?? DEFAULT_CACHE,
  );
}

/** Adds the flag for programs that read the output. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document on stdout and nothing else there');
}
