import {findDuplicates} from '../data/texts/duplicates.ts';
import type {WrittenLine} from '../data/texts/written.ts';
import {BudgetError, InputError, UnrecordedError} from '../errors.ts';
import type {Outcome, Query} from '../teacher.ts';
import type {WrittenAnswer} from '../writer.ts';
import {type PromptContext, promptFor, promptHash, type WriteRequest} from './prompt.ts';
import type {WritingTask} from './task.ts';

export interface WriteOptions {
  readonly task: WritingTask;
  /** The name of the model that writes. */
  readonly writer: string;
  /** Texts that were written before, in their order. */
  readonly before: readonly WrittenLine[];
  /** How many texts there are to be in all, those from before among them. */
  readonly count: number;
  /** The most texts of one request. */
  readonly perRequest: number;
  readonly seed: number;
  /** By class, what a student is unsure of. */
  readonly unsure?: PromptContext['unsure'];
  /** Asks, and returns an outcome for each query in order. */
  readonly ask: (queries: readonly Query[]) => Promise<readonly Outcome[]>;
  /**
   * How many times as many texts are written as are lacking.
   *
   * @default 1
   */
  readonly overproduce?: number | undefined;
  /** Ends the writing. What is written by then is returned. */
  readonly signal?: AbortSignal | undefined;
}

export interface WriteResult {
  /** Those from before, then the new ones. */
  readonly lines: readonly WrittenLine[];
  /** How many texts the model gave. */
  readonly made: number;
  /** Of these, how many repeat a real or a written text. */
  readonly repeated: number;
  readonly requests: number;
  /** Requests without a text, and the first reason. */
  readonly failed: {readonly count: number; readonly first: Error | undefined};
  /** Why it ended before it was done, if something else than the limit of requests ended it. */
  readonly stopped: Error | undefined;
}

/** Near-duplicates of written texts: models repeat themselves more than people do. */
const NEAR = 0.8;

/** Requests of one round, at least, if so many are needed. Later rounds know what the earlier ones brought. */
const ROUND = 32;

/** Requests that are allowed for a class, for each that would do if no text repeated another, and beyond. */
const [ALLOWED, SPARE] = [2, 3];

/** How many texts each class lacks: all get equally many, the first ones one more if it does not come out even. */
export function lacking({task, before, count}: Pick<WriteOptions, 'task' | 'before' | 'count'>): readonly number[] {
  const {classes} = task;
  return classes.map(({name}, label) => {
    const share = Math.floor(count / classes.length) + (label < count % classes.length ? 1 : 0);
    return Math.max(0, share - before.filter(line => line.label === name).length);
  });
}

/** The fewest and the most requests that a run sends. */
export function requestsFor(options: Pick<WriteOptions, 'task' | 'before' | 'count' | 'perRequest' | 'overproduce'>): {
  readonly least: number;
  readonly most: number;
} {
  const {overproduce = 1} = options;
  const each = lacking(options).flatMap(count => (count > 0 ? [count * overproduce] : []));
  const sum = (of: (count: number) => number) => each.reduce((total, count) => total + of(count), 0);
  return {
    least: sum(count => Math.ceil(count / options.perRequest)),
    most: sum(count => allowedFor(count, options.perRequest)),
  };
}

function allowedFor(count: number, perRequest: number): number {
  return ALLOWED * Math.ceil(count / perRequest) + SPARE;
}

/**
 * Has a model write texts for each class until each has its share. What was written before, the seed and the replies
 * decide every prompt. So a run that was killed sends the same prompts again, and what was answered before costs nothing.
 *
 * @throws InputError if a number can't be used
 */
export async function writeTexts(options: WriteOptions): Promise<WriteResult> {
  checkNumbers(options);
  const run = new WritingRun(options);
  try {
    while (!run.isOver) {
      options.signal?.throwIfAborted();
      const requests = run.nextRound();
      if (requests.length === 0) break;
      const prompts = requests.map(request => run.promptOf(request));
      const outcomes = await options.ask(
        prompts.map((text, index) => ({input: {kind: 'text', text}, sample: requests[index]!.number})),
      );
      await run.take(requests, prompts, outcomes);
    }
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    run.stop(error as Error);
  }
  return run.result;
}

function checkNumbers({count, perRequest}: WriteOptions): void {
  for (const [name, value] of Object.entries({count, perRequest})) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new InputError(`Expected \`${name}\` to be a whole number above 0, got ${value}.`);
  }
}

