import {hash} from 'node:crypto';
import {stringify} from 'safe-stable-stringify';
import {bytesOf} from '../data/arrays.ts';
import type {Input, Query, Teacher, TensorInput} from '../teacher.ts';

/** Changes whenever the same query would get another key, so that old keys are never taken for new ones. */
export const KEY_VERSION = 1;

/** A query without its content: the `cache` commands list it, and the key needs nothing else beside the identity. */
export interface QueryDigest {
  readonly dtype: TensorInput['dtype'] | 'text';
  /** Shape of a tensor; of a text, empty. */
  readonly shape: readonly number[];
  /** SHA-256 of a tensor's row-major bytes or a text's UTF-8 bytes, in hexadecimal. */
  readonly bytes: string;
  readonly view: number;
  readonly sample: number;
}

/**
 * The key of an answer: SHA-256, in hexadecimal, of everything that can change the answer and nothing else.
 * Temperatures and losses belong to the student. The access and the detail are left out, so that a fuller answer serves
 * a poorer query.
 */
export function answerKey(identity: Teacher['identity'], query: Query): string {
  return digestKey(identity, digestQuery(query));
}

/** The same key from a digest, for callers that keep one. */
export function digestKey(identity: Teacher['identity'], digest: QueryDigest): string {
  const {dtype, shape, bytes, view, sample} = digest;
  // Written by hand in the order of its names, because everything else in it is sorted: many queries share one
  // identity.
  const head = `{"bytes":"${bytes}","dtype":"${dtype}","identity":${identityText(identity)}`;
  return sha256(`${head},"sample":${sample},"shape":[${shape}],"version":${KEY_VERSION},"view":${view}}`);
}

const identityTexts = new WeakMap<Teacher['identity'], string>();

/** An identity as JSON with sorted names. Two teachers with the same text are the same teacher. Made once. */
export function identityText(identity: Teacher['identity']): string {
  const known = identityTexts.get(identity);
  if (known !== undefined) return known;
  const text = stringify(identity);
  identityTexts.set(identity, text);
  return text;
}

/** Digests a query. The bytes are used as they are: no Unicode normalisation, no scaling, no rounding. */
export function digestQuery({input, view = 0, sample = 0}: Query): QueryDigest {
  const {dtype, shape} = input.kind === 'text' ? TEXT : input;
  return {dtype, shape, bytes: sha256(contentOf(input)), view, sample};
}

const TEXT = {dtype: 'text', shape: []} as const;

function contentOf(input: Input): string | Uint8Array {
  return input.kind === 'text' ? input.text : bytesOf(input.data);
}

function sha256(content: string | Uint8Array): string {
  return hash('sha256', content);
}
