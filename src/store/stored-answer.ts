import {hash} from 'node:crypto';
import {stringify} from 'safe-stable-stringify';
import {bytesOf} from '../data/arrays.ts';
import {checkedImage, fieldsOf, recordJson} from '../input-kinds.ts';
import {detailOf, satisfies} from '../knowledge/coarsen.ts';
import type {Questions} from '../question.ts';
import {keyOf} from '../questions.ts';
import type {Answer, Detail, Input, Json, MediaType, Query, Receipt, Teacher, TensorInput} from '../teacher.ts';

/** The origin of an answer that was asked for elsewhere and paid for there. */
export interface ImportedFrom {
  /** The path of the log, absolute. */
  readonly file: string;
  /** SHA-256 of the log's bytes, in hexadecimal. */
  readonly sha256: string;
  /** The line of its entry, or its row in Parquet, from 1. */
  readonly line: number;
  /** When it was answered, in ISO 8601, if the log says so. */
  readonly date?: string | undefined;
  /** The model that answered, if the log names it. */
  readonly model?: string | undefined;
}

/** The location of a raw reply: a line of a segment, in bytes. */
export interface ReplyLocation {
  /** The name of its file. */
  readonly segment: string;
  readonly offset: number;
  readonly length: number;
}

/** A name of a location, to compare locations by. */
export function locationName({segment, offset}: ReplyLocation): string {
  return `${segment} ${offset}`;
}

/** A kept answer with all that is needed to list it, explain it and compute its key again. */
export interface StoredAnswer {
  readonly format: 1;
  readonly teacher: Pick<Teacher, 'name' | 'identity'>;
  readonly question: QueryDigest;
  /** The detail that the answer can serve. A top-k answer can name fewer classes than the k it was asked for. */
  readonly detail: Detail;
  readonly answer: Answer;
  /** ISO 8601. */
  readonly storedAt: string;
  /** The cost and the author that its reply reported. */
  readonly receipt?: Receipt;
  /** The location in the journal of the reply that it was read from. */
  readonly reply?: ReplyLocation;
  /** The log that it was imported from; undefined if it was asked for here. */
  readonly imported?: ImportedFrom;
  /** Its reader, see `Service.reader`; undefined for a teacher in this process. */
  readonly reader?: Json;
}

export interface AnswerEntry {
  /** See `answerKey`. */
  readonly key: string;
  readonly stored: StoredAnswer;
}

/** A store of answers, as far as they are compared here. */
interface Held {
  /** In the order of the keys. */
  getMany(keys: readonly string[]): Promise<readonly (StoredAnswer | undefined)[]>;
}

interface FullerOptions {
  /**
   * True if an answer replaces one of another reader, however full.
   *
   * @default false
   */
  readonly replacesOtherReadings?: boolean;
}

/** The entries without those for which the store holds an answer as full. */
export async function fuller(
  store: Held,
  entries: readonly AnswerEntry[],
  {replacesOtherReadings = false}: FullerOptions = {},
): Promise<readonly AnswerEntry[]> {
  const held = await store.getMany(entries.map(({key}) => key));
  return entries.filter(({stored}, index) => {
    const other = held[index];
    if (!other || !satisfies(other.detail, stored.detail)) return true;
    return replacesOtherReadings && !readAlike(other.reader, stored.reader);
  });
}

/** The reader of replies, see `Service.reader`; undefined for an answer that was not read from a reply. */
type Reader = Json | undefined;

/** True if two readers give the same answer to the same reply. */
export function readAlike(one: Reader, other: Reader): boolean {
  if (one === other || one === undefined || other === undefined) return true;
  return stringify(one) === stringify(other);
}

const ARRAYS = {Float32Array, Int32Array, Uint32Array, Uint8Array} as const;

/** An array in JSON: its type, and its bytes, little-endian, in base64. */
interface Packed {
  readonly array: keyof typeof ARRAYS;
  readonly base64: string;
}

/** For `JSON.stringify`: typed arrays keep every bit. */
export function pack(_: string, value: unknown): unknown {
  if (!ArrayBuffer.isView(value)) return value;
  const {buffer, byteOffset, byteLength} = value;
  return {array: value.constructor.name, base64: Buffer.from(buffer, byteOffset, byteLength).toString('base64')};
}

/** An object that `JSON.stringify` writes as with `pack`, and faster. */
export function packed(value: object): object {
  const copy: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) {
    const isPlain = typeof part !== 'object' || part === null || Array.isArray(part);
    copy[name] = isPlain ? part : ArrayBuffer.isView(part) ? pack(name, part) : packed(part);
  }
  return copy;
}

/** For `JSON.parse`: restores the arrays. */
export function revive(_: string, value: unknown): unknown {
  const {array, base64} = (value ?? {}) as Partial<Packed>;
  if (array === undefined || base64 === undefined || !(array in ARRAYS)) return value;
  const bytes = Buffer.from(base64, 'base64');
  // A copy, because a buffer can begin at any byte of a larger one.
  return new ARRAYS[array](new Uint8Array(bytes).buffer);
}

/** How far the sum of probabilities can be from 1. */
const TOLERANCE = 1e-3;

/**
 * The fault of a kept answer, as a clause: its key does not match its question, it holds invalid values for its kind,
 * or it holds less than its detail.
 */
