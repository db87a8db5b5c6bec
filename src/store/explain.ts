import type {Json, Teacher} from '../teacher.ts';
import type {QueryDigest} from './key.ts';
import type {AnswerStore} from './store.ts';

/** A field of a key in which two queries differ. */
export interface Difference {
  /** Path of the field, for example `identity.model` or `bytes`. */
  readonly field: string;
  /** The value of the kept answer; undefined if it has no such field. */
  readonly kept: Json | undefined;
  /** The value of the present query. */
  readonly asked: Json | undefined;
}

/** The kept answer whose key is most similar to that of a missing answer. */
export interface Nearest {
  readonly key: string;
  readonly differences: readonly Difference[];
}

/**
 * Explains why an answer is not found: returns the kept answer that differs in the fewest fields, and these fields.
 * Reads the whole store.
 *
 * An answer about the same input to another teacher is nearer than an answer of the same teacher about another input.
 *
 * @returns undefined if nothing is kept
 */
export async function explainMiss(
  store: AnswerStore,
  identity: Teacher['identity'],
  digest: QueryDigest,
): Promise<Nearest | undefined> {
  const asked = fieldsOf(identity, digest);
  let nearest: Nearest | undefined;
  let least = Number.POSITIVE_INFINITY;
  for await (const {key, stored} of store.entries()) {
    const differences = differencesOf(fieldsOf(stored.teacher.identity, stored.question), asked);
    const distance = differences.length + (stored.question.bytes === digest.bytes ? 0 : asked.size);
    if (distance >= least) continue;
    least = distance;
    nearest = {key, differences};
    if (differences.length === 0) break;
  }
  return nearest;
}

/** The differences as a clause, for example `identity.model is "b" and was "a"`. */
export function describeDifferences(differences: readonly Difference[]): string {
  return differences.map(({field, kept, asked}) => `${field} is ${shown(asked)} and was ${shown(kept)}`).join('; ');
}

function shown(value: Json | undefined): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}

function differencesOf(kept: ReadonlyMap<string, Json>, asked: ReadonlyMap<string, Json>): Difference[] {
  return [...new Set([...asked.keys(), ...kept.keys()])]
    .filter(field => kept.get(field) !== asked.get(field))
    .map(field => ({field, kept: kept.get(field), asked: asked.get(field)}));
}

/** Every value of a key, by its path. */
function fieldsOf(identity: Teacher['identity'], {shape, ...digest}: QueryDigest): ReadonlyMap<string, Json> {
  const fields = new Map<string, Json>(Object.entries({...digest, shape: shape.join(' x ')}));
  addFields(fields, 'identity', identity);
  return fields;
}

function addFields(fields: Map<string, Json>, path: string, value: Json): void {
  if (value === null || typeof value !== 'object') {
    fields.set(path, value);
    return;
  }
  for (const [name, inner] of Object.entries(value)) addFields(fields, `${path}.${name}`, inner);
}
