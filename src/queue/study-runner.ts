import {readdir} from 'node:fs/promises';
import {join, relative} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {deserialize, serialize} from 'node:v8';
import {isBucketUrl} from '../data/bucket/url.ts';
import {LimbeckError} from '../errors.ts';
import {bucketIndices} from '../knowledge/shard-folder.ts';
import {type DoneMessage, type SendJob, sendingRunner} from '../study/job-messages.ts';
import type {JobListeners} from '../study/jobs.ts';
import type {Study, Workers} from '../study/study.ts';
import {engineOf, trainingThreads} from '../study/training.ts';
import type {OpenRunner} from '../study/workers.ts';
import {digestOf} from '../train/fingerprint.ts';
import {RunBook} from './book.ts';
import {fetchBytes, fetchFile, sendFiles} from './files.ts';
import type {Job, Queue, QueueServer} from './server.ts';
import {moduleDigest, pathHere} from './session.ts';
import {studyId, studyOriginOf} from './study-origin.ts';
import {type StudyRun, studyQueue, type TrainingJob, type TrainingResult} from './study-run.ts';

/** Milliseconds between two looks at the trainings. */
const LOOK = 500;

type TrainingQueue = Queue<TrainingJob, TrainingResult>;

/** Trains the students of a study on the workers of a queue. */
export function queueRunner(server: QueueServer, {module, changes}: Workers): OpenRunner {
  return (study, jobs) => {
    let opened: Promise<Trainings> | undefined;
    const send: SendJob = async (message, listeners, students) => {
      opened ??= openTrainings(server, study, {module, changes});
      const trainings = await opened;
      const within = students.map(student => relative(study.directory, student));
      return trainings.train({message: serialize(message).toString('base64'), students: within}, listeners);
    };
    const close = async () => (await opened)?.close();
    return sendingRunner(study.directory, send, {concurrency: jobs, close});
  };
}

async function openTrainings(server: QueueServer, study: Study, {module, changes}: Workers): Promise<Trainings> {
  const {directory, knowledgeRoot, recipe} = study;
  const bucket = isBucketUrl(knowledgeRoot) ? knowledgeRoot : undefined;
  const knowledge = bucket
    ? await bucketIndices(bucket)
    : await sendFiles(server.redis, directory, await knowledgeIn(directory));
  const origin = studyOriginOf(engineOf(study), await moduleDigest(module), recipe.data);
  const about = {name: recipe.name, origin, threads: trainingThreads(study), changes, knowledge, bucket};
  const run: StudyRun = {
    ...{format: 1, id: studyId(about), path: pathHere(module), begun: new Date().toISOString()},
    ...about,
  };
  await new RunBook(server.redis).beginStudy(run);
  return new Trainings(server, run, study);
}

/** The files of saved knowledge in the folder of a study, and in those of its questions. */
async function knowledgeIn(directory: string): Promise<readonly string[]> {
  const all = await readdir(directory, {recursive: true, withFileTypes: true});
  return all
    .filter(
      entry => entry.isFile() && /(^|[\\/])knowledge$/.test(entry.parentPath) && entry.name.endsWith('.safetensors'),
    )
    .map(entry => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/** A training that somebody waits for. */
interface Awaited {
  readonly listeners: JobListeners;
  readonly resolve: (job: Job<TrainingJob, TrainingResult>) => void;
  readonly reject: (error: unknown) => void;
}

/** The trainings of one study that are on a queue. */
class Trainings {
  readonly #server: QueueServer;
  readonly #run: StudyRun;
  readonly #study: Study;
  readonly #queue: TrainingQueue;
  readonly #awaited = new Map<string, Awaited>();
  #watching: Promise<void> | undefined;

  constructor(server: QueueServer, run: StudyRun, study: Study) {
    this.#server = server;
    this.#run = run;
    this.#study = study;
    this.#queue = server.openQueue(studyQueue(run));
  }

  async train(data: TrainingJob, listeners: JobListeners): Promise<DoneMessage> {
    // The same training has the same id, so one that a coordinator left is not trained again.
    const jobId = digestOf([data.message, data.students]);
    const name = `${this.#run.name} ${data.students[0] ?? 'trial'}`;
    await this.#queue.addBulk([{name, data, opts: {jobId, stackTraceLimit: 1}}]);
    const job = await new Promise<Job<TrainingJob, TrainingResult>>((resolve, reject) => {
      this.#awaited.set(jobId, {listeners, resolve, reject});
      this.#watching ??= this.#watch();
    });
    return this.#take(job);
  }

  /** Ends the study on the queue, unless trainings are left to workers. */
  async close(): Promise<void> {
    await this.#watching;
    if (!this.#study.signal?.aborted) {
      await new RunBook(this.#server.redis).endStudy(this.#run.id);
      await this.#queue.obliterate({force: true});
    }
    await this.#queue.close();
  }

  /** Brings the student here, with the file of its run last: that says that it is whole. */
  async #take(job: Job<TrainingJob, TrainingResult>): Promise<DoneMessage> {
    const {redis} = this.#server;
    if (job.failedReason !== undefined) {
      await job.remove();
      throw new LimbeckError(job.failedReason);
    }
    const {done, files} = job.returnvalue;
    const ordered = files.toSorted((one, other) => Number(isRun(one.path)) - Number(isRun(other.path)));
    for (const file of ordered) await fetchFile(redis, this.#study.directory, file);
    const message = deserialize(await fetchBytes(redis, done)) as DoneMessage;
    await job.remove();
    return message;
  }

  async #watch(): Promise<void> {
    const {signal} = this.#study;
    try {
      while (this.#awaited.size > 0) {
        signal?.throwIfAborted();
        for (const job of await this.#queue.getCompleted(0, -1)) this.#settle(job);
        for (const job of await this.#queue.getFailed(0, -1)) this.#settle(job);
        for (const job of await this.#queue.getActive(0, -1)) this.#tell(job);
        if (this.#awaited.size > 0) await setTimeout(LOOK, undefined, {signal});
      }
    } catch (error) {
      for (const {reject} of this.#awaited.values()) reject(signal?.aborted ? signal.reason : error);
      this.#awaited.clear();
    } finally {
      this.#watching = undefined;
    }
  }

  #settle(job: Job<TrainingJob, TrainingResult> | undefined): void {
    const awaited = job?.id === undefined ? undefined : this.#awaited.get(job.id);
    if (awaited === undefined) return;
    this.#awaited.delete(job!.id!);
    awaited.resolve(job!);
  }

  #tell(job: Job<TrainingJob, TrainingResult> | undefined): void {
    const {share, steps} = (job?.progress ?? {}) as {readonly share?: number; readonly steps?: number};
    if (share !== undefined) this.#awaited.get(job!.id ?? '')?.listeners.onProgress(share, steps);
  }
}

function isRun(path: string): boolean {
  return path.endsWith('.run');
}