export function problemWith({key, stored}: AnswerEntry): string | undefined {
  const {teacher, question, detail, answer} = stored;
  if (digestKey(teacher.identity, question) !== key) return 'its key is not that of its teacher and question';
  const problem = problemWithAnswer(answer);
  if (problem !== undefined) return problem;
  // A top-k answer can name fewer classes than were asked for.
  const isWhole = detail.kind === 'top-k' ? answer.kind === 'top-k' : satisfies(detailOf(answer), detail);
  return isWhole ? undefined : `it is said to hold ${detail.kind}, and holds ${answer.kind}`;
}

function problemWithAnswer(answer: Answer): string | undefined {
  switch (answer.kind) {
    case 'label':
      return Number.isInteger(answer.label) && answer.label >= 0 ? undefined : `its label is ${answer.label}`;
    case 'votes':
      return answer.counts.some(count => count > 0) ? undefined : 'it has no votes';
    case 'expected':
      return answer.level >= 0 ? undefined : `its expected level is ${answer.level}`;
    case 'logits':
      return answer.logits.every(Number.isFinite) ? undefined : 'its logits are not all finite';
    case 'vector':
      return isVector(answer.values) ? undefined : 'its vector is empty or not all finite';
    case 'log-probabilities':
      return problemWithMass(massOf(answer.logProbabilities));
    case 'top-k':
      if (answer.classes.length !== answer.logProbabilities.length) return 'it names other classes than it has values';
      return problemWithMass(massOf(answer.logProbabilities) + answer.rest);
  }
}

function isVector(values: Float32Array): boolean {
  return values.length > 0 && values.every(Number.isFinite);
}

function problemWithMass(mass: number): string | undefined {
  return Math.abs(mass - 1) <= TOLERANCE ? undefined : `its probabilities sum to ${mass.toPrecision(4)}`;
}

function massOf(logProbabilities: Float32Array): number {
  return logProbabilities.reduce((sum, value) => sum + Math.exp(value), 0);
}

/** Changes whenever the same query would get another key, so that old keys are never taken for new ones. */
export const KEY_VERSION = 1;

/** A query without its content: the `cache` commands list it, and the key needs nothing else beside the identity. */
export interface QueryDigest {
  readonly dtype: TensorInput['dtype'] | MediaType | 'text' | 'record';
  /** Shape of a tensor; empty otherwise. */
  readonly shape: readonly number[];
  /**
   * SHA-256, in hexadecimal, of a tensor's row-major bytes, a text's UTF-8 bytes, an image's file, or a record's JSON
   * with its fields in their order.
   */
  readonly bytes: string;
  readonly view: number;
  readonly sample: number;
  /** The typed question, if the teacher has several; see `keyOf`. */
  readonly asked?: Json | undefined;
}

/**
 * The key of an answer: SHA-256, in hexadecimal, of everything that can change the answer and nothing else.
 * Temperatures and losses belong to the student. The access and the detail are left out, so that a fuller answer serves
 * a poorer query.
 *
 * @param questions - the teacher's, if it has some
 */
export function answerKey(identity: Teacher['identity'], query: Query, questions?: Questions): string {
  return digestKey(identity, digestQuery(query, questions));
}

/** The same key from a digest, for callers that keep one. */
export function digestKey(identity: Teacher['identity'], digest: QueryDigest): string {
  const {dtype, shape, bytes, view, sample, asked} = digest;
  // Written by hand in the order of its names, because everything else in it is sorted: many queries share one
  // identity.
  const head = `{"bytes":"${bytes}","dtype":"${dtype}","identity":${identityText(identity)}`;
  const question = asked === undefined ? '' : `,"question":${stringify(asked)}`;
  return sha256(`${head}${question},"sample":${sample},"shape":[${shape}],"version":${KEY_VERSION},"view":${view}}`);
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
export function digestQuery(
  {input, view = 0, sample = 0, question, together}: Query,
  questions?: Pick<Questions, 'areNamesShown' | 'sources'>,
): QueryDigest {
  const {dtype, shape} = formOf(input);
  if (question === undefined) return {dtype, shape, bytes: sha256(contentOf(input)), view, sample};
  return {
    dtype,
    shape,
    bytes: sharedHash(input),
    view,
    sample,
    asked: keyOf(question, {
      together,
      areNamesShown: questions?.areNamesShown,
      source: questions?.sources?.[question.name],
    }),
  };
}

const hashes = new WeakMap<Input, string>();

/** The hash of an input about which several questions are asked. Made once. */
function sharedHash(input: Input): string {
  const known = hashes.get(input);
  if (known !== undefined) return known;
  const made = sha256(contentOf(input));
  hashes.set(input, made);
  return made;
}

const TEXT = {dtype: 'text', shape: []} as const;
const RECORD = {dtype: 'record', shape: []} as const;

function formOf(input: Input): Pick<QueryDigest, 'dtype' | 'shape'> {
  switch (input.kind) {
    case 'text':
      return TEXT;
    case 'record':
      return RECORD;
    case 'image':
      return {dtype: input.mediaType, shape: []};
    case 'tensor':
      return input;
  }
}

function contentOf(input: Input): string | Uint8Array {
  switch (input.kind) {
    case 'text':
      return input.text;
    case 'record':
      return recordJson(fieldsOf(input.fields, 'A record'));
    case 'image':
      return checkedImage(input).bytes;
    case 'tensor':
      return bytesOf(input.data);
  }
}

function sha256(content: string | Uint8Array): string {
  return hash('sha256', content);
}
