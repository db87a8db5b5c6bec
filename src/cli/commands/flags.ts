import {type Command, InvalidArgumentError, Option} from 'commander';
import {type BudgetLimit, parseBudget} from '../../ask/budget/limit.ts';
import type {RecordMode} from '../../ask/keep/record.ts';
import {LEVELS} from '../../levels.ts';
import {readDuration} from '../../service-features.ts';
import {DEFAULT_CACHE} from '../../store/cache-path.ts';
import type {RowRange, Share} from '../../study/shard.ts';
import type {Lane} from '../label.ts';

/** Adds the flags of a command that works on a recipe and writes results. */
export function withStudyFlags(command: Command): Command {
  return withAskingFlags(command)
    .option('--out <folder>', 'folder for knowledge, students and results (default: out/ and the recipe’s name)')
    .option(
      '--drift-every <count>',
      'after this many bought answers, repeat about 50 old queries and compare',
      positive,
    );
}

const RECORD_MODES: readonly RecordMode[] = ['new', 'once', 'none', 'all'];

/** Adds the flags of a command that asks a recipe's teachers. */
export function withAskingFlags(command: Command): Command {
  return withJson(withCacheFlag(command))
    .addOption(
      new Option('--record <mode>', 'which queries are sent: `new` those not kept, `once`, `none`, or `all` again')
        .choices(RECORD_MODES)
        .conflicts('offline'),
    )
    .option('--offline', 'send nothing: every answer must be in the cache (the same as `--record none`)')
    .addOption(budgetOption('the most to spend, for example 5usd, 2000calls or 3Mtok; may be repeated'))
    .option('--retry-quarantined', 'repeat queries whose replies could not be read')
    .addOption(new Option('--retry-set-aside').hideHelp())
    .addOption(waitOption())
    .option('--keep-going', 'continue even if the first 20 requests give no usable answer');
}

/** The flag of commands that save knowledge or train on it. */
export function knowledgeOption(): Option {
  const about = 'keep knowledge in a bucket, s3://BUCKET/PREFIX (default: in the folder of --out)';
  return new Option('--knowledge <url>', about);
}

/** The flag that waits for servers. */
export function waitOption(): Option {
  const about = 'how long to wait for a server that is still loading, for example 10m (default: the teacher’s `wait`)';
  return new Option('--wait <time>', about).argParser(duration);
}

/** The flag of commands that can continue without some of the teacher's answers. */
export function allowMissingOption(): Option {
  return new Option(
    '--allow-missing <share>',
    'the share of inputs that may be left without an answer, for example 2% or 0.02 (default: 1%)',
  ).argParser(share);
}

/** The flag of commands that buy answers to train on, or train on answers that were bought for something else. */
export function permissionOption(): Option {
  return new Option(
    '--i-have-permission',
    'the provider permits you to train on its answers, although its terms forbid it (also `hasPermission` in the recipe)',
  );
}

/** Adds the flags that replace the budgets and the seeds of a recipe. */
export function withBudgetFlags(command: Command): Command {
  return command
    .option(
      '--budgets <counts>',
      'compare at these numbers of inputs, for example 250,500,1000 (default: the recipe’s `budgets`)',
      counts,
    )
    .option('--seeds <count>', 'how many seeds (default: the recipe’s)', positive);
}

/** The flag that chooses one level of access. */
export function levelOption(description: string): Option {
  return new Option('--level <level>', description).choices(LEVELS);
}

const LANES: readonly Lane[] = ['batch'];

/** The flag that chooses the lane by which queries go to services. */
export function laneOption(): Option {
  const about = '`batch`: the service’s batch lane, cheaper, within a day (default: single requests, at once)';
  return new Option('--lane <lane>', about).choices(LANES);
}

/** The flag that asks about a range of the transfer set. */
export function rowsOption(): Option {
  const about = 'ask only about these inputs of the transfer set, in its drawn order: 0:1000 is the first 1,000';
  return new Option('--rows <A:B>', about).argParser(rowRange).conflicts('shard');
}

/** The flag that asks about a share of the transfer set. */
export function shardOption(): Option {
  const about = 'ask only about share N of M equal shares of the transfer set, N from 1 to M';
  return new Option('--shard <N/M>', about).argParser(shareOf);
}

