import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {Json, Teacher, Usage} from '../src/teacher.ts';
import type {ReceiptLocation} from './_http/receipt.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate} from './_http/template.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {keyVariableFor, SERVICE_KINDS, type ServiceOptions, standInFor} from './_wire/service.ts';

export interface EmbeddingsOptions extends ServiceOptions {
  /**
   * The service's protocol: `/v1/embeddings` of OpenAI, which vLLM, llama.cpp, Mistral, Voyage and others speak as well;
   * `/embed` of Text Embeddings Inference; `/v2/embed` of Cohere; `batchEmbedContents` of Gemini.
   *
   * @default 'openai'
   */
  readonly api?: 'openai' | 'text-embeddings-inference' | 'cohere' | 'gemini';
  /**
   * The embedding model, for example `text-embedding-3-small`. Text Embeddings Inference serves one and needs none; its
   * name keeps the vectors of two models apart that are served at one address.
   */
  readonly model?: string;
  /**
   * Address of the service. The path of the protocol comes after it.
   *
   * @default OpenAI's with `/v1`, Cohere's, or Gemini's with `/v1beta`; none of Text Embeddings Inference
   */
  readonly url?: string;
  /**
   * The name that replaces the address in the identity.
   *
   * @default the address
   */
  readonly service?: string;
  /**
   * The length of the vectors to ask for, of a model that can shorten them. A vector of another length is an error.
   *
   * @default the model's own
   */
  readonly dimensions?: number;
  /**
   * What the vectors are for, in the words of the service: `input_type` of Cohere, `taskType` of Gemini, `prompt_name` of
   * Text Embeddings Inference. OpenAI has none. An index and the questions to it can need two teachers.
   *
   * @default 'search_document' for Cohere, else none
   */
  readonly task?: string;
  /**
   * More fields of the body, as the service documents them.
   *
   * @default none
   */
  readonly parameters?: {readonly [field: string]: Json};
  /**
   * Texts in one request. OpenAI takes 2048, Cohere 96, Gemini 100, Text Embeddings Inference its
   * `max_client_batch_size`.
   *
   * @default 32 for Text Embeddings Inference, else 96
   */
  readonly maxBatch?: number;
}

const KINDS = {
  ...SERVICE_KINDS,
  api: oneOf('openai', 'text-embeddings-inference', 'cohere', 'gemini'),
  model: kinds.text,
  url: kinds.text,
  service: kinds.text,
  dimensions: kinds.number,
  task: kinds.text,
  parameters: kinds.json,
  maxBatch: kinds.number,
} satisfies Shape<EmbeddingsOptions>;

/** What the protocols differ in. */
interface Protocol {
  /** The provider's own address, and the variable of its key there. */
  readonly own?: string;
  readonly variable: string;
  readonly authorize?: (key: string) => Readonly<Record<string, string>>;
  readonly path: (model: string) => string;
  readonly body: (asked: Asked) => {readonly [field: string]: Json};
  /** The location of the vectors in a reply. */
  readonly vector: string;
  /** The location of each vector's index among the texts. */
  readonly index?: string;
  readonly receipt?: ReceiptLocation;
  readonly mostTexts?: number;
}

interface Asked {
  readonly model: string;
  readonly dimensions: number | undefined;
  readonly task: string | undefined;
  /** True at the provider's own address. */
  readonly isOwn: boolean;
}

const PROTOCOLS: Readonly<Record<NonNullable<EmbeddingsOptions['api']>, Protocol>> = {
  openai: {
    own: 'https://api.openai.com/v1',
    variable: 'OPENAI_API_KEY',
    path: () => '/embeddings',
    body: ({model, dimensions, isOwn}) => ({
      model,
      input: '{texts}',
      // The same numbers in a third of the bytes. Not every other server knows it.
      encoding_format: isOwn ? 'base64' : 'float',
      ...(dimensions !== undefined && {dimensions}),
    }),
    vector: '/data/*/embedding',
    index: '/data/*/index',
    receipt: {model: '/model', inputTokens: '/usage/prompt_tokens'},
    mostTexts: 2048,
  },
  'text-embeddings-inference': {
    variable: 'LIMBECK_TEACHER_KEY',
    path: () => '/embed',
    body: ({dimensions, task}) => ({
      inputs: '{texts}',
      ...(task !== undefined && {prompt_name: task}),
      ...(dimensions !== undefined && {dimensions}),
    }),
    vector: '/*',
  },
  cohere: {
    own: 'https://api.cohere.com',
    variable: 'CO_API_KEY',
    path: () => '/v2/embed',
    body: ({model, dimensions, task = 'search_document'}) => ({
      model,
      texts: '{texts}',
      input_type: task,
      embedding_types: ['float'],
      truncate: 'NONE',
      ...(dimensions !== undefined && {output_dimension: dimensions}),
    }),
    vector: '/embeddings/float/*',
    receipt: {inputTokens: '/meta/billed_units/input_tokens'},
    mostTexts: 96,
  },
  gemini: {
    own: 'https://generativelanguage.googleapis.com/v1beta',
    variable: 'GEMINI_API_KEY',
    authorize: key => ({'x-goog-api-key': key}),
    path: model => `/models/${model}:batchEmbedContents`,
    body: ({model, dimensions, task}) => ({
      requests: {
        '{each}': {
          model: `models/${model}`,
          content: {parts: [{text: '{text}'}]},
          ...(task !== undefined && {taskType: task}),
          ...(dimensions !== undefined && {outputDimensionality: dimensions}),
        },
      },
    }),
    vector: '/embeddings/*/values',
    receipt: {inputTokens: '/usageMetadata/promptTokenCount'},
    mostTexts: 100,
  },
};

