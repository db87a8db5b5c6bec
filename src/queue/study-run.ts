import type {RecipeChanges} from '../recipe/recipe.ts';
import type {SentFile} from './files.ts';

/** What all processes that train for a study must have in common, so that a student has the same bits everywhere. */
export interface StudyOrigin {
  /** Of limbeck. */
  readonly version: string;
  /** Name and version. */
  readonly engine: string;
  /** SHA-256 of the recipe's module. */
  readonly recipe: string;
  /** Digest of the inputs of all splits. */
  readonly data: string;
}

/** The trainings of a study on a queue, as Redis holds them. */
export interface StudyRun {
  readonly format: 1;
  /** A digest of all that decides what its students are. */
  readonly id: string;
  /** Name of the recipe. */
  readonly name: string;
  /** The recipe's module, as the coordinator's folder has it. Undefined if it is outside of that folder. */
  readonly path?: string | undefined;
  /** ISO 8601. */
  readonly begun: string;
  readonly origin: StudyOrigin;
  /** Threads that share an operation. */
  readonly threads: number;
  /** How the study's recipe differs from the module's. */
  readonly changes?: RecipeChanges | undefined;
  /** The knowledge that its students learn from: files in Redis, or the indices of what is in a bucket. */
  readonly knowledge: readonly SentFile[];
  /** The bucket that holds its knowledge, as `s3://BUCKET/PREFIX`. @default none: it is in Redis */
  readonly bucket?: string | undefined;
}

/** A training as a job of a queue. */
export interface TrainingJob {
  /** The message, by `node:v8`, in base64. */
  readonly message: string;
  /** The folders of the students that it saves, within that of the study. */
  readonly students: readonly string[];
}

/** What is kept of a training. */
export interface TrainingResult {
  /** SHA-256 of the message of its outcome, by `node:v8`. */
  readonly done: string;
  readonly files: readonly SentFile[];
}

/** The name of a study's queue. BullMQ takes no colon in it. */
export function studyQueue({name, id}: Pick<StudyRun, 'name' | 'id'>): string {
  return `limbeck ${name.replaceAll(':', '_')} trainings ${id}`;
}
