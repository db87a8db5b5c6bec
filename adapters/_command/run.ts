import {existsSync} from 'node:fs';
import {TeacherError, type TeacherErrorDetails} from '../../src/errors.ts';
import type {Reply} from '../../src/teacher.ts';
import {parseJson, WholeReply} from '../_wire/reply.ts';
import {Child, LineSplitter, lineOf, type Start, Tail} from './processes.ts';

export interface RunOptions extends Start {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** Milliseconds that the program can stay silent while it has queries. */
  readonly timeout: number;
  /** The most characters of an answer. */
  readonly maxReply: number;
  /** True if the program has ever answered. One that never has is broken, so asking again does not help. */
  readonly history: {hasAnswered: boolean};
}

/** Milliseconds to wait for an ended program's remaining output. Another process can hold its output open. */
const LAST_WORDS = 200;

/** The lifetime of one process. */
export class Run {
  readonly #options: RunOptions;
  readonly #onOver: () => void;
  readonly #child: Child;
  readonly #open: OpenQueries;
  readonly #unwritten: {readonly id: number; readonly line: string}[] = [];
  readonly #lines: LineSplitter;
  readonly #said: Tail;
  #lineCount = 0;
  #isInputFull = false;
  #isOver = false;

  /** @param onOver - called when it takes no more queries */
  constructor(options: RunOptions, onOver: () => void) {
    this.#options = options;
    this.#onOver = onOver;
    this.#open = new OpenQueries(options.timeout, this.#onSilence);
    this.#lines = new LineSplitter(options.maxReply);
    this.#said = new Tail(options.env);
    this.#child = new Child(options);
    const {process} = this.#child;
    process.stdout.setEncoding('utf8').on('data', this.#read);
    process.stderr.setEncoding('utf8').on('data', (piece: string) => this.#said.push(piece));
    process.stdin.on('drain', this.#onDrain);
    // A program that closed its input will end or be silent, and both are handled elsewhere.
    process.stdin.on('error', () => {});
    process.on('error', this.#onStartFailure).once('exit', this.#onExit);
  }

  /** Resolves when the process is gone. */
  get gone(): Promise<void> {
    return this.#child.ended;
  }

  ask(query: {readonly id: number}, signal: AbortSignal | undefined): Promise<Reply> {
    const reply = this.#open.add(query.id, signal);
    this.#unwritten.push({id: query.id, line: lineOf(query)});
    this.#write();
    return reply;
  }

  /** Writes as much as the program's input takes. */
  #write(): void {
    while (!this.#isInputFull && this.#unwritten.length > 0) {
      const {id, line} = this.#unwritten.shift()!;
      if (this.#open.write(id)) this.#isInputFull = !this.#child.process.stdin.write(line);
    }
  }

  readonly #onDrain = (): void => {
    this.#isInputFull = false;
    this.#write();
  };

  readonly #read = (piece: string): void => {
    const lines = this.#lines.push(piece);
    if (lines === undefined) {
      this.#stop(`It wrote a line of more than ${this.#options.maxReply} characters. End each answer with a line end.`);
      return;
    }
    for (const line of lines) {
      this.#lineCount++;
      const problem = line.trim() === '' || this.#isOver ? undefined : this.#problemWith(line);
      if (problem !== undefined) this.#stop(`Line ${this.#lineCount} of its output ${problem}`);
    }
  };

  /** Takes a line as an answer, or returns the problem with it. */
  #problemWith(line: string): string | undefined {
    const reply = new WholeReply(200, {}, line);
    const id = idIn(reply);
    if (id === 'no JSON') {
      return 'is not JSON. Let it print only answers there, and everything else on standard error.';
    }
    if (typeof id !== 'number') {
      return 'has no `id`. Let each answer hold the number `id` of its query.';
    }
    if (!this.#open.answer(id, reply)) return 'has the `id` of no open query. Let it answer each query once.';
    this.#options.history.hasAnswered = true;
    return undefined;
  }

  readonly #onSilence = (): void => {
    const {timeout} = this.#options;
    this.#stop(
      `It answered nothing for ${timeout} ms. Let it flush its output after each answer (in Python: ` +
        '`print(…, flush=True)`), or raise `timeout`.',
    );
  };

