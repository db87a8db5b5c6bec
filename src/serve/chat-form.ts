import {z} from 'zod';
import {InputError} from '../errors.ts';
import {RequestFailure} from './router.ts';

/** Writes a class in the form that the client wants. */
export type Form = (label: string, confidence: number | undefined) => string;

/** The fields of a request that describe the form of its answer. */
export interface FormWanted {
  readonly response_format?: ResponseFormat | null | undefined;
  readonly tools?: readonly Tool[] | null | undefined;
  readonly tool_choice?: ToolChoice | null | undefined;
}

type ResponseFormat =
  | {readonly type: 'text'}
  | {readonly type: 'json_object'}
  | {readonly type: 'json_schema'; readonly json_schema: {readonly schema: Schema}};

interface Tool {
  readonly type: string;
  readonly function?: {readonly name: string; readonly parameters?: Schema | undefined} | undefined;
}

type ToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | {readonly type: 'function'; readonly function: {readonly name: string}};

const schema = z.record(z.string(), z.unknown());

const responseFormat: z.ZodType<ResponseFormat> = z.discriminatedUnion('type', [
  z.object({type: z.literal('text')}),
  z.object({type: z.literal('json_object')}),
  z.object({type: z.literal('json_schema'), json_schema: z.object({schema})}),
]);

const tool: z.ZodType<Tool> = z.object({
  type: z.string(),
  function: z.object({name: z.string(), parameters: schema.optional()}).optional(),
});

const toolChoice: z.ZodType<ToolChoice> = z.union([
  z.enum(['none', 'auto', 'required']),
  z.object({type: z.literal('function'), function: z.object({name: z.string()})}),
]);

/** Checks these fields. */
export const formWanted: z.ZodType<FormWanted> = z.object({
  response_format: responseFormat.nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
});

/** A function that the client forces the model to call, which is another way to ask for a form. */
export interface ForcedTool {
  readonly name: string;
  readonly form: Form;
}

/**
 * The form of the answer's content: the class alone, or the form that `response_format` describes.
 *
 * @throws RequestFailure 400 if the class doesn't fit into it
 */
export function contentForm({response_format: format}: FormWanted, classes: readonly string[]): Form {
  if (format === undefined || format === null || format.type === 'text') return label => label;
  if (format.type === 'json_object') return label => JSON.stringify({label});
  return schemaForm(format.json_schema.schema, classes, 'response_format');
}

/**
 * The function that must be called. Undefined if the model may choose, because it then calls none.
 *
 * @throws RequestFailure 400 if it isn't among the tools, or the class doesn't fit into its arguments
 */
export function forcedTool(
  {tools, tool_choice: choice}: FormWanted,
  classes: readonly string[],
): ForcedTool | undefined {
  if (choice === undefined || choice === null || choice === 'none' || choice === 'auto') return undefined;
  const functions = (tools ?? []).flatMap(({function: one}) => one ?? []);
  const wanted = choice === 'required' ? functions : functions.filter(({name}) => name === choice.function.name);
  const [called] = wanted;
  if (called === undefined || wanted.length > 1) {
    throw new RequestFailure(400, 'Name one function of `tools` that is to be called.', {param: 'tool_choice'});
  }
  return {name: called.name, form: schemaForm(called.parameters ?? {}, classes, 'tools')};
}

/** Fills a property. Undefined if no value for it is known. */
type Fill = (label: string, confidence: number | undefined) => unknown;

function schemaForm(schema: Schema, classes: readonly string[], param: string): Form {
  const reader = new SchemaReader(schema);
  const namesAll = (values: readonly unknown[]) => classes.every(name => values.includes(name));
  if (namesAll(reader.values)) return label => JSON.stringify(label);
  const labelled = reader.properties.filter(([, property]) => namesAll(reader.valuesOf(property)));
  const [labelName] = labelled[0] ?? [];
  if (labelled.length !== 1) {
    const problem = labelled.length === 0 ? 'No property has' : 'More than one property has';
    throw new RequestFailure(400, `${problem} an enum with all classes of this model: ${classes.join(', ')}.`, {param});
  }
  const fills = reader.properties.flatMap(([name, property]): (readonly [string, Fill])[] => {
    const fill = name === labelName ? (label: string) => label : otherFill(name, property, reader);
    if (fill) return [[name, fill]];
    if (!reader.required.includes(name)) return [];
    throw new RequestFailure(400, `This model only knows a class, and can't write the property \`${name}\`.`, {param});
  });
  return (label, confidence) =>
    JSON.stringify(Object.fromEntries(fills.map(([name, fill]) => [name, fill(label, confidence)])));
}

