import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {stringify} from 'safe-stable-stringify';
import {z} from 'zod';
import {partFile, replaceFile} from '../data/files.ts';
import {InputError} from '../errors.ts';
import {BETS} from '../statistics/bounds.ts';
import type {ModelOptions, ServedHead, ServedHeads} from './heads.ts';
import {routeOf, type TeacherGatewayOptions} from './teacher-gateway.ts';
import {
  beginning,
  type StandingChange,
  USUAL_CONFIDENCE,
  Watch,
  type WatchedPromise,
  type WatchState,
} from './watch.ts';

/** The promises of a cascade's student. */
export interface PromiseOptions {
  /**
   * The promise that the audits hold the student to. If the student breaks it, it is demoted. Each question of a student
   * with several is held to it, and demoted by itself.
   *
   * @default the guarantee of its calibration; without one it is never demoted
   */
  readonly promise?: WatchedPromise | undefined;
  /**
   * The promise of each question of a student with several, by name.
   *
   * @default `promise`
   */
  readonly promises?: Readonly<Record<string, WatchedPromise>> | undefined;
  /**
   * The file that keeps whether the student is demoted. Each service needs its own. A student with several questions has
   * one for each: `tickets.watch.json` becomes `tickets.watch.urgent.json`.
   *
   * @default none: a restart forgets it
   */
  readonly watchFile?: string | undefined;
  /**
   * Called when the student is demoted or restored.
   *
   * @param question - name of the question that changes; undefined for a student of one question
   */
  readonly onStanding?: ((change: StandingChange, question: string | undefined) => void) | undefined;
}

/** Watches by the name of their question; of a student of one question, by undefined. */
export type Watches = ReadonlyMap<string | undefined, Watching>;

/** What is watched. */
interface WatchedService extends Pick<ModelOptions, 'calibration'> {
  readonly version: string;
  readonly cascade?: WatchedCascade | undefined;
}

interface WatchedCascade extends PromiseOptions, Pick<TeacherGatewayOptions, 'teacher' | 'onTrouble'> {}

/**
 * Watches each question whose answers are promised. n promises share the error δ = 1 - confidence: each is watched with
 * the confidence 1 - δ/n. So the probability that any question that keeps its promise is ever demoted is at most δ,
 * however the answers depend on each other (Bonferroni).
 *
 * @throws InputError if a promise is invalid, a file holds something else, or the teacher does not answer a question;
 * KnowledgeError if a file can't be written
 */
export async function openWatches(heads: ServedHeads, {cascade, ...service}: WatchedService): Promise<Watches> {
  const watches = new Map<string | undefined, Watching>();
  if (cascade === undefined) return watches;
  const {promise: whole, promises = {}, watchFile, onStanding = () => {}, onTrouble = () => {}} = cascade;
  const promised = [...heads].flatMap(([question, head]) => {
    const name = question?.name;
    const own = name !== undefined && Object.hasOwn(promises, name) ? promises[name] : undefined;
    const promise = own ?? whole ?? head.calibration.guarantee;
    return promise ? [{name, head, promise}] : [];
  });
  for (const {name, head, promise} of promised) {
    const own = partOf(promised.length, promise);
    const watching = await openWatching({
      promise: own,
      path: name === undefined || watchFile === undefined ? watchFile : partFile(watchFile, name),
      subject: {...subjectOf(head, cascade, service), ...own},
      onChange: change => onStanding(change, name),
      onTrouble,
    });
    watches.set(name, watching);
  }
  return watches;
}

/** The promise with its part of the error that `count` promises share. */
function partOf(count: number, {agreement, confidence}: WatchedPromise): WatchedPromise {
  if (count === 1) return {agreement, confidence};
  return {agreement, confidence: 1 - (1 - (confidence ?? USUAL_CONFIDENCE)) / count};
}

/** Identifies the student and the teacher of a question. */
function subjectOf(
  head: ServedHead,
  {teacher}: WatchedCascade,
  {version, calibration}: Pick<WatchedService, 'version' | 'calibration'>,
): object {
  const {identity} = teacher;
  if (head.asked.question === undefined) return {version, teacher: identity, calibration};
  return {version, teacher: identity, calibration: head.calibration, asked: routeOf(head, teacher).asked};
}

