import type {Json, Teacher} from '../teacher.ts';
import type {AnswerStore} from './store.ts';
import type {QueryDigest} from './stored-answer.ts';

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

/** The most fields that a message names. */
const NAMED = 5;

/** The differences as a clause, for example `identity.model is "b" and was "a"`. Of a long text it shows what differs. */
export function describeDifferences(differences: readonly Difference[]): string {
  const named = differences.slice(0, NAMED).map(({field, kept, asked}) => {
    if (field === 'bytes') return 'input is another one';
    if (field === 'question.together') return 'the questions that are asked with it are others';
    const [now, before] = shownApart(asked, kept);
    return `${field} is ${now} and was ${before}`;
  });
  const more = differences.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more ${more === 1 ? 'field differs' : 'fields differ'}`] : [])].join(
    '; ',
  );
}

/** The most characters of a value that are shown. */
const SHOWN = 80;

/** How many characters are shown of what is equal before a difference. */
const BEFORE = 20;

/** Two values as JSON. Long ones begin shortly before the place where they differ. */
function shownApart(one: Json | undefined, other: Json | undefined): readonly [string, string] {
  const start = typeof one === 'string' && typeof other === 'string' ? commonStart(one, other) : 0;
  return [shown(one, start), shown(other, start)];
}

function commonStart(one: string, other: string): number {
  let start = 0;
  while (start < one.length && one[start] === other[start]) start++;
  return start;
}

function shown(value: Json | undefined, start: number): string {
  if (value === undefined) return 'absent';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const from = text.length <= SHOWN ? 0 : Math.max(0, start - BEFORE);
  const part = text.slice(from, from + SHOWN);
  const cut = `${from > 0 ? '…' : ''}${part}${from + SHOWN < text.length ? '…' : ''}`;
  return typeof value === 'string' ? JSON.stringify(cut) : cut;
}

function differencesOf(kept: ReadonlyMap<string, Json>, asked: ReadonlyMap<string, Json>): Difference[] {
  return [...new Set([...asked.keys(), ...kept.keys()])]
    .filter(field => kept.get(field) !== asked.get(field))
    .map(field => ({field, kept: kept.get(field), asked: asked.get(field)}));
}

/** Every value of a key, by its path. */
function fieldsOf(identity: Teacher['identity'], {shape, asked, ...digest}: QueryDigest): ReadonlyMap<string, Json> {
  const fields = new Map<string, Json>(Object.entries({...digest, shape: shape.join(' x ')}));
  if (asked !== undefined) addFields(fields, 'question', asked);
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
