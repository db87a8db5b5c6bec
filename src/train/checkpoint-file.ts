import {access} from 'node:fs/promises';
import {z} from 'zod';
import {InputError} from '../errors.ts';
import {readTensors, type Tensor, writeTensors} from '../knowledge/safetensors.ts';
import type {Json} from '../teacher.ts';
import {digestOf} from './fingerprint.ts';
import type {Epoch} from './options.ts';
import type {Profile} from './profile.ts';

const FORMAT = 'limbeck.checkpoint/2';

/** A run as it is stored on disk. */
export interface KeptRun {
  /** The settings that must be equal for the run to continue. */
  readonly fingerprint: Readonly<Record<string, Json>>;
  readonly progress: KeptProgress;
  /** Every variable, and the best weights so far, by name. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** JSON has no infinities, but a measurement can be infinite. */
const number = z.union([z.number(), z.enum(['Infinity', '-Infinity', 'NaN']).transform(Number)]);

const measured = z.object({accuracy: number, nll: number});

const progressSchema: z.ZodType<KeptProgress> = z.object({
  epoch: z.int().positive(),
  step: z.int().nonnegative(),
  sums: z.array(number),
  course: z.array(number).optional(),
  epochs: z.array(
    z.object({
      epoch: z.int().positive(),
      step: z.int().positive(),
      loss: number,
      terms: z.record(z.string(), number),
      learningRate: number,
      validation: measured.nullable(),
      best: z.boolean(),
      questions: z.record(z.string(), z.object({loss: number, validation: measured.optional()})).optional(),
    }),
  ),
  best: z.object({score: number, worse: z.int().nonnegative()}),
  profile: z.object({
    data: z.number(),
    teacher: z.number(),
    step: z.number(),
    evaluation: z.number(),
    other: z.number(),
  }),
});

/** `Progress` and the score to beat, as JSON. */
export interface KeptProgress {
  readonly epoch: number;
  readonly step: number;
  readonly sums: number[];
  /** The sum of the losses of each part of the run. Absent in checkpoints of earlier versions. */
  readonly course?: number[] | undefined;
  readonly epochs: (Omit<Epoch, 'validation'> & {
    readonly validation: NonNullable<Epoch['validation']> | null;
  })[];
  readonly best: {readonly score: number; readonly worse: number};
  readonly profile: Profile;
}

/**
 * Writes a checkpoint that replaces an older one. Whenever the process ends, the file is either the old one or the new
 * one.
 *
 * It is a safetensors file with the metadata `format`, `fingerprint`, `progress` (both JSON) and `sha256`, the hash of
 * all the rest.
 *
 * @throws KnowledgeError if it can't be written
 */
export async function writeCheckpoint(path: string, {fingerprint, progress, tensors}: KeptRun): Promise<void> {
  const parts = {fingerprint: JSON.stringify(fingerprint), progress: JSON.stringify(progress, spellOut)};
  await writeTensors(path, {metadata: {format: FORMAT, ...parts, sha256: hashOf(parts, tensors)}, tensors});
}

/**
 * Reads a whole checkpoint, or fails.
 *
 * @returns undefined if there is none
 * @throws InputError if the file is cut short, damaged, or not a checkpoint of this format
 */
export async function readCheckpoint(path: string): Promise<KeptRun | undefined> {
  if (!(await exists(path))) return undefined;
  const {metadata, tensors} = await readTensors(path).catch(cause => {
    throw refusal(path, innermost(cause).message, cause);
  });
  const {format, fingerprint = '', progress = '', sha256} = metadata;
  if (format === undefined) throw refusal(path, 'it is not a checkpoint of a training run');
  if (format !== FORMAT) throw refusal(path, `its format is ${format}, but this version of limbeck reads ${FORMAT}`);
  if (sha256 !== hashOf({fingerprint, progress}, tensors)) throw refusal(path, 'its contents do not match its hash');
  return {
    fingerprint: JSON.parse(fingerprint) as KeptRun['fingerprint'],
    progress: progressSchema.parse(JSON.parse(progress)),
    tensors,
  };
}

/** Makes the error for a file that no run can continue from. */
export function refusal(path: string, reason: string, cause?: unknown): InputError {
  return new InputError(
    `The checkpoint ${path} can't be used: ${reason}. Name another path, or delete it and start afresh.`,
    cause === undefined ? {} : {cause},
  );
}

function hashOf(
  {fingerprint, progress}: {readonly fingerprint: string; readonly progress: string},
  tensors: KeptRun['tensors'],
): string {
  return digestOf({fingerprint, progress, tensors: [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))});
}

function spellOut(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw refusal(path, (error as Error).message, error);
  }
}

function innermost(error: Error): Error {
  return error.cause instanceof Error ? innermost(error.cause) : error;
}
