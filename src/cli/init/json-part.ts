import {isFields} from '../../data/logs/rows.ts';
import {InputError} from '../../errors.ts';

/** A value of JSON in which an object is a map in its own order. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | ReadonlyMap<string, JsonValue>;

/** A part of a JSON file, with the path that leads to it, for messages. */
export class JsonPart {
  readonly value: JsonValue;
  readonly #file: string;
  readonly #path: string;

  constructor(value: JsonValue, file: string, path = '') {
    this.value = value;
    this.#file = file;
    this.#path = path;
  }

  /** @throws InputError that names the file and the part */
  fail(problem: string): never {
    throw new InputError(`${this.#file}${this.#path === '' ? '' : `, ${this.#path}`}: ${problem}`);
  }

  /** A field of an object. Undefined if there is none, or if it is null. */
  field(name: string): JsonPart | undefined {
    const value = this.value instanceof Map ? (this.value as ReadonlyMap<string, JsonValue>).get(name) : undefined;
    return value === undefined || value === null ? undefined : this.#inner(name, value);
  }

  /** The first of these fields that an object has. */
  oneOf(...names: readonly string[]): JsonPart | undefined {
    return names.map(name => this.field(name)).find(part => part !== undefined);
  }

  /** The fields of an object, in their order. */
  entries(): readonly (readonly [name: string, part: JsonPart])[] {
    if (!(this.value instanceof Map)) this.fail('Expected an object.');
    const fields = [...(this.value as ReadonlyMap<string, JsonValue>)];
    return fields.map(([name, value]) => [name, this.#inner(name, value)] as const);
  }

  items(): readonly JsonPart[] {
    if (!Array.isArray(this.value)) this.fail('Expected a list.');
    return (this.value as readonly JsonValue[]).map((value, index) => this.#inner(`[${index}]`, value));
  }

  get isList(): boolean {
    return Array.isArray(this.value);
  }

  get isText(): boolean {
    return typeof this.value === 'string';
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : this.fail('Expected a text.');
  }

  /** Refuses fields that nobody reads: to leave them out could change what is asked. */
  only(known: readonly string[]): void {
    const unknown = this.entries().find(([name]) => !known.includes(name));
    unknown?.[1].fail(`This field is unknown. Known are ${known.join(', ')}.`);
  }

  #inner(name: string, value: JsonValue): JsonPart {
    const separator = this.#path === '' || name.startsWith('[') ? '' : '.';
    return new JsonPart(value, this.#file, `${this.#path}${separator}${name}`);
  }
}

/** A text of JSON, with the colon behind it if it names a field. */
const TEXTS = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/**
 * Parses JSON. Objects keep the order of their fields, also of those named by numbers, which `JSON.parse` puts first.
 *
 * @throws InputError if it is not JSON, or an object has two fields of one name
 */
export function parseJsonPart(text: string, file: string): JsonPart {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${file} is not JSON: ${(cause as Error).message}. Correct it.`, {cause});
  }
  let fields = 0;
  // A number before each name makes all of them different, and none a number.
  const numbered = text.replace(TEXTS, (found: string, colon: string | undefined) =>
    colon === undefined ? found : `"${fields++}:${found.slice(1)}`,
  );
  const value = JSON.parse(numbered, (_, inner: unknown) =>
    isFields(inner) ? mapOf(inner, file) : inner,
  ) as JsonValue;
  return new JsonPart(value, file);
}

function mapOf(object: object, file: string): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [numbered, value] of Object.entries(object)) {
    const name = numbered.slice(numbered.indexOf(':') + 1);
    if (fields.has(name))
      throw new InputError(`${file} has two fields \`${name}\` in one object. Give each its own name.`);
    fields.set(name, value);
  }
  return fields;
}
