import {RunBook, type WorkerState} from './book.ts';
import {countQueries, countRanges, type RangeJob, type RangeResult} from './ranges.ts';
import {queueName, type Run} from './run.ts';
import type {Job, Queue, QueueServer} from './server.ts';
import {studyQueue} from './study-run.ts';

/** How far a run is. */
export interface RunFacts {
  readonly id: string;
  readonly name: string;
  /** ISO 8601. */
  readonly begun: string;
  /** No new range begins. */
  readonly isDrained: boolean;
  readonly queries: number;
  readonly ranges: {
    readonly total: number;
    readonly waiting: number;
    /** Workers have them. */
    readonly held: number;
    /** They go back to the queue after a pause. */
    readonly delayed: number;
    readonly answered: number;
    readonly dead: number;
  };
  /** Answers a second, of all workers. */
  readonly speed: number;
}

/** How far the trainings of a study are. */
export interface StudyFacts {
  readonly id: string;
  /** Of the recipe. */
  readonly name: string;
  /** ISO 8601. */
  readonly begun: string;
  readonly trainings: {readonly waiting: number; readonly held: number; readonly ended: number};
}

/** A range that failed. */
export interface DeadRange {
  readonly run: string;
  readonly name: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Dead ranges in one call of Redis. */
const PAGE = 1000;

/** The runs of a Redis, and acts on them. */
export class QueueRuns {
  readonly #server: QueueServer;
  readonly #book: RunBook;

  constructor(server: QueueServer) {
    this.#server = server;
    this.#book = new RunBook(server.redis);
  }

  /** @param name - a recipe's name, or a run's id; undefined for all runs */
  async runs(name: string | undefined): Promise<readonly Run[]> {
    const all = await this.#book.runs();
    return all.filter(run => name === undefined || run.name === name || run.id === name);
  }

  workers(): Promise<readonly WorkerState[]> {
    return this.#book.workers();
  }

  async factsOf(run: Run, workers: readonly WorkerState[]): Promise<RunFacts> {
    return this.#with(run, async queue => {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'completed', 'failed');
      const {waiting = 0, active: held = 0, delayed = 0, completed: answered = 0, failed: dead = 0} = counts;
      const own = workers.filter(worker => worker.run === run.id);
      const {id, name, begun} = run;
      return {
        ...{id, name, begun},
        isDrained: await queue.isPaused(),
        queries: countQueries(run),
        ranges: {total: countRanges(run), waiting, held, delayed, answered, dead},
        speed: own.reduce((sum, {speed}) => sum + speed, 0),
      };
    });
  }

  /** The studies whose students are trained now. */
  async studies(): Promise<readonly StudyFacts[]> {
    const facts: StudyFacts[] = [];
    for (const {id, name, begun} of await this.#book.studies()) {
      const queue = this.#server.openQueue(studyQueue({id, name}));
      const counts = await queue.getJobCounts('waiting', 'active', 'completed', 'failed').finally(() => queue.close());
      const {waiting = 0, active: held = 0, completed = 0, failed = 0} = counts;
      facts.push({id, name, begun, trainings: {waiting, held, ended: completed + failed}});
    }
    return facts;
  }

  /** Begins no further range, or begins ranges again. */
  async setDrained(run: Run, isDrained: boolean): Promise<void> {
    await this.#with(run, queue => (isDrained ? queue.pause() : queue.resume()));
  }

  async dead(run: Run): Promise<readonly DeadRange[]> {
    const jobs = await this.#with(run, deadJobs);
    return jobs.map(({name, failedReason = '', finishedOn = 0}) => ({
      run: run.id,
      name,
      reason: failedReason,
      at: new Date(finishedOn).toISOString(),
    }));
  }

  /** Puts dead ranges back. Returns how many. */
  async retry(run: Run): Promise<number> {
    return this.#with(run, async queue => {
      const jobs = await deadJobs(queue);
      for (const job of jobs) await job.retry();
      return jobs.length;
    });
  }

  async #with<T>(run: Run, use: (queue: Queue<RangeJob, RangeResult>) => Promise<T>): Promise<T> {
    const queue = this.#server.openQueue<RangeJob, RangeResult>(queueName(run));
    try {
      return await use(queue);
    } finally {
      await queue.close();
    }
  }
}

async function deadJobs(queue: Queue<RangeJob, RangeResult>): Promise<readonly Job<RangeJob, RangeResult>[]> {
  const found: Job<RangeJob, RangeResult>[] = [];
  for (let start = 0; ; start += PAGE) {
    const page = await queue.getFailed(start, start + PAGE - 1);
    for (const job of page) if (job) found.push(job);
    if (page.length < PAGE) return found;
  }
}
