import {createHash} from 'node:crypto';
import {jsonServer} from '../json-server.ts';

interface Schema {
  readonly enum?: readonly string[];
  /** Only `#/$defs/answer`. */
  readonly $ref?: string;
  readonly $defs?: {readonly answer: Schema};
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** A request, in the protocol of any service. */
interface Body {
  readonly messages?: readonly {readonly content: string | readonly {readonly text: string}[]}[];
  readonly input?: string;
  readonly contents?: readonly {readonly parts: readonly {readonly text: string}[]}[];
  readonly n?: number;
  readonly response_format?: {readonly json_schema: {readonly schema: Schema}};
  readonly structured_outputs?: {readonly json: Schema};
  readonly text?: {readonly format: {readonly schema: Schema}};
  readonly output_config?: {readonly format: {readonly schema: Schema}};
  readonly outputConfig?: {readonly textFormat: {readonly structure: {readonly jsonSchema: {readonly schema: string}}}};
  readonly generationConfig?: {readonly responseJsonSchema: Schema};
  readonly format?: Schema;
}

/** What the server was asked about a text: the names of the fields, in order. */
export interface AskedFields {
  readonly path: string;
  readonly text: string;
  readonly fields: readonly string[];
}

export interface FieldServer {
  readonly url: string;
  readonly asked: AskedFields[];
}

interface FieldServerOptions {
  /** True if the other fields of an answer change each. */
  readonly leaks?: boolean;
  /** What becomes of the text of an answer. */
  readonly spoil?: (text: string) => string;
}

/**
 * A service of language models, in the protocol of the path, that is no model: it answers as the schema wants. With
 * `leaks` an answer depends on the other fields, else on the text and its own options alone. Of packed inputs each answer
 * is about its own.
 */
export async function fieldServer({
  leaks = false,
  spoil = text => text,
}: FieldServerOptions = {}): Promise<FieldServer> {
  const asked: AskedFields[] = [];
  const url = await jsonServer((body: Body, path) => {
    const [text, schema] = [textOf(body), schemaOf(body)];
    const fields = Object.entries(schema.properties!).map(
      ([name, field]) => [name, schema.$defs?.answer ?? field] as const,
    );
    const inputs = schema.$defs && (JSON.parse(text) as Readonly<Record<string, unknown>>);
    asked.push({path, text, fields: fields.map(([name]) => name)});
    const parts = fields.map(([name, field]) => ({
      name,
      ...answerTo(field, leaks ? `${text} ${fields.length}` : inputs ? JSON.stringify(inputs[name]) : text),
    }));
    return {body: replyOf(path, body, parts, spoil)};
  });
  return {url, asked};
}

function textOf({messages = [], input, contents = []}: Body): string {
  const content = messages.at(-1)?.content ?? input ?? contents[0]?.parts[0]?.text ?? '';
  return typeof content === 'string' ? content : (content[0]?.text ?? '');
}

function schemaOf(body: Body): Schema {
  const written = body.outputConfig?.textFormat.structure.jsonSchema.schema;
  if (written !== undefined) return JSON.parse(written) as Schema;
  return (
    body.response_format?.json_schema.schema ??
    body.structured_outputs?.json ??
    body.text?.format.schema ??
    body.output_config?.format.schema ??
    body.generationConfig?.responseJsonSchema ??
    body.format!
  );
}

interface Part {
  readonly name: string;
  readonly value: string | {readonly label: string; readonly confidence: number};
  readonly options: readonly {readonly token: string; readonly logprob: number}[];
}

function answerTo(field: Schema, text: string): Omit<Part, 'name'> {
  const codes = field.enum ?? field.properties!['label']!.enum!;
  const bytes = createHash('sha256').update(`${text} ${codes.join()}`).digest();
  const total = codes.reduce((sum, _, index) => sum + bytes[index]! + 9, 20);
  const options = codes
    .map((token, index) => ({token, logprob: Math.log((bytes[index]! + 9) / total)}))
    .sort((one, other) => other.logprob - one.logprob);
  const label = options[0]!.token;
  return {options, value: field.enum ? label : {label, confidence: 80}};
}

/** The answer as tokens: each value of a text is one. */
function tokensOf(parts: readonly Part[]) {
  const between = (token: string) => ({token, logprob: 0, top_logprobs: [{token, logprob: 0}]});
  const tokens = parts.flatMap(({name, options}, index) => [
    between(`${index === 0 ? '{' : ', '}${JSON.stringify(name)}: "`),
    {...options[0]!, top_logprobs: options},
    between('"'),
  ]);
  return [...tokens, between('}')];
}

function replyOf(path: string, {n = 1}: Body, parts: readonly Part[], spoil: (text: string) => string): object {
  const text = spoil(JSON.stringify(Object.fromEntries(parts.map(({name, value}) => [name, value]))));
  const tokens = tokensOf(parts);
  if (path.endsWith('/messages')) {
    const usage = {input_tokens: 20, output_tokens: 5};
    return {content: [{type: 'text', text}], stop_reason: 'end_turn', usage};
  }
  if (path.endsWith('/responses')) {
    const content = [{type: 'output_text', text, logprobs: tokens}];
    return {status: 'completed', output: [{type: 'message', content}], usage: {input_tokens: 20, output_tokens: 5}};
  }
  if (path.endsWith('/converse')) {
    return {output: {message: {content: [{text}]}}, stopReason: 'end_turn', usage: {inputTokens: 20, outputTokens: 5}};
  }
  if (path.endsWith(':generateContent')) {
    const named = ({token, logprob}: {readonly token: string; readonly logprob: number}) => ({
      token,
      logProbability: logprob,
    });
    const logprobsResult = {
      chosenCandidates: tokens.map(named),
      topCandidates: tokens.map(({top_logprobs}) => ({candidates: top_logprobs.map(named)})),
    };
    const usageMetadata = {promptTokenCount: 20, candidatesTokenCount: 5};
    return {candidates: [{content: {parts: [{text}]}, finishReason: 'STOP', logprobsResult}], usageMetadata};
  }
  if (path.endsWith('/api/chat')) {
    return {message: {content: text}, done_reason: 'stop', logprobs: tokens, prompt_eval_count: 20, eval_count: 5};
  }
  const choice = {finish_reason: 'stop', message: {content: text}, logprobs: {content: tokens}};
  return {choices: Array.from({length: n}, () => choice), usage: {prompt_tokens: 20, completion_tokens: 5}};
}