/** What a class still lacks, and the requests that it has left. */
interface ClassState {
  lacks: number;
  /** The number of the next request. */
  next: number;
  /** The number that no request reaches. */
  readonly end: number;
}

class WritingRun {
  readonly #options: WriteOptions;
  readonly #states: readonly ClassState[];
  #lines: readonly WrittenLine[];
  #made = 0;
  #repeated = 0;
  #requests = 0;
  #failed = 0;
  #firstFailure: Error | undefined;
  #stopped: Error | undefined;

  constructor(options: WriteOptions) {
    const {task, before, perRequest, overproduce = 1} = options;
    this.#options = options;
    this.#lines = before;
    this.#states = lacking(options).map((count, label): ClassState => {
      const lacks = count * overproduce;
      const own = before.filter(line => line.label === task.classes[label]!.name);
      const next = own.reduce((most, {request}) => Math.max(most, request + 1), 0);
      return {lacks, next, end: next + allowedFor(lacks, perRequest)};
    });
  }

  get isOver(): boolean {
    return this.#stopped !== undefined;
  }

  stop(reason: Error): void {
    this.#stopped ??= reason;
  }

  get result(): WriteResult {
    return {
      lines: this.#lines,
      made: this.#made,
      repeated: this.#repeated,
      requests: this.#requests,
      failed: {count: this.#failed, first: this.#firstFailure},
      stopped: this.#stopped,
    };
  }

  /** The next requests for the classes that lack texts; none if there are none, or no more are allowed. */
  nextRound(): readonly WriteRequest[] {
    const {perRequest} = this.#options;
    const each = Math.max(1, Math.ceil(ROUND / this.#states.length));
    return this.#states.flatMap((state, label) => {
      const wanted = Math.min(each, Math.ceil(state.lacks / perRequest), state.end - state.next);
      const count = Math.min(perRequest, withSpare(Math.ceil(state.lacks / Math.max(1, wanted))));
      const first = state.next;
      state.next += wanted;
      return Array.from({length: wanted}, (_, index) => ({label, number: first + index, count}));
    });
  }

  promptOf(request: WriteRequest): string {
    const {task, seed, unsure} = this.#options;
    const written = task.classes.map(({name}) => this.#lines.filter(({label}) => label === name).map(({text}) => text));
    return promptFor(request, {task, seed, written, unsure});
  }

  /** Takes the texts of a round that repeat none. */
  async take(
    requests: readonly WriteRequest[],
    prompts: readonly string[],
    outcomes: readonly Outcome[],
  ): Promise<void> {
    this.#requests += requests.length;
    const given = outcomes.flatMap((outcome, index): readonly WrittenLine[] => {
      if ('error' in outcome) {
        this.#fail(outcome.error);
        return [];
      }
      return (outcome.answer as WrittenAnswer).texts.map(text => this.#lineOf(text, requests[index]!, prompts[index]!));
    });
    this.#made += given.length;
    const fresh = await this.#distinct(given);
    this.#repeated += given.length - fresh.length;
    this.#lines = [...this.#lines, ...fresh.filter(line => this.#isWanted(line))];
  }

  #fail(error: Error): void {
    if (error instanceof BudgetError || error instanceof UnrecordedError) {
      this.stop(error);
      return;
    }
    this.#failed++;
    this.#firstFailure ??= error;
  }

  #lineOf(text: string, {label, number}: WriteRequest, prompt: string): WrittenLine {
    const {task, writer, seed} = this.#options;
    const {name} = task.classes[label]!;
    return {text, label: name, origin: 'written', writer, prompt: promptHash(prompt), seed, request: number};
  }

  async #distinct(given: readonly WrittenLine[]): Promise<readonly WrittenLine[]> {
    const {task, signal} = this.#options;
    const others = [...task.known, ...this.#lines.map(({text}) => text)];
    const {distinct} = await findDuplicates([...others, ...given.map(({text}) => text)], {near: NEAR, signal});
    return Array.from(distinct, index => given[index - others.length]).filter(line => line !== undefined);
  }

  #isWanted({label}: WrittenLine): boolean {
    const state = this.#states[this.#options.task.classes.findIndex(({name}) => name === label)]!;
    if (state.lacks === 0) return false;
    state.lacks--;
    return true;
  }
}

/** A few more than are lacking, because some repeat others. */
function withSpare(count: number): number {
  return Math.ceil(1.25 * count) + 1;
}