/** Fills a property that has only one possible value, or that holds the confidence. */
function otherFill(name: string, property: Schema, reader: SchemaReader): Fill | undefined {
  const values = reader.valuesOf(property);
  if (values.length === 1) return () => values[0];
  const isConfidence = name === 'confidence' && property['type'] === 'number';
  return isConfidence ? (_, confidence) => confidence ?? null : undefined;
}

/** A JSON Schema, or a part of one, as a client sent it. */
type Schema = Readonly<Record<string, unknown>>;

/** The most references that are followed in a chain. A longer chain leads nowhere. */
const DEEPEST = 16;

/**
 * Reads the parts of a schema that a class can be written into. Anything that isn't a schema counts as an empty one.
 */
export class SchemaReader {
  readonly #root: Schema;

  constructor(root: Schema) {
    this.#root = root;
  }

  /** The values that the root lists, as `valuesOf` finds them. */
  get values(): readonly unknown[] {
    return this.valuesOf(this.#root);
  }

  get properties(): readonly (readonly [name: string, property: Schema])[] {
    const {properties} = this.#followed(this.#root);
    return Object.entries(schemaOf(properties)).map(([name, property]) => [name, this.#followed(schemaOf(property))]);
  }

  /** Names of the required properties. */
  get required(): readonly unknown[] {
    return listOf(this.#followed(this.#root)['required']);
  }

  /** The values that a schema lists in an enum or as constants. */
  valuesOf(schema: Schema, seen: Set<Schema> = new Set()): readonly unknown[] {
    const followed = this.#followed(schema);
    // Each part is read once, even if references lead back to it.
    if (seen.has(followed)) return [];
    seen.add(followed);
    if ('const' in followed) return [followed['const']];
    if (Array.isArray(followed['enum'])) return followed['enum'];
    const options = listOf(followed['anyOf'] ?? followed['oneOf'] ?? followed['allOf']);
    return options.flatMap(option => this.valuesOf(schemaOf(option), seen));
  }

  /** Follows references within the schema. Generators write one for each named type. */
  #followed(schema: Schema): Schema {
    let followed = schema;
    for (let depth = 0; depth < DEEPEST && typeof followed['$ref'] === 'string'; depth++) {
      const [start, ...path] = followed['$ref'].split('/');
      if (start !== '#') return {};
      followed = path.reduce((part, name) => schemaOf(part[name]), this.#root);
    }
    return followed;
  }
}

function schemaOf(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? (value as Schema) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Finds the text to classify in a message. Undefined if the message has an unexpected form. */
export type PromptText = (message: string) => string | undefined;

const PLACEHOLDER = '{text}';

/**
 * Makes a function that finds the text in prompts written for a language model.
 *
 * @param prompt - the prompt with `{text}` instead of the text; or a regular expression between slashes, whose first
 * group is the text; undefined takes the whole message
 * @throws InputError if it is none of these
 */
export function promptText(prompt: string | undefined): PromptText {
  if (prompt === undefined) return message => message;
  const [, pattern, flags] = /^\/(.+)\/([a-z]*)$/s.exec(prompt) ?? [];
  if (pattern !== undefined) return byExpression(pattern, flags ?? '', prompt);
  const parts = prompt.split(PLACEHOLDER);
  if (parts.length !== 2) {
    throw new InputError(
      `Expected a prompt with ${PLACEHOLDER} once, instead of the text to classify, or a /regular expression/ with a group. ` +
        `Got \`${prompt}\`.`,
    );
  }
  const [before, after] = [plain(parts[0]!).trimStart(), plain(parts[1]!).trimEnd()];
  return message => {
    const trimmed = plain(message).trim();
    const isLike =
      trimmed.length >= before.length + after.length && trimmed.startsWith(before) && trimmed.endsWith(after);
    return isLike ? trimmed.slice(before.length, trimmed.length - after.length) : undefined;
  };
}

function byExpression(pattern: string, flags: string, prompt: string): PromptText {
  try {
    const expression = new RegExp(pattern, flags.replace(/[gy]/g, ''));
    return message => expression.exec(message)?.[1];
  } catch (cause) {
    throw new InputError(`The prompt \`${prompt}\` is not a regular expression: ${(cause as Error).message}.`, {cause});
  }
}

/** Normalises line ends. */
function plain(text: string): string {
  return text.replace(/\r\n/g, '\n');
}
