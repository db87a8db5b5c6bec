import {randomUUID} from 'node:crypto';
import {hostname} from 'node:os';
import {pause} from '../concurrency.ts';
import {AnswerStoreError, LimbeckError} from '../errors.ts';
import {withoutSecrets} from '../secrets.ts';
import {afterFailure, putBack, RETRY} from './after-failure.ts';
import {type HeldRange, RunBook} from './book.ts';
import {jobWorkerOptions, progressOf} from './job-worker.ts';
import type {RangeJob, RangeResult} from './ranges.ts';
import {queueName, type Run} from './run.ts';
import type {BullWorker, Job, Queue, QueueServer} from './server.ts';
import {Refusal, Session, type SessionOptions} from './session.ts';
import {Speed} from './speed.ts';

export interface WorkerOptions extends SessionOptions {
  /** Ranges at once. While one waits for its last answers, another one keeps requests busy. */
  readonly ranges: number;
  /** Takes no new range, and sends nothing more, when it aborts. */
  readonly signal: AbortSignal;
}

/** Requests under way brought no reply in time at the end of a worker. */
export class UnfinishedError extends LimbeckError {}

/** Milliseconds between two looks at what there is to do. */
const LOOK = 1000;

/** Milliseconds between two times at which a worker tells that it is there. */
const TELL = 2000;

/** Milliseconds after which a range whose worker fell silent is another's. */
const LOCK = 10_000;

/** Milliseconds that a worker waits for requests under way at its end. */
export const GRACE = 25_000;

/**
 * Answers ranges of the runs of a queue until the signal aborts.
 *
 * @throws UnfinishedError if requests under way brought no reply in time
 * @throws the error of a range that failed, after the range was marked as dead
 */
export async function work(server: QueueServer, options: WorkerOptions): Promise<{readonly ranges: number}> {
  const worker = new RangeWorker(server, options);
  try {
    await worker.run();
  } finally {
    await worker.leave();
  }
  return {ranges: worker.done};
}

class RangeWorker {
  /** Ranges that were answered here. */
  done = 0;
  readonly #id = randomUUID();
  readonly #since = new Date().toISOString();
  readonly #server: QueueServer;
  readonly #options: WorkerOptions;
  readonly #book: RunBook;
  /** Aborts at the signal of the caller, and when a range failed. */
  readonly #stop = new AbortController();
  readonly #queues = new Map<string, Queue<RangeJob, RangeResult>>();
  readonly #holds = new Set<{-readonly [Key in keyof HeldRange]: HeldRange[Key]}>();
  readonly #refuses = new Map<string, string>();
  readonly #speed = new Speed();
  readonly #telling: NodeJS.Timeout;
  #session: Session | undefined;
  #failure: Error | undefined;