interface WatchingOptions {
  readonly promise: WatchedPromise;
  /**
   * The file that keeps the watch across restarts.
   *
   * @default none: a restart forgets it
   */
  readonly path?: string | undefined;
  /** Identifies student, teacher and promise. A change of any part begins a new watch. */
  readonly subject: unknown;
  readonly onChange: (change: StandingChange) => void;
  readonly onTrouble: (error: Error) => void;
}

/** A watch that keeps its state. */
interface Watching {
  readonly watch: Watch;
  /** See `Watch.add`. */
  add(isBroken: boolean): void;
  /** Resolves when the state is on disk. */
  close(): Promise<void>;
}

/**
 * @throws InputError if the promise is invalid, or the file holds something else; KnowledgeError if the file can't be
 * written
 */
async function openWatching({promise, path, subject, onChange, onTrouble}: WatchingOptions): Promise<Watching> {
  const file = path === undefined ? undefined : await WatchFile.open(path, subject, onTrouble);
  const watch = new Watch(promise, file?.state, change => {
    file?.keep(watch, true);
    onChange(change);
  });
  return {
    watch,
    add(isBroken) {
      watch.add(isBroken);
      file?.keep(watch);
    },
    close: async () => file?.close(watch),
  };
}

const FORMAT = 'limbeck.watch/1';
const count = z.int().min(0);
const comparisons = {compared: count, broken: count};
const tests = {broken: z.int().min(1), kept: count};

const watchState: z.ZodType<WatchState> = z.object({
  demoted: z.boolean(),
  since: z.string(),
  tests: z.object(tests),
  comparisons: z.object(comparisons),
  evidence: z.object({count, wealth: z.array(z.number().min(0)).length(BETS)}),
  lastChange: z.object({...comparisons, demoted: z.boolean(), at: z.string()}).exactOptional(),
});
const watchFile = z.object({format: z.literal(FORMAT), subject: z.string(), state: watchState});

/** Milliseconds between two writes, unless the standing changes. */
const WRITE_EVERY = 1000;

/**
 * The file that keeps a watch across restarts: whether the student is demoted, the evidence so far, and the number of
 * tests begun. Each service needs its own.
 */
class WatchFile {
  readonly path: string;
  readonly #subject: string;
  readonly #onTrouble: (error: Error) => void;
  /**
   * The state that an earlier service left of the same student. For another student, only the number of tests begun is
   * taken over.
   */
  readonly state: WatchState;
  #written: Promise<void> = Promise.resolve();
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(path: string, subject: string, state: WatchState, onTrouble: (error: Error) => void) {
    this.path = path;
    this.#subject = subject;
    this.state = state;
    this.#onTrouble = onTrouble;
  }

  /**
   * @param subject - identifies student, teacher and promise
   * @param onTrouble - called if the file can't be written any more
   * @throws InputError if the file holds something else; KnowledgeError if it can't be written
   */
  static async open(path: string, subject: unknown, onTrouble: (error: Error) => void): Promise<WatchFile> {
    const digest = createHash('sha256')
      .update(stringify(subject) ?? '')
      .digest('hex');
    const found = existsSync(path) ? await read(path) : undefined;
    const state = found?.subject === digest ? found.state : beginning(found?.state.tests);
    const file = new WatchFile(path, digest, state, onTrouble);
    await file.#write(state);
    return file;
  }

  /** Writes the state of the watch soon, or at once if its standing has just changed. */
  keep(watch: Watch, isUrgent = false): void {
    if (isUrgent) {
      this.#writeNow(watch);
      return;
    }
    this.#timer ??= setTimeout(() => this.#writeNow(watch), WRITE_EVERY).unref();
  }

  /** Resolves when the state is on disk. */
  async close(watch: Watch): Promise<void> {
    this.#writeNow(watch);
    await this.#written;
  }

  #writeNow(watch: Watch): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#isDue) return;
    this.#isDue = true;
    this.#written = this.#written.then(async () => {
      this.#isDue = false;
      await this.#write(watch.state).catch(this.#onTrouble);
    });
  }

  #write(state: WatchState): Promise<void> {
    const text = `${JSON.stringify({format: FORMAT, subject: this.#subject, state}, undefined, 2)}\n`;
    return replaceFile(this.path, async file => file.writeFile(text));
  }
}

async function read(path: string): Promise<z.infer<typeof watchFile>> {
  try {
    return watchFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new InputError(
      `${path} is not a service's watch file: ${(cause as Error).message}. Name another file, or ` +
        'delete it, which also forgets whether the student was demoted.',
      {cause},
    );
  }
}
