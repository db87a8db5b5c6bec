import {type Command, InvalidArgumentError, Option} from 'commander';
import {type BudgetLimit, parseBudget} from '../ask/budget/limit.ts';
import {RECORD_MODES, type RecordMode} from '../ask/keep/record.ts';
import {DEFAULT_CACHE, type StudyOptions} from '../study/study.ts';
import {positive, share} from './numbers.ts';
import type {Terminal} from './terminal.ts';

/** The flags of every command that works on a recipe, as commander hands them over. */
export interface StudyFlags {
  readonly out?: string;
  readonly cache?: string;
  readonly record?: RecordMode;
  readonly offline?: boolean;
  readonly budget?: readonly BudgetLimit[];
  readonly retryQuarantined?: boolean;
  /** What `retryQuarantined` was called before. */
  readonly retrySetAside?: boolean;
  readonly allowMissing?: number;
  readonly driftEvery?: number;
  readonly keepGoing?: boolean;
  readonly json?: boolean;
}

/** Adds the flags of a command that works on a recipe and writes what comes of it. */
export function withStudyFlags(command: Command): Command {
  return withAskingFlags(command)
    .option('--out <folder>', 'where knowledge, students and results go (default: out/ and the recipe’s name)')
    .option('--drift-every <count>', 'after so many bought answers, ask again about 50 old ones and compare', positive);
}

/** Adds the flags of a command that asks a recipe's teachers. */
export function withAskingFlags(command: Command): Command {
  return withJson(withCacheFlag(command))
    .addOption(
      new Option('--record <mode>', 'what is asked: `new` what is not kept, `once`, `none`, or `all` anew')
        .choices(RECORD_MODES)
        .conflicts('offline'),
    )
    .option('--offline', 'ask nobody: every answer must be in the cache (the same as `--record none`)')
    .addOption(
      new Option(
        '--budget <amount>',
        'the most to spend, for example 5usd, 2000calls or 3Mtok; may be repeated',
      ).argParser(addBudget),
    )
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

function addBudget(text: string, others: readonly BudgetLimit[] = []): readonly BudgetLimit[] {
  try {
    return [...others, parseBudget(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** The options of a study out of its flags, with progress on the terminal and an end at the first Ctrl-C. */
export function studyOptions(
  {
    out,
    cache,
    record,
    offline = false,
    budget = [],
    retrySetAside = false,
    retryQuarantined = retrySetAside,
    driftEvery,
    keepGoing = false,
    allowMissing,
  }: StudyFlags,
  terminal: Terminal,
): StudyOptions {
  return {
    ...(out !== undefined && {directory: out}),
    ...(cache !== undefined && {cache}),
    record: offline ? 'none' : (record ?? 'new'),
    budget,
    retriesQuarantined: retryQuarantined,
    ...(allowMissing !== undefined && {allowMissing}),
    ...(driftEvery !== undefined && {drift: {every: driftEvery}}),
    ...(keepGoing && {firstAnswerWithin: Number.POSITIVE_INFINITY}),
    signal: stopSignal(),
    onProgress: ({task, done, total, detail, secondsLeft}) => terminal.progress(task, done, total, detail, secondsLeft),
    onNote: terminal.note,
  };
}

const STOPPING = ['SIGINT', 'SIGTERM'] as const;

/** Aborts at the first Ctrl-C or SIGTERM, so that what is under way is kept; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  // Not `once`: whoever is the last to listen while a file is written (signal-exit) ends the process itself.
  const stop = (signal: NodeJS.Signals): void => {
    if (!controller.signal.aborted) {
      controller.abort();
      return;
    }
    for (const other of STOPPING) process.off(other, stop);
    process.kill(process.pid, signal);
  };
  for (const signal of STOPPING) process.on(signal, stop);
  return controller.signal;
}