  constructor(server: QueueServer, options: WorkerOptions) {
    this.#server = server;
    this.#options = options;
    this.#book = new RunBook(server.redis);
    const {signal} = options;
    if (signal.aborted) this.#stop.abort(signal.reason);
    signal.addEventListener('abort', () => this.#stop.abort(signal.reason));
    this.#telling = setInterval(() => this.#tell(), TELL);
  }

  async run(): Promise<void> {
    const {signal} = this.#stop;
    this.#tell();
    while (!signal.aborted) {
      const run = await this.#next();
      if (run === undefined || !(await this.#opens(run))) await pause(LOOK, signal);
      else await this.#workOn(run);
    }
    if (this.#failure) throw this.#failure;
  }

  async leave(): Promise<void> {
    clearInterval(this.#telling);
    await this.#session?.close();
    await this.#book.leave(this.#id).catch(() => {});
    for (const queue of this.#queues.values()) await queue.close();
  }

  /** The run to work on: the first with ranges that wait, or else the first whose ranges are with others. */
  async #next(): Promise<Run | undefined> {
    let second: Run | undefined;
    const runs = await this.#book.runs();
    for (const id of this.#refuses.keys()) if (!runs.some(run => run.id === id)) this.#refuses.delete(id);
    for (const run of runs) {
      if (this.#refuses.has(run.id)) continue;
      const {waiting, others} = await this.#openRanges(run);
      if (waiting > 0) return run;
      if (others > 0) second ??= run;
    }
    return second;
  }

  /** Ranges that can be taken, and those that may have to be. */
  async #openRanges(run: Run): Promise<{readonly waiting: number; readonly others: number}> {
    const queue = this.#queueOf(run);
    if (await queue.isPaused()) return {waiting: 0, others: 0};
    const {waiting = 0, delayed = 0, active = 0} = await queue.getJobCounts('waiting', 'delayed', 'active');
    return {waiting, others: delayed + active};
  }

  #queueOf(run: Run): Queue<RangeJob, RangeResult> {
    const name = queueName(run);
    const queue = this.#queues.get(name) ?? this.#server.openQueue<RangeJob, RangeResult>(name);
    this.#queues.set(name, queue);
    return queue;
  }

  /** Opens the session of a run, if this worker may take part. */
  async #opens(run: Run): Promise<boolean> {
    if (this.#session && isSame(this.#session.run, run)) return true;
    await this.#session?.close();
    this.#session = undefined;
    try {
      this.#session = await Session.open(this.#server, run, this.#options, this.#stop.signal);
      return true;
    } catch (error) {
      // Redis went away in the meantime, which its client has noted. The run is opened when it is back.
      if (error instanceof AnswerStoreError && error.isAway) return false;
      if (!(error instanceof Refusal)) throw error;
      this.#refuses.set(run.id, error.message);
      this.#options.onNote(error.message);
      this.#tell();
      return false;
    }
  }

  /** Takes ranges of a run until it has ended or changed, or another one has more to do. */
  async #workOn(run: Run): Promise<void> {
    const {ranges, onNote} = this.#options;
    const {signal} = this.#stop;
    onNote(`Takes part in run ${run.id} of ${run.name}.`);
    const bull = this.#server.startWorker<RangeJob, RangeResult>(
      queueName(run),
      (job, token) => this.#answer(job, token),
      jobWorkerOptions({concurrency: ranges, lock: LOCK}),
    );
    this.#tell();
    try {
      do await pause(LOOK, signal);
      while (!signal.aborted && (await this.#hasWork(run)));
    } finally {
      await this.#closed(bull);
    }
  }

  async #hasWork(run: Run): Promise<boolean> {
    const now = await this.#book.run(run.id);
    if (now === undefined || !isSame(now, run)) return false;
    if (this.#holds.size > 0) return true;
    const {waiting} = await this.#openRanges(run);
    return waiting > 0 || (await this.#next())?.id === run.id;
  }

  /** @throws UnfinishedError if requests under way bring no reply in time */
  async #closed(bull: BullWorker): Promise<void> {
    const closing = bull.close();
    const late = new AbortController();
    const isLate = await Promise.race([closing.then(() => false), this.#graceOver(late.signal)]);
    late.abort();
    if (!isLate) return;
    throw new UnfinishedError(
      `Requests under way brought no reply within ${GRACE / 1000} s of the end of this worker. The next one in this ` +
        'folder names their inputs in doubt.',
    );
  }

  /** Resolves when the time is over that requests have after the stop. */
  async #graceOver(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted && !this.#stop.signal.aborted) await pause(LOOK, signal);
    await pause(GRACE, signal);
    return true;
  }

  async #answer(job: Job<RangeJob, RangeResult>, token: string): Promise<RangeResult> {
    const held = {name: job.name, since: new Date().toISOString(), answered: 0, of: job.data.to - job.data.from};
    this.#holds.add(held);
    const tell = progressOf(job);
    try {
      const result = await this.#session!.answer(job.data, (done, total) => {
        this.#speed.add(Math.max(0, done - held.answered));
        Object.assign(held, {answered: done, of: total});
        tell({answered: done, of: total});
      });
      await job.updateProgress({answered: result.answered, of: held.of});
      this.done++;
      return result;
    } catch (error) {
      throw await this.#failed(job, token, error as Error);
    } finally {
      this.#holds.delete(held);
    }
  }

  /** Puts a range back, or returns the error that makes it dead. Then this worker ends. */
  async #failed(job: Job<RangeJob, RangeResult>, token: string, error: Error): Promise<Error> {
    const isStopped = this.#stop.signal.aborted;
    const after = isStopped ? 'back' : afterFailure(error, job);
    if (after === 'later') this.#options.onNote(`${job.name} goes back for ${RETRY / 1000} s: ${error.message}`);
    else if (!isStopped) {
      this.#failure = error;
      this.#stop.abort(error);
    }
    return (await putBack(job, token, after, this.#server.putBack)) ?? new Error(withoutSecrets(error.message));
  }

  #tell(): void {
    const {run} = this.#session ?? {};
    const refuses = Object.fromEntries(this.#refuses);
    const self = {id: this.#id, host: hostname(), pid: process.pid, since: this.#since};
    void this.#book
      .tell({...self, run: run?.id, holds: [...this.#holds], speed: this.#speed.now(), refuses})
      .catch(() => {});
  }
}

function isSame(one: Run, other: Run): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
