import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {stringify} from 'safe-stable-stringify';
import {z} from 'zod';
import {replaceFile} from '../data/replace-file.ts';
import {InputError} from '../errors.ts';
import {BETS} from '../statistics/e-process.ts';
import {beginning, type StandingChange, Watch, type WatchedPromise, type WatchState} from './watch.ts';

interface WatchingOptions {
  readonly promise: WatchedPromise;
  /**
   * The file by which the watch outlives its process.
   *
   * @default a restart forgets it
   */
  readonly path?: string | undefined;
  /** All that makes it another student, teacher or promise where it changes. */
  readonly subject: unknown;
  readonly onChange: (change: StandingChange) => void;
  readonly onTrouble: (error: Error) => void;
}

/** A watch whose state is kept. */
export interface Watching {
  readonly watch: Watch;
  /** See `Watch.add`. */
  add(isBroken: boolean): void;
  /** Resolves when all is on disk. */
  close(): Promise<void>;
}

/** @throws InputError where the promise is none, or the file holds something else; KnowledgeError where it can't be written */
export async function openWatching({promise, path, subject, onChange, onTrouble}: WatchingOptions): Promise<Watching> {
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

/** Milliseconds between two writings, save where the standing changes. */
const WRITE_EVERY = 1000;

/**
 * The file by which a watch outlives its process: whether the student is demoted, the evidence so far, and how many tests
 * were begun. It is of one service; two of them need a file each.
 */
class WatchFile {
  readonly path: string;
  readonly #subject: string;
  readonly #onTrouble: (error: Error) => void;
  /** What an earlier service left of the same student; of another one, the tests that were begun with it. */
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
   * @param subject - all that makes it another student, teacher or promise where it changes
   * @param onTrouble - told where it can't be written any more
   * @throws InputError where the file holds something else; KnowledgeError where it can't be written
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

  /** Keeps what the watch knows, soon; at once where its standing has just changed. */
  keep(watch: Watch, isUrgent = false): void {
    if (isUrgent) {
      this.#writeNow(watch);
      return;
    }
    this.#timer ??= setTimeout(() => this.#writeNow(watch), WRITE_EVERY).unref();
  }

  /** Resolves when all is on disk. */
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
      `${path} is not what a service keeps of its watch over a student: ${(cause as Error).message}. Name another file, or ` +
        'delete it, which also forgets whether the student was demoted.',
      {cause},
    );
  }
}