/**
 * An embedding model behind a service: gray-box, with a vector of each text. The key is read from OPENAI_API_KEY,
 * CO_API_KEY or GEMINI_API_KEY at the provider's own address, elsewhere from LIMBECK_TEACHER_KEY. A request holds many
 * texts, each vector is kept by its text, and budgets count input tokens.
 *
 * If the service refuses a text, only that text fails: its batch is halved until the text is alone.
 *
 * ```ts
 * embeddings({model: 'text-embedding-3-small', price: {perMillionInputTokens: 0.02}});
 * ```
 *
 * @throws InputError if the options can't be used
 */
export function embeddings(options: EmbeddingsOptions): Teacher<'gray-box'> {
  checkOptions('embeddings', options, KINDS);
  const {api = 'openai', dimensions, task, parameters = {}} = options;
  const {own, variable, authorize, path, body, vector, index, receipt, mostTexts} = PROTOCOLS[api];
  const {maxBatch = mostTexts === undefined ? 32 : 96} = options;
  checkFit(options, api, maxBatch, mostTexts);
  const {model = ''} = options;
  const address = checkAddress(options.url ?? own ?? missing(api, 'url'));
  const service = standInFor(options, address);
  const request = {...body({model, dimensions, task, isOwn: address === own}), ...parameters};
  return mappedTeacher(options, {
    name: `embeddings ${model === '' ? 'of text-embeddings-inference' : model} at ${service}`,
    keyVariable: own === undefined ? variable : keyVariableFor(address, {own, variable}),
    ...(authorize && {authorize}),
    address,
    url: new URL(`${address}${path(model)}`),
    identity: {adapter: 'embeddings', api, service, ...unsent(api, model), ...withoutForm(request)},
    templates: [readTemplate(request)],
    output: {vector, ...(dimensions !== undefined && {dimensions})},
    index,
    receipt,
    maxBatch,
    ...(api === 'openai' && {listsModels: model}),
    mostTokens,
    advice: 'Check `url` and `api`, and that the model gives embeddings.',
    refusalAdvice: () => advice,
  });
}

function checkFit(
  {model, dimensions, task}: EmbeddingsOptions,
  api: NonNullable<EmbeddingsOptions['api']>,
  maxBatch: number,
  mostTexts = Number.POSITIVE_INFINITY,
): void {
  if (model === undefined && api !== 'text-embeddings-inference') missing(api, 'model');
  if (api === 'openai' && task !== undefined) {
    throw new InputError('OpenAI’s protocol has no `task`. Give the field of your service in `parameters`.');
  }
  if (maxBatch > mostTexts) {
    throw new InputError(`The service takes at most ${mostTexts} texts, \`maxBatch\` is ${maxBatch}.`);
  }
  if (dimensions !== undefined && !(Number.isInteger(dimensions) && dimensions > 0)) {
    throw new InputError(`Expected \`dimensions\` to be a whole number above 0, got ${dimensions}.`);
  }
}

/** @throws InputError always */
function missing(api: string, option: string): never {
  throw new InputError(`embeddings needs \`${option}\` for \`api: '${api}'\`. Give it.`);
}

/** Text Embeddings Inference is not told the model, whose name yet keeps its answers apart from those of others. */
function unsent(api: string, model: string): {readonly model?: string} {
  return api === 'text-embeddings-inference' && model !== '' ? {model} : {};
}

/** The fields of a request that can change a vector: all but how its numbers are written. */
function withoutForm(request: {readonly [field: string]: Json}): {readonly [field: string]: Json} {
  const {encoding_format: _, ...rest} = request;
  return {request: rest};
}

/** A token is at least one byte. Embeddings have no output tokens. */
function mostTokens(body: Json): Usage {
  return {inputTokens: Buffer.byteLength(JSON.stringify(body)), outputTokens: 0};
}

const advice: RefusalAdvice = {
  byCause: {
    model: 'It has no such model. Check `model`, and that it gives embeddings.',
    'too-long': 'A text is longer than the model takes. Shorten it.',
  },
  byCode: {
    Validation: 'A text is longer than the model takes, or the batch larger than it takes. Lower `maxBatch`.',
    Overloaded: 'Its queue is full. Lower `concurrency`.',
  },
  byWords: [
    [/batch size/i, 'Lower `maxBatch`.'],
    [/dimension/i, 'The model can not give vectors of this length. Check `dimensions`.'],
  ],
  byStatus: {
    400: 'It does not take the request. Check `model`, `dimensions` and `task`, and that no text is empty or too long.',
    404: 'Nothing is there. Check `url`, `api` and `model`.',
    422: 'It does not take the request. Check that no text is empty or too long.',
    424: 'Its model failed, or gives no embeddings. Its own log says why.',
  },
};
