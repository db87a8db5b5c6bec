import {setTimeout} from 'node:timers/promises';
import {BudgetError, InputError, KnowledgeError, LimbeckError} from '../errors.ts';
import type {StudyProgress} from '../study/study.ts';
import {RunBook, type WorkerState} from './book.ts';
import {countQueries, countRanges, type RangeJob, type RangeResult, rangesOf} from './ranges.ts';
import {cacheText, queueName, type Run} from './run.ts';
import type {NewJob, Queue, QueueServer} from './server.ts';

export interface CoordinateOptions {
  /** Ends the wait. The workers go on. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (progress: StudyProgress) => void;
  /** Receives notes for people. */
  readonly onNote: (note: string) => void;
}

/** By part of the run, and by index in its transfer set, why an input has no answer. */
export type MissingReasons = readonly ReadonlyMap<number, Error>[];

/** Jobs in one call of Redis. */
const BULK = 1000;

/** Milliseconds between two looks at the ranges. */
const LOOK = 500;

/** Milliseconds without any worker after which a person is told. */
const LONELY = 10_000;

/**
 * Puts the ranges of a run on its queue, and waits until all of them are answered. Ranges that are there already stay as
 * they are, so that any number of coordinators may do this, one after another or together.
 *
 * @returns the inputs without an answer
 * @throws KnowledgeError if ranges are dead when all others are answered
 * @throws InputError if the run keeps its answers elsewhere
 */
export async function coordinate(server: QueueServer, run: Run, options: CoordinateOptions): Promise<MissingReasons> {
  const book = new RunBook(server.redis);
  await enter(book, run);
  const queue = server.openQueue<RangeJob, RangeResult>(queueName(run));
  try {
    for (const jobs of chunks(rangesOf(run))) {
      options.signal?.throwIfAborted();
      await queue.addBulk(jobs);
    }
    await new Watch({book, queue, run, ...options}).untilDone();
    return await reasonsIn(queue, run);
  } finally {
    await queue.close();
  }
}

/** Removes a run with its jobs. Its answers stay. */
export async function endRun(server: QueueServer, run: Run): Promise<void> {
  await new RunBook(server.redis).end(run.id);
  const queue = server.openQueue(queueName(run));
  await queue.obliterate({force: true});
  await queue.close();
}

async function enter(book: RunBook, run: Run): Promise<void> {
  const known = await book.run(run.id);
  if (known && JSON.stringify(known.cache) !== JSON.stringify(run.cache)) {
    throw new InputError(
      `Run ${run.id} of ${run.name} keeps its answers in ${cacheText(known.cache)}, and not in ${cacheText(run.cache)}. ` +
        'Give the same `--cache`, so that nothing is bought twice.',
    );
  }
  await book.begin({...run, begun: known?.begun ?? run.begun});
}

