import {InputError} from './errors.ts';
import type {EncodedImage, Fields, Input, MediaType, RecordInput, TextInput} from './teacher.ts';

type Kind = Input['kind'];

const NAMES: Readonly<Record<Kind, readonly [one: string, several: string]>> = {
  text: ['a text', 'texts'],
  tensor: ['a tensor', 'tensors'],
  image: ['an image', 'images'],
  record: ['a record', 'records'],
};

/** One input of this kind, for messages. */
export function oneOfKind(kind: Kind): string {
  return NAMES[kind][0];
}

/** Inputs of these kinds, for messages. */
export function inputsOfKinds(...names: readonly Kind[]): string {
  const all = names.map(kind => NAMES[kind][1]);
  return all.length < 2 ? all.join() : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

/** Who takes kinds that not every adapter takes. */
const TAKEN: Readonly<Partial<Record<Kind, string>>> = {
  image:
    'Images are taken by the adapters of chat models (`openai`, `anthropic`, `gemini`, `bedrock`, `ollama`, `vllm`, ' +
    '`llamaCpp`), of typed questions (`decisions`, `systemOne`), `http`, `callable` and `command`.',
  record:
    'Records are taken by the adapters of chat models (`openai`, `anthropic`, `gemini`, `bedrock`, `ollama`, `vllm`, ' +
    '`llamaCpp`, `llama`), of typed questions (`decisions`, `systemOne`), `http`, `callable`, `command` and `human`.',
};

/**
 * The reason, in sentences, why an adapter can't ask about an input of this kind.
 *
 * @param taken - the kinds that it takes
 */
export function kindProblem(taken: readonly Kind[], {kind}: Input): string {
  const problem = `It reads ${inputsOfKinds(...taken)}, and this input is ${oneOfKind(kind)}.`;
  return TAKEN[kind] === undefined ? problem : `${problem} ${TAKEN[kind]}`;
}

/** A record as the JSON that teachers read. */
export function recordJson(fields: Fields): string {
  return JSON.stringify(fields);
}

/** A text, or the JSON of a record; undefined for inputs that are no text. */
export function textOf(input: RecordInput | TextInput): string;
export function textOf(input: Input): string | undefined;
export function textOf(input: Input): string | undefined {
  if (input.kind === 'text') return input.text;
  return input.kind === 'record' ? recordJson(input.fields) : undefined;
}

/** The bytes of an image in base64. */
export function imageBase64({bytes: {buffer, byteOffset, byteLength}}: EncodedImage): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

export function dataUrl(image: EncodedImage): string {
  return `data:${image.mediaType};base64,${imageBase64(image)}`;
}

/** The media type of an image by its first bytes; undefined if it is no PNG, JPEG or WebP. */
export function mediaTypeOf(bytes: Uint8Array): MediaType | undefined {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (start.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  return start.startsWith('RIFF') && start.endsWith('WEBP') ? 'image/webp' : undefined;
}

/**
 * An image by its bytes.
 *
 * @param who - names it in messages
 * @throws InputError if it is no PNG, JPEG or WebP
 */
export function imageOf(bytes: Uint8Array, who: string): EncodedImage {
  const mediaType = mediaTypeOf(bytes);
  if (mediaType !== undefined) return {bytes, mediaType};
  throw new InputError(`${who} is no PNG, JPEG or WebP image. Convert it, or leave it out.`);
}

/** @throws InputError if an image is of another type than it says */
export function checkedImage<T extends EncodedImage>(image: T): T {
  if (mediaTypeOf(image.bytes) === image.mediaType) return image;
  throw new InputError(`An image is said to be ${image.mediaType}, and its bytes are none. Correct its \`mediaType\`.`);
}

/**
 * The fields of a record, checked.
 *
 * @param who - names it in messages
 * @throws InputError if it is no object of texts, finite numbers, booleans and nulls
 */
export function fieldsOf(value: unknown, who: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(`${who} is no record. Give an object of texts, numbers, booleans and nulls.`);
  }
  const strange = Object.entries(value).find(([, field]) => !isFlat(field));
  if (strange === undefined) return value as Fields;
  const [name, field] = strange;
  const found = typeof field === 'number' ? String(field) : `of type ${Array.isArray(field) ? 'list' : typeof field}`;
  throw new InputError(`${who}: field \`${name}\` is ${found}. Give it a text, a finite number, a boolean or null.`);
}

function isFlat(value: unknown): boolean {
  return value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
}
