import {hostname} from 'node:os';
import type {BullWorkerOptions, Job} from './server.ts';

/** How often a job may lose its worker before it is dead: it may be what ends them. */
const MOST_LOST = 20;

/** Looks for jobs of silent workers, in the time after which such a job is another's. */
const LOOKS = 4;

/** Milliseconds between two reports of progress. */
const REPORT = 1000;

export interface JobWorkerOptions {
  /** Jobs at once. */
  readonly concurrency: number;
  /** Milliseconds after which a job whose worker fell silent is another's. */
  readonly lock: number;
}

/** The options of a worker of BullMQ. */
export function jobWorkerOptions({concurrency, lock}: JobWorkerOptions): BullWorkerOptions {
  // Its connection has this name too, by which dashboards find workers. Redis refuses a space in it.
  const name = `${hostname()}:${process.pid}`;
  return {
    ...{name, concurrency, lockDuration: lock, stalledInterval: lock / LOOKS},
    ...{maxStalledCount: MOST_LOST, drainDelay: 1},
  };
}

/** Reports the progress of a job, at most once a second. A report that fails changes nothing. */
export function progressOf(job: Pick<Job, 'updateProgress'>): (progress: object) => void {
  let told = 0;
  return progress => {
    if (performance.now() - told < REPORT) return;
    told = performance.now();
    void job.updateProgress(progress).catch(() => {});
  };
}