/** The flag that leaves the asking to the workers of a queue. */
export function queueOption(): Option {
  const about = 'let the workers of a queue ask (`limbeck worker`), on any machine: redis://HOST:PORT/DB';
  const others = ['rows', 'shard', 'lane', 'detach', 'cancel', 'record', 'offline', 'driftEvery'];
  return new Option('--queue <url>', about).conflicts(others);
}

/** The flag that says how a transfer set is cut for a queue. */
export function rangeOption(): Option {
  const about = 'with `--queue`: rows that a worker takes at once, from 256 to 1000 (default: 512)';
  return new Option('--range <rows>', about).argParser(rangeSize);
}

/** The flag that limits spending. It can be repeated. */
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

/** Adds the flag for the cache. */
export function withCacheFlag(command: Command): Command {
  return command.option(
    '--cache <path>',
    'where answers are kept: a file, or a URL such as redis://127.0.0.1:6379 (also LIMBECK_CACHE)',
    process.env['LIMBECK_CACHE'] ?? DEFAULT_CACHE,
  );
}

/** The cache that was chosen; undefined if nobody chose one. */
export function chosenCache(command: Command): string | undefined {
  const isChosen = command.getOptionValueSource('cache') !== 'default' || process.env['LIMBECK_CACHE'] !== undefined;
  return isChosen ? command.opts<{readonly cache: string}>().cache : undefined;
}

/** Adds the flag for programs that read the output. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document on stdout and nothing else there');
}

/** Reads a whole number from the command line. */
export function wholeNumber(text: string): number {
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

export function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Give a whole number above 0.');
  return Number(text);
}

function rangeSize(text: string): number {
  const rows = positive(text);
  if (rows < 256 || rows > 1000) throw new InvalidArgumentError('Give a number from 256 to 1000.');
  return rows;
}

/** Reads whole numbers above 0 with commas between them, at least two and all different. */
export function counts(text: string): readonly number[] {
  const all = text.split(',').map(part => positive(part.trim()));
  if (all.length > 1 && new Set(all).size === all.length) return all;
  throw new InvalidArgumentError('Give two or more different whole numbers, such as 250,500,1000.');
}

/** Reads a range of rows, such as 0:1000. */
export function rowRange(text: string): RowRange {
  const [from, to] = pairOf(text, ':');
  if (from !== undefined && to !== undefined && from < to) return {from, to};
  throw new InvalidArgumentError('Give A:B, whole numbers with A below B, such as 0:1000. Row B is not among them.');
}

/** Reads one of several shares, such as 1/4. */
export function shareOf(text: string): Share {
  const [number, of] = pairOf(text, '/');
  if (number !== undefined && of !== undefined && number >= 1 && number <= of) return {number, of};
  throw new InvalidArgumentError('Give N/M, whole numbers with N from 1 to M, such as 1/4.');
}

/** Two whole numbers from 0 with a mark between them; none if it is anything else. */
function pairOf(text: string, mark: string): readonly number[] {
  const parts = text.split(mark);
  if (parts.length !== 2 || !parts.every(part => /^\d+$/.test(part))) return [];
  const numbers = parts.map(Number);
  return numbers.every(Number.isSafeInteger) ? numbers : [];
}

export function port(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('Give a number from 0 to 65535.');
  return Number(text);
}

/** Reads a share, such as `2%` or 0.02. A bare 1 is refused, because it could mean 1 %. */
export function share(text: string): number {
  const [, number = '', sign] = /^(\d+(?:\.\d+)?|\.\d+)\s*(%?)$/.exec(text) ?? [];
  const value = sign === '%' ? Number(number) / 100 : Number(number);
  const isShare = number !== '' && value <= 1 && (sign === '%' || value < 1);
  if (!isShare) throw new InvalidArgumentError('Give a share, such as 2% or 0.02.');
  return value;
}

/** Reads a duration, such as `90s` or `10m`, in milliseconds. */
export function duration(text: string): number {
  const milliseconds = readDuration(text);
  if (milliseconds === undefined) throw new InvalidArgumentError('Give a duration, such as 90s, 10m or 1h.');
  return milliseconds;
}
