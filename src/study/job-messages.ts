/** Jobs as they are sent to other processes, which have the recipe and the saved knowledge. */
import {LimbeckError} from '../errors.ts';
import type {Executed, RunJob} from './execute.ts';
import type {JobListeners, JobRunner} from './jobs.ts';
import {folderAt, type MethodChanges} from './methods.ts';
import {studentPath} from './run.ts';
import type {TrialOutcome} from './tune/trial.ts';

/** A run: which method, and how it differs. */
export interface RunMessage extends Omit<RunJob, 'method'> {
  /** Index of the method in the recipe. */
  readonly method: number;
  /** For each question of the recipe; one if it has no `questions`. */
  readonly changes: readonly MethodChanges[];
}

/** A trial. */
export interface TrialMessage extends Pick<RunMessage, 'method' | 'changes'> {
  readonly epochs: number;
}

/** What came of a job. */
export type DoneMessage =
  /** The outcome for each question of the recipe; one if it has no `questions`. */
  | {readonly kind: 'executed'; readonly executed: readonly Executed[]}
  | {readonly kind: 'tried'; readonly outcome: TrialOutcome};

/** A message of a process that does jobs. */
export type WorkerMessage =
  | {readonly kind: 'progress'; readonly share: number; readonly steps?: number | undefined}
  | {readonly kind: 'note'; readonly note: string}
  | {readonly kind: 'failed'; readonly reason: string}
  | DoneMessage;

/**
 * Has a job done elsewhere.
 *
 * @param students - the folders of the students that it saves; beside each is the file of its run
 * @throws LimbeckError if the job came to nothing
 */
export type SendJob = (
  job: RunMessage | TrialMessage,
  listeners: JobListeners,
  students: readonly string[],
) => Promise<DoneMessage>;

/**
 * A runner whose jobs are done elsewhere.
 *
 * @param directory - the folder of the study
 */
export function sendingRunner(
  directory: string,
  send: SendJob,
  {concurrency, close}: Pick<JobRunner, 'concurrency' | 'close'>,
): JobRunner {
  return {
    concurrency,
    close,
    async run({method, budget, seed}, listeners) {
      const {index, changes} = method;
      const student = studentPath(directory, {folder: folderAt(method, budget)}, seed);
      const done = await send({method: index, changes: [changes], budget, seed}, listeners, [student]);
      return executedIn(done)[0]!;
    },
    async runJointly({directory: whole, teaching: {parts, budget}, seed}, listeners) {
      const changes = parts.map(({method}) => method.changes);
      const {index} = parts[0]!.method;
      const folders = [whole, ...parts.map(({study}) => study.directory)];
      const students = folders.map(folder => studentPath(folder, parts[0]!.method, seed));
      return executedIn(await send({method: index, changes, budget, seed}, listeners, students));
    },
    async trial({method: {index, changes}, epochs}, listeners) {
      const done = await send({method: index, changes: [changes], epochs}, listeners, []);
      if (done.kind === 'tried') return done.outcome;
      throw new LimbeckError('A trial came back as a run.');
    },
  };
}

function executedIn(done: DoneMessage): readonly Executed[] {
  if (done.kind === 'executed') return done.executed;
  throw new LimbeckError('A run came back as a trial.');
}
