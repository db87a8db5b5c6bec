import {createHash} from 'node:crypto';
import {mkdir, readFile} from 'node:fs/promises';
import {dirname} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {z} from 'zod';
import {shuffledIndices} from '../../data/random.ts';
import {InputError} from '../../errors.ts';
import {allocate, STRATA} from '../../evaluate/audit.ts';

/**
 * How the inputs of an audit were drawn. It is kept from the first draw on: whatever student or teacher is measured later,
 * the inputs that were checked stand for the others by these strata.
 */
export interface AuditDesign {
  readonly seed: number;
  /** Hash of the inputs that were drawn from. */
  readonly inputs: string;
  /** [inputs], indices in `STRATA`; `LEFT_OUT` if the teacher had not answered. */
  readonly strata: Uint8Array;
  /** [strata], how many were drawn of each. */
  readonly drawn: readonly number[];
}

/** Stands for the stratum of an input that is never drawn. */
export const LEFT_OUT: number = STRATA.length;

const FORMAT = 'limbeck.audit/1';

const schema = z.object({
  format: z.literal(FORMAT),
  seed: z.int(),
  inputs: z.string(),
  strata: z.string().regex(/^[0-3]+$/),
  drawn: z.array(z.int().min(0)).length(STRATA.length),
});

/**
 * Reads a design; undefined if there is none.
 *
 * @throws InputError if the file is no design, or is about other inputs
 */
export async function readDesign(path: string, ids: readonly string[]): Promise<AuditDesign | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new InputError(`${path} can't be read. Check its permissions.`, {cause});
  }
  const {success, data} = schema.safeParse(parsed(text));
  if (!success) throw new InputError(`${path} is not what \`limbeck audit\` wrote. ${START_AGAIN}`);
  const {seed, inputs, strata, drawn} = data;
  if (inputs !== hashOf(ids) || strata.length !== ids.length) {
    throw new InputError(`${path} is about other texts: the test split has changed since. ${START_AGAIN}`);
  }
  return {seed, inputs, strata: Uint8Array.from(strata, Number), drawn};
}

const START_AGAIN = 'Move it and the table beside it away to draw anew.';

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function writeDesign(path: string, {seed, inputs, strata, drawn}: AuditDesign): Promise<void> {
  await mkdir(dirname(path), {recursive: true});
  const document = {format: FORMAT, seed, inputs, strata: strata.join(''), drawn};
  await writeFileAtomic(path, `${JSON.stringify(document)}\n`);
}

/** A first draw. */
export function newDesign(ids: readonly string[], strata: Uint8Array, items: number, seed: number): AuditDesign {
  return {seed, inputs: hashOf(ids), strata, drawn: allocate(sizesOf(strata), items)};
}

/** The same design with so many inputs in all; those that were drawn stay. */
export function extended(design: AuditDesign, items: number): AuditDesign {
  return {...design, drawn: allocate(sizesOf(design.strata), items, design.drawn)};
}

/** [strata], inputs in each. */
export function sizesOf(strata: Uint8Array): number[] {
  return STRATA.map((_, stratum) => strata.filter(own => own === stratum).length);
}

/** Indices of the inputs that were drawn, in an order that tells nothing of their strata. */
export function drawnInputs({seed, strata, drawn}: AuditDesign): number[] {
  const chosen = STRATA.flatMap((name, stratum) => {
    const members = Array.from(strata.keys()).filter(index => strata[index] === stratum);
    const order = shuffledIndices(members.length, seed, `audit, ${name}`);
    return Array.from(order.subarray(0, drawn[stratum]), index => members[index]!);
  });
  const positions = shuffledIndices(strata.length, seed, 'audit, rows');
  return chosen.sort((one, other) => positions[one]! - positions[other]!);
}

function hashOf(ids: readonly string[]): string {
  return createHash('sha256').update(ids.join('\n')).digest('hex');
}
