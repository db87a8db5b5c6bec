import type {Command} from 'commander';
import {DEFAULT_CACHE, type StudyOptions} from '../study/study.ts';
import type {Terminal} from './terminal.ts';

/** The flags of every command that works on a recipe, as commander hands them over. */
export interface StudyFlags {
  readonly out?: string;
  readonly cache?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

/** Adds the flags of a command that works on a recipe. */
export function withStudyFlags(command: Command): Command {
  return withJson(withCacheFlag(command))
    .option('--out <folder>', 'where knowledge, students and results go (default: out/ and the recipe’s name)')
    .option('--offline', 'ask nobody: every answer must be in the cache');
}

/** Adds the flag that says where answers are kept. */
export function withCacheFlag(command: Command): Command {
  return command.option(
    '--cache <path>',
    'where answers are kept (also LIMBECK_CACHE)',
    process.env['LIMBECK_CACHE'] ?? DEFAULT_CACHE,
  );
}

/** Adds the flag for programs that read the output. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document on stdout and nothing else there');
}

/** The options of a study out of its flags, with progress on the terminal and an end at the first Ctrl-C. */
export function studyOptions({out, cache, offline = false}: StudyFlags, terminal: Terminal): StudyOptions {
  return {
    ...(out !== undefined && {directory: out}),
    ...(cache !== undefined && {cache}),
    offline,
    signal: stopSignal(),
    onProgress: ({task, done, total, detail}) => terminal.progress(task, done, total, detail),
  };
}

/** Aborts at the first Ctrl-C or SIGTERM, so that what is under way is kept; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
