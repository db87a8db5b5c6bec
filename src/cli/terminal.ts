import {createLogUpdate} from 'log-update';
import {withoutSecrets} from '../secrets.ts';
import {duration} from '../study/report/format.ts';
import type {StudyProgress} from '../study/study.ts';

/** A command's output: its result goes to stdout, everything else to stderr. */
export interface Terminal {
  /** Prints the result: the document with `--json`, else the text. */
  result(document: unknown, text: string): void;
  /** Prints a permanent line. */
  note(line: string): void;
  /** Shows the progress of a task. The last call for a task has `done` equal to `total`. */
  progress(progress: StudyProgress): void;
}

export interface TerminalOptions {
  readonly json: boolean;
  /** @default process.stdout */
  readonly stdout?: Pick<NodeJS.WriteStream, 'write'>;
  /** @default process.stderr */
  readonly stderr?: NodeJS.WriteStream;
  /**
   * The current time in milliseconds, for tests.
   *
   * @default performance.now
   */
  readonly now?: () => number;
}

/**
 * Opens the output of a command. On a terminal, progress is one live line. Elsewhere it is at most a line every ten
 * seconds, and one at the end of a task.
 */
export function openTerminal({
  json,
  stdout = process.stdout,
  stderr = process.stderr,
  now = () => performance.now(),
}: TerminalOptions): Terminal {
  const show = stderr.isTTY ? liveProgress(stderr, now) : plainProgress(stderr, now);
  let ended = '';
  return {
    result(document, text) {
      const shown = json ? JSON.stringify(document) : text;
      if (shown !== '') stdout.write(`${withoutSecrets(shown)}\n`);
    },
    note: line => void stderr.write(`${withoutSecrets(line)}\n`),
    progress({task, done, total, detail, secondsLeft}) {
      const isDone = done >= total;
      // What is reported after the end changes nothing.
      if (isDone && task === ended) return;
      ended = isDone ? task : '';
      show({task, done: Math.min(done, total), total, detail: detail && withoutSecrets(detail), secondsLeft});
    },
  };
}

/** Makes a function that notes why a model runs slower than it could. */
export function noteFallback({note}: Terminal): (reason: string) => void {
  return reason => note(`The model runs operation by operation, slower than compiled: ${reason}.`);
}

const WIDTH = 24;
const FRAME = 100;
const PLAIN_PAUSE = 10_000;

function liveProgress(stderr: NodeJS.WriteStream, now: () => number): Terminal['progress'] {
  const update = createLogUpdate(stderr, {showCursor: true});
  let current = {task: '', started: 0, drawn: Number.NEGATIVE_INFINITY};
  return ({task, done, total, detail = '', secondsLeft}) => {
    if (task !== current.task) current = {task, started: now(), drawn: Number.NEGATIVE_INFINITY};
    const isDone = done >= total;
    if (!isDone && now() - current.drawn < FRAME) return;
    current.drawn = now();
    if (isDone) {
      update.clear();
      stderr.write(`${finished(task, now() - current.started, detail)}\n`);
      current = {task: '', started: 0, drawn: Number.NEGATIVE_INFINITY};
      return;
    }
    const filled = Math.round((WIDTH * done) / total);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    update(
      `${bar} ${Math.floor((100 * done) / total)} % ${task}${detail && ` · ${detail}`}${leftText(secondsLeft ?? guess(done, total, now() - current.started))}`,
    );
  };
}

function plainProgress(stderr: NodeJS.WriteStream, now: () => number): Terminal['progress'] {
  let current = {task: '', started: 0, printed: 0};
  return ({task, done, total, detail = '', secondsLeft}) => {
    if (task !== current.task) current = {task, started: now(), printed: now()};
    if (done >= total) {
      stderr.write(`${finished(task, now() - current.started, detail)}\n`);
      current = {task: '', started: 0, printed: 0};
    } else if (now() - current.printed >= PLAIN_PAUSE) {
      current.printed = now();
      const left = leftText(secondsLeft ?? guess(done, total, now() - current.started));
      stderr.write(`${task}: ${Math.floor(done)} of ${total}${detail && ` · ${detail}`}${left}\n`);
    }
  };
}

function leftText(seconds: number | undefined): string {
  return seconds === undefined ? '' : ` · ${duration(seconds)} left`;
}

/** Estimates the remaining time from the mean time so far. */
function guess(done: number, total: number, milliseconds: number): number | undefined {
  return done > 0 ? ((milliseconds / done) * (total - done)) / 1000 : undefined;
}

function finished(task: string, milliseconds: number, detail: string): string {
  return `✓ ${task}${detail && ` · ${detail}`} · ${duration(milliseconds / 1000)}`;
}