  readonly #onStartFailure = (cause: NodeJS.ErrnoException): void => {
    const {words, cwd} = this.#options;
    const [program = ''] = words;
    // An error of a process that runs is handled when the process ends.
    if (this.#child.process.pid !== undefined) return;
    const problems: Readonly<Record<string, string>> = {
      ENOENT: existsSync(cwd)
        ? `there is no program \`${program}\`. Check \`command\` and PATH.`
        : 'the folder `cwd` is not there.',
      EACCES: `\`${program}\` may not be run. Make it executable, or name what runs it first: ['python3', …].`,
    };
    const problem = problems[cause.code ?? ''] ?? `the system says ${cause.code ?? cause.message}.`;
    this.#fail(`It can not be started: ${problem}`, {retryable: false, inDoubt: false});
  };

  readonly #onExit = (code: number | null, signal: string | null): void => {
    this.#end();
    let timer: NodeJS.Timeout | undefined;
    const fail = () => {
      clearTimeout(timer);
      const way = signal === null ? `with exit code ${code}` : `by ${signal}`;
      this.#fail(
        `It ended ${way} while it was asked. Let it read until its input ends, and answer {"id": …, "error": …} if ` +
          'one input is to blame.',
      );
    };
    timer = setTimeout(fail, LAST_WORDS);
    this.#child.process.once('close', fail);
  };

  /** Ends the process, because its output can't be trusted or waited for any more. */
  #stop(problem: string): void {
    this.#fail(problem);
    void this.#child.stop();
  }

  /** Fails all open queries. */
  #fail(problem: string, details: TeacherErrorDetails = {retryable: this.#options.history.hasAnswered}): void {
    this.#end();
    const said = `${this.#said}`;
    const whole = said === '' ? problem : `${problem} Its last output:\n${said}`;
    this.#open.fail(inDoubt => new TeacherError(this.#options.name, whole, {inDoubt, ...details}));
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
  }
}

/** Returns the `id` of an answer, of any type. */
function idIn(reply: Reply): unknown {
  try {
    return ((parseJson('', reply) ?? {}) as {readonly id?: unknown}).id;
  } catch {
    return 'no JSON';
  }
}

interface OpenQuery {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
  /** True if the program can have read it. */
  isWritten: boolean;
}

/** The queries that a program has not answered yet. */
class OpenQueries {
  readonly #timeout: number;
  readonly #onSilence: () => void;
  readonly #open = new Map<number, OpenQuery>();
  /** Queries whose answers nobody waits for any more. */
  readonly #abandoned = new Set<number>();
  /** Keeps this process alive while there are queries. Nothing else of the child does. */
  #silence: NodeJS.Timeout | undefined;

  /** @param onSilence - called if no query is answered for `timeout` milliseconds */
  constructor(timeout: number, onSilence: () => void) {
    this.#timeout = timeout;
    this.#onSilence = onSilence;
  }

  /** Adds a query. Resolves with its answer. */
  add(id: number, signal: AbortSignal | undefined): Promise<Reply> {
    this.#silence ??= setTimeout(this.#onSilence, this.#timeout);
    return new Promise((resolve, reject) => {
      const abort = () => {
        const asked = this.#take(id);
        if (asked?.isWritten) this.#abandoned.add(id);
        asked?.reject(signal?.reason);
      };
      const settling = <T>(settle: (value: T) => void) => {
        return (value: T) => {
          signal?.removeEventListener('abort', abort);
          settle(value);
        };
      };
      signal?.addEventListener('abort', abort);
      this.#open.set(id, {resolve: settling(resolve), reject: settling(reject), isWritten: false});
    });
  }

  /** Call this before a query is written. @returns false if nobody waits for it any more */
  write(id: number): boolean {
    const asked = this.#open.get(id);
    if (asked) asked.isWritten = true;
    return asked !== undefined;
  }

  /** @returns false if no query with this number awaits an answer */
  answer(id: number, reply: Reply): boolean {
    if (this.#abandoned.delete(id)) return true;
    const asked = this.#take(id);
    this.#silence?.refresh();
    asked?.resolve(reply);
    return asked !== undefined;
  }

  /** @param errorOf - gives the error of a query that was written or not */
  fail(errorOf: (isWritten: boolean) => Error): void {
    for (const [id, {isWritten}] of this.#open) this.#take(id)?.reject(errorOf(isWritten));
  }

  #take(id: number): OpenQuery | undefined {
    const asked = this.#open.get(id);
    this.#open.delete(id);
    if (this.#open.size === 0) {
      clearTimeout(this.#silence);
      this.#silence = undefined;
    }
    return asked;
  }
}
