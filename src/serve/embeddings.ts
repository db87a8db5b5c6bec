import {z} from 'zod';
import {unitVector} from '../data/arrays.ts';
import type {Input, Outcome, Query} from '../teacher.ts';
import {mapInSlices, unanswerable} from './classifier.ts';
import {RequestFailure, type Route, route, type ServedReply, type ServedRequest} from './router.ts';
import {inputIn, type ServedInput} from './tensors.ts';
import {tokensOf} from './typed-answers.ts';

/** A model of vectors under its name. */
export interface ServedEmbeddings {
  readonly name: string;
  readonly input: ServedInput | undefined;
  /** Takes any number of queries. */
  readonly ask: (queries: readonly Query[], signal: AbortSignal) => Promise<readonly Outcome[]>;
}

/**
 * OpenAI's protocol of embeddings. Vectors have length 1, also if they are cut to `dimensions`. Any model name is
 * accepted, so that a client changes only its base URL.
 */
export function embeddingRoutes(model: ServedEmbeddings): readonly Route[] {
  const card = {id: model.name, object: 'model', created: Math.floor(Date.now() / 1000), owned_by: 'limbeck'};
  return [
    route('GET', '/v1/models', () => ({body: {object: 'list', data: [card]}})),
    route('POST', '/v1/embeddings', request => embed(model, request)),
  ];
}

interface EmbeddingsRequest {
  readonly input: unknown;
  readonly dimensions?: number | null | undefined;
  readonly encoding_format?: 'float' | 'base64' | null | undefined;
}

const embeddingsRequest: z.ZodType<EmbeddingsRequest> = z.object({
  // The elements are checked after they are counted.
  input: z.unknown(),
  dimensions: z.int().min(1).nullish(),
  encoding_format: z.enum(['float', 'base64']).nullish(),
});

async function embed(model: ServedEmbeddings, {body, takeInputs, signal}: ServedRequest): Promise<ServedReply> {
  const parsed = embeddingsRequest.safeParse(await body());
  if (!parsed.success) throw new RequestFailure(400, z.prettifyError(parsed.error));
  const {input, dimensions, encoding_format: format} = parsed.data;
  const values: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (values.length === 0) throw refused('Give one text at least.', 'input');
  takeInputs(values.length);
  const inputs = values.map((value, index) => read(model, value, index));
  const outcomes = await model.ask(
    inputs.map(each => ({input: each})),
    signal,
  );
  const data = await mapInSlices(outcomes, (outcome, index) => {
    const vector = directionOf(vectorIn(outcome, index), dimensions ?? undefined);
    return JSON.stringify({
      object: 'embedding',
      index,
      embedding: format === 'base64' ? packed(vector) : shown(vector),
    });
  });
  const tokens = values.reduce<number>((sum, value) => sum + tokensOf(value), 0);
  const rest = JSON.stringify({model: model.name, usage: {prompt_tokens: tokens, total_tokens: tokens}});
  return {body: `{"object":"list","data":[${data.join()}],${rest.slice(1)}`};
}

function read({input}: ServedEmbeddings, value: unknown, index: number): Input {
  if (typeof value === 'number' || Array.isArray(value)) {
    throw refused('This service takes texts, not tokens.', 'input');
  }
  return inputIn(value, input?.kind, index);
}

function vectorIn(outcome: Outcome, index: number): Float32Array {
  if ('answer' in outcome && outcome.answer.kind === 'vector') return outcome.answer.values;
  throw unanswerable(index);
}

/** The beginning of a vector, divided by its length. */
function directionOf(vector: Float32Array, dimensions = vector.length): Float32Array {
  if (dimensions > vector.length) {
    throw refused(`The vectors have ${vector.length} dimensions. Ask for as many at most.`, 'dimensions');
  }
  return unitVector(vector.subarray(0, dimensions));
}

/** Float32, little-endian, in base64, as OpenAI's own clients ask for it. */
function packed({buffer}: Float32Array): string {
  return Buffer.from(buffer as ArrayBuffer).toString('base64');
}

/** Nine digits hold every 32-bit number. */
function shown(vector: Float32Array): number[] {
  return Array.from(vector, value => Number(value.toPrecision(9)));
}

function refused(message: string, param: string): RequestFailure {
  return new RequestFailure(400, message, {param});
}
