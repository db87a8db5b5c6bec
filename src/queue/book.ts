import type {Run} from './run.ts';
import type {Redis} from './server.ts';
import type {StudyRun} from './study-run.ts';

const RUNS = 'limbeck-queue:runs';
const STUDIES = 'limbeck-queue:studies';
const WORKERS = 'limbeck-queue:workers';
const workerKey = (id: string) => `limbeck-queue:worker:${id}`;
const endedKey = (id: string) => `limbeck-queue:ended:${id}`;

/** Milliseconds after which a silent worker is no longer listed. */
const SILENT = 15_000;

/** Milliseconds for which it is known that a run came to its end: other coordinators of it may still wait. */
const ENDED = 86_400_000;

/** A range that a worker answers now. */
export interface HeldRange {
  readonly name: string;
  /** ISO 8601. */
  readonly since: string;
  readonly answered: number;
  readonly of: number;
}

/** The state of a worker, which the worker itself writes. */
export interface WorkerState {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  /** The id of the run that it works on. */
  readonly run?: string | undefined;
  readonly holds: readonly HeldRange[];
  /** Answers a second, over the last seconds. */
  readonly speed: number;
  /** Why it takes no part in runs, by their ids. */
  readonly refuses: Readonly<Record<string, string>>;
}

/** The runs and the workers of a Redis. */
export class RunBook {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Enters a run. If it is there, its options are those of the last entry. */
  async begin(run: Run): Promise<void> {
    await this.#redis.del(endedKey(run.id));
    await this.#redis.hset(RUNS, run.id, JSON.stringify(run));
  }

  /** In the order of their beginnings. */
  async runs(): Promise<readonly Run[]> {
    return inOrder<Run>(await this.#redis.hgetall(RUNS));
  }

  async run(id: string): Promise<Run | undefined> {
    const text = await this.#redis.hget(RUNS, id);
    return text === null ? undefined : inOrder<Run>({[id]: text})[0];
  }

  /** Removes a run whose ranges are all answered. */
  async end(id: string): Promise<void> {
    await this.#redis.set(endedKey(id), '1', 'PX', ENDED);
    await this.#redis.hdel(RUNS, id);
  }

  async hasEnded(id: string): Promise<boolean> {
    return (await this.#redis.get(endedKey(id))) !== null;
  }

  /** Enters the trainings of a study. */
  async beginStudy(run: StudyRun): Promise<void> {
    await this.#redis.hset(STUDIES, run.id, JSON.stringify(run));
  }

  /** The studies that train, in the order of their beginnings. */
  async studies(): Promise<readonly StudyRun[]> {
    return inOrder<StudyRun>(await this.#redis.hgetall(STUDIES));
  }

  async endStudy(id: string): Promise<void> {
    await this.#redis.hdel(STUDIES, id);
  }

  /** Tells that a worker is there; to be repeated every few seconds. */
  async tell(worker: WorkerState): Promise<void> {
    await this.#redis.sadd(WORKERS, worker.id);
    await this.#redis.set(workerKey(worker.id), JSON.stringify(worker), 'PX', SILENT);
  }

  async leave(id: string): Promise<void> {
    await this.#redis.srem(WORKERS, id);
    await this.#redis.del(workerKey(id));
  }

  /** The workers that are there. */
  async workers(): Promise<readonly WorkerState[]> {
    const ids = await this.#redis.smembers(WORKERS);
    if (ids.length === 0) return [];
    const found = await this.#redis.mget(...ids.map(workerKey));
    const silent = ids.filter((_, index) => found[index] === null);
    if (silent.length > 0) await this.#redis.srem(WORKERS, ...silent);
    const workers = found.flatMap(text => (typeof text === 'string' ? [JSON.parse(text) as WorkerState] : []));
    return workers.sort((one, other) => one.id.localeCompare(other.id));
  }
}

/** The entries of a hash that are of this format, in the order of their beginnings. */
function inOrder<T extends Run | StudyRun>(entries: Readonly<Record<string, string>>): readonly T[] {
  const all = Object.values(entries).map(text => JSON.parse(text) as T);
  return all.filter(({format}) => format === 1).sort((one, other) => one.begun.localeCompare(other.begun));
}