function* chunks(jobs: Iterable<NewJob<RangeJob>>): Generator<readonly NewJob<RangeJob>[]> {
  let chunk: NewJob<RangeJob>[] = [];
  for (const job of jobs) {
    chunk.push(job);
    if (chunk.length < BULK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

interface Watched extends CoordinateOptions {
  readonly book: RunBook;
  readonly queue: Queue<RangeJob, RangeResult>;
  readonly run: Run;
}

/** Watches a run until all of its ranges are answered or dead. */
class Watch {
  readonly #watched: Watched;
  readonly #ranges: number;
  readonly #queries: number;
  #lonelySince: number | undefined = performance.now();
  #isLonelyNoted = false;
  #dead = 0;
  readonly #refusals = new Set<string>();

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#ranges = countRanges(watched.run);
    this.#queries = countQueries(watched.run);
  }

  /** @throws KnowledgeError if ranges are dead */
  async untilDone(): Promise<void> {
    const {book, queue, run, signal} = this.#watched;
    for (;;) {
      signal?.throwIfAborted();
      const {completed = 0, failed = 0} = await queue.getJobCounts('completed', 'failed');
      if (completed + failed >= this.#ranges) {
        if (failed > 0) throw await this.#deadError();
        this.#tell(this.#queries, completed, []);
        return;
      }
      if ((await book.run(run.id)) === undefined) return this.#checkEnded();
      if (failed > this.#dead) await this.#noteDead(failed);
      const workers = await book.workers();
      this.#noteWorkers(workers);
      const own = workers.filter(worker => worker.run === run.id);
      const underWay = own.flatMap(({holds}) => holds).reduce((sum, {answered}) => sum + answered, 0);
      const done = Math.round((completed / this.#ranges) * this.#queries) + underWay;
      this.#tell(Math.min(done, this.#queries - 1), completed, own);
      await setTimeout(LOOK, undefined, {signal});
    }
  }

  #tell(done: number, completed: number, workers: readonly WorkerState[]): void {
    const {run, onProgress} = this.#watched;
    const parts = [`${completed} of ${this.#ranges} ranges`];
    if (done < this.#queries) parts.push(`${workers.length} workers`);
    const speed = workers.reduce((sum, worker) => sum + worker.speed, 0);
    if (speed > 0) parts.push(`${Math.round(speed)}/s`);
    const slowest = workers.flatMap(({holds}) => holds).sort((one, other) => one.since.localeCompare(other.since))[0];
    if (slowest) {
      const seconds = Math.round((Date.now() - Date.parse(slowest.since)) / 1000);
      parts.push(`slowest ${slowest.name.replace(`${run.name} `, '')} (${seconds} s)`);
    }
    const secondsLeft = speed > 0 ? (this.#queries - done) / speed : undefined;
    onProgress({task: `label ${run.name}`, done, total: this.#queries, detail: parts.join(' · '), secondsLeft});
  }

  /** Tells once if nobody works, and why workers refuse the run. */
  #noteWorkers(workers: readonly WorkerState[]): void {
    const {run, onNote} = this.#watched;
    for (const {host, pid, refuses} of workers) {
      const refusal = refuses[run.id];
      if (refusal === undefined || this.#refusals.has(refusal)) continue;
      this.#refusals.add(refusal);
      onNote(`Worker ${pid} on ${host} takes no part in this run. ${refusal}`);
    }
    if (workers.some(worker => worker.run === run.id)) {
      this.#lonelySince = undefined;
      this.#isLonelyNoted = false;
      return;
    }
    this.#lonelySince ??= performance.now();
    if (this.#isLonelyNoted || performance.now() - this.#lonelySince < LONELY) return;
    this.#isLonelyNoted = true;
    onNote('No worker takes part in this run. Start one with `limbeck worker` and the URL of this queue.');
  }

  async #noteDead(failed: number): Promise<void> {
    this.#dead = failed;
    const {queue, onNote} = this.#watched;
    const [last] = await queue.getFailed(0, 0);
    onNote(`Range ${last?.name} is dead. ${last?.failedReason} The others go on. ${ON_DEAD}`);
  }

  async #deadError(): Promise<KnowledgeError> {
    const {queue, run} = this.#watched;
    const dead = await queue.getFailed(0, 2);
    const lines = dead.flatMap(job => (job ? [`\n  ${job.name}: ${job.failedReason}`] : []));
    return new KnowledgeError(
      `Ranges of ${run.name} are dead, so that no knowledge is saved:${lines.join('')}\n${ON_DEAD}`,
    );
  }

  /** @throws LimbeckError if no other coordinator brought the run to its end */
  async #checkEnded(): Promise<void> {
    const {book, run} = this.#watched;
    if (await book.hasEnded(run.id)) return;
    throw new LimbeckError(
      `Redis no longer knows run ${run.id} of ${run.name}: its data are lost. Give the same command again. Answers that ` +
        'are lost too come back with `limbeck cache rebuild`, run in the folder of each worker.',
    );
  }
}

const ON_DEAD = '`limbeck queue dead` lists dead ranges, and `limbeck queue retry` puts them back.';

/** The inputs without an answer of all answered ranges. */
async function reasonsIn(queue: Queue<RangeJob, RangeResult>, run: Run): Promise<MissingReasons> {
  const reasons = run.origin.parts.map(() => new Map<number, Error>());
  for (let start = 0; ; start += BULK) {
    const jobs = await queue.getCompleted(start, start + BULK - 1);
    for (const job of jobs) {
      for (const {reason, isUnpaid, rows} of job?.returnvalue?.missing ?? []) {
        const error = isUnpaid ? new BudgetError(reason) : new KnowledgeError(reason);
        for (const row of rows) reasons[job!.data.part]!.set(row, error);
      }
    }
    if (jobs.length < BULK) return reasons;
  }
}
