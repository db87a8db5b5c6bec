import {z} from 'zod';
import {RequestFailure} from './failure.ts';
import {type Schema, SchemaReader} from './json-schema.ts';

/** Writes a class as the client wants to read it. */
export type Form = (label: string, confidence: number | undefined) => string;

/** What a request says of the form of its answer. */
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

/** Checks what a request says of the form. */
export const formWanted: z.ZodType<FormWanted> = z.object({
  response_format: responseFormat.nullish(),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
});

/** A function that the client makes the model call, which is a way to ask for a form. */
export interface ForcedTool {
  readonly name: string;
  readonly form: Form;
}

/**
 * The form of the answer's content: the class alone, or what `response_format` describes.
 *
 * @throws RequestFailure 400 where the class can't be put into it
 */
export function contentForm({response_format: format}: FormWanted, classes: readonly string[]): Form {
  if (format === undefined || format === null || format.type === 'text') return label => label;
  if (format.type === 'json_object') return label => JSON.stringify({label});
  return schemaForm(format.json_schema.schema, classes, 'response_format');
}

/**
 * The function that must be called; undefined where the model may choose, which then calls none.
 *
 * @throws RequestFailure 400 where it isn't among the tools, or the class can't be put into its arguments
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

/** How a property is filled; undefined where nothing is known to fill it with. */
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

/** What has one value only, and how sure the answer is. */
function otherFill(name: string, property: Schema, reader: SchemaReader): Fill | undefined {
  const values = reader.valuesOf(property);
  if (values.length === 1) return () => values[0];
  const isConfidence = name === 'confidence' && property['type'] === 'number';
  return isConfidence ? (_, confidence) => confidence ?? null : undefined;
}
