import {existsSync} from 'node:fs';
import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {deserialize, serialize} from 'node:v8';
import {pause} from '../concurrency.ts';
import {startEngine} from '../engine/engine.ts';
import {bucketIndices} from '../knowledge/shard-folder.ts';
import {loadRecipe} from '../recipe/load.ts';
import {withoutSecrets} from '../secrets.ts';
import type {RunMessage, TrialMessage} from '../study/job-messages.ts';
import {WorkerPool} from '../study/workers.ts';
import {digestOf} from '../train/fingerprint.ts';
import {RunBook} from './book.ts';
import {QueueRuns} from './facts.ts';
import {fetchFile, sendBytes, sendFiles} from './files.ts';
import {jobWorkerOptions, progressOf} from './job-worker.ts';
import type {Job, QueueServer} from './server.ts';
import {moduleDigest, moduleOf, Refusal, type SessionOptions} from './session.ts';
import {studyData, studyDifference, studyOriginOf} from './study-origin.ts';
import {type StudyRun, studyQueue, type TrainingJob, type TrainingResult} from './study-run.ts';

/** Milliseconds between two looks at what there is to train. */
const LOOK = 1000;

/** Milliseconds without a training after which a worker leaves a study. Its processes end, and the next ones take seconds to start. */
const PATIENCE = 10_000;

/** Milliseconds after which a training whose worker fell silent is another's. */
const LOCK = 15_000;

export interface StudyWorkerOptions extends Pick<SessionOptions, 'recipe' | 'onNote'> {
  /** Trains nothing more when it aborts. A training under way is given back. */
  readonly signal: AbortSignal;
}

/** Trains students for the studies of a queue, one after another, until the signal aborts. Returns how many. */
export async function trainForStudies(server: QueueServer, options: StudyWorkerOptions): Promise<number> {
  const {signal, onNote} = options;
  const refused = new Set<string>();
  let trained = 0;
  while (!signal.aborted) {
    const run = await nextStudy(server, refused);
    if (run === undefined) {
      await pause(LOOK, signal);
      continue;
    }
    try {
      trained += await trainFor(server, run, {...options, refused});
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused.add(run.id);
      onNote(error.message);
    }
  }
  return trained;
}

/**
 * The first study with trainings that wait, or else the first whose trainings are with others: one that is lost comes back
 * only if a worker is there. One whose coordinator is gone may have none.
 */
async function nextStudy(server: QueueServer, refused: ReadonlySet<string>): Promise<StudyRun | undefined> {
  const open = (await new QueueRuns(server).studies()).filter(({id}) => !refused.has(id));
  const next = open.find(({trainings}) => trainings.waiting > 0) ?? open.find(({trainings}) => trainings.held > 0);
  return next && (await new RunBook(server.redis).studies()).find(({id}) => id === next.id);
}

/** Trains for one study until it has nothing more to train. Returns how many. @throws Refusal if it is another here */
async function trainFor(
  server: QueueServer,
  run: StudyRun,
  {refused, ...options}: StudyWorkerOptions & {readonly refused: ReadonlySet<string>},
): Promise<number> {
  const {signal, onNote} = options;
  const module = await moduleOf(run, options);
  const recipe = {...(await loadRecipe(module)), ...run.changes};
  const origin = studyOriginOf(await startEngine(), await moduleDigest(module), await studyData(recipe));
  const difference = studyDifference(run.origin, origin);
  if (difference !== undefined) {
    throw new Refusal(
      `This worker trains nothing for study ${run.id} of ${run.name}, because something is not the same: ${difference}. ` +
        'Start it again when it is.',
    );
  }
  const {bucket} = run;
  if (bucket !== undefined && digestOf(await bucketIndices(bucket)) !== digestOf(run.knowledge)) {
    throw new Refusal(
      `The knowledge in ${bucket} is not what study ${run.id} of ${run.name} was begun with. Give the command of the study ` +
        'again, and start this worker again.',
    );
  }
  const directory = await mkdtemp(join(tmpdir(), 'limbeck-study-'));
  if (bucket === undefined) for (const file of run.knowledge) await fetchFile(server.redis, directory, file);
  onNote(`Trains students for study ${run.id} of ${run.name}.`);
  const pool = new WorkerPool(
    {module, threads: run.threads, changes: run.changes, directory, knowledge: bucket},
    signal,
  );
  let trained = 0;
  let lastWorkAt = performance.now();
  const bull = server.startWorker<TrainingJob, TrainingResult>(
    studyQueue(run),
    async (job, token) => {
      lastWorkAt = Number.POSITIVE_INFINITY;
      const result = await train(server, pool, {directory, job, token, signal, onNote}).finally(() => {
        lastWorkAt = performance.now();
      });
      trained++;
      return result;
    },
    jobWorkerOptions({concurrency: 1, lock: LOCK}),
  );
  const isNeeded = async () =>
    performance.now() - lastWorkAt < PATIENCE || (await nextStudy(server, refused))?.id === run.id;
  try {
    while (!signal.aborted && (await isNeeded())) await pause(LOOK, signal);
  } finally {
    // Its last training may belong to the same study, begun anew.
    await bull.close();
    await pool.close();
    await rm(directory, {recursive: true, force: true});
  }
  return trained;
}

interface Training {
  readonly directory: string;
  readonly job: Job<TrainingJob, TrainingResult>;
  readonly token: string;
  readonly signal: AbortSignal;
  readonly onNote: (note: string) => void;
}

async function train(
  server: QueueServer,
  pool: WorkerPool,
  {directory, job, token, signal, onNote}: Training,
): Promise<TrainingResult> {
  const {redis} = server;
  const {message, students} = job.data;
  const tell = progressOf(job);
  const onProgress = (share: number, steps?: number) => tell({share, steps});
  try {
    const sent = deserialize(Buffer.from(message, 'base64')) as RunMessage | TrialMessage;
    const done = await pool.send(sent, {onProgress, onNote});
    const files = await sendFiles(redis, directory, await filesOf(directory, students));
    const result = {done: await sendBytes(redis, serialize(done)), files};
    for (const student of students) await rm(join(directory, student), {recursive: true, force: true});
    return result;
  } catch (error) {
    if (!signal.aborted) throw new Error(withoutSecrets((error as Error).message));
    await job.moveToWait(token);
    throw new server.putBack.WaitingError();
  }
}

/** All files of students, and of their runs, within the folder of their study. */
async function filesOf(directory: string, students: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const student of new Set(students)) {
    if (existsSync(join(directory, student))) {
      for (const name of await readdir(join(directory, student))) files.push(join(student, name));
    }
    if (existsSync(join(directory, `${student}.run`))) files.push(`${student}.run`);
  }
  return files;
}
