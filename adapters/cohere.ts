import {z} from 'zod';
import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import type {Json, Teacher, TextInput} from '../src/teacher.ts';
import type {Cell} from './_http/cells.ts';
import {mappedTeacher} from './_http/teacher.ts';
import type {Template} from './_http/template.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {keyVariableFor, SERVICE_KINDS, type ServiceOptions, standInFor} from './_wire/service.ts';

export interface CohereOptions extends ServiceOptions {
  /** A model that is fine-tuned to classify, or one that classifies by `examples`. */
  readonly model: string;
  readonly classes: readonly string[];
  /**
   * The classes as the model calls them, in the order of `classes`.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * Examples for a model that is not fine-tuned: two or more of each class. `label` is one of `labels`.
   *
   * @default none
   */
  readonly examples?: readonly {readonly text: string; readonly label: string}[];
  /**
   * Address of the service.
   *
   * @default 'https://api.cohere.com'
   */
  readonly url?: string;
  /**
   * Queries in one request, at most 96.
   *
   * @default 96
   */
  readonly maxBatch?: number;
}

const KINDS = {
  ...SERVICE_KINDS,
  model: kinds.text,
  classes: kinds.texts,
  labels: kinds.texts,
  examples: kinds.list,
  url: kinds.text,
  maxBatch: kinds.number,
} satisfies Shape<CohereOptions>;

const OWN = 'https://api.cohere.com';
const MOST_INPUTS = 96;

/**
 * A classifier of texts on Cohere's API: gray-box, with log-probabilities. It must give one label per text. The key is
 * read from CO_API_KEY, or from LIMBECK_TEACHER_KEY if `url` is not Cohere's.
 *
 * If the service refuses a text, only that text fails: its batch is halved until the text is alone.
 *
 * @throws InputError if the options can't be used
 */
export function cohere(options: CohereOptions): Teacher<'gray-box'> {
  checkOptions('cohere', options, KINDS, ['model', 'classes']);
  const {model, classes, labels = classes, examples, maxBatch = MOST_INPUTS} = options;
  const address = checkAddress(options.url ?? OWN);
  if (maxBatch > MOST_INPUTS)
    throw new InputError(`Cohere takes at most ${MOST_INPUTS} inputs, \`maxBatch\` is ${maxBatch}.`);
  if (examples?.some(({label}) => !labels.includes(label))) {
    throw new InputError('An example has a label that is none of the classes. Check `examples`.');
  }
  return mappedTeacher(options, {
    name: `cohere ${model}`,
    keyVariable: keyVariableFor(address, {own: OWN, variable: 'CO_API_KEY'}),
    address,
    url: new URL(`${address}/v1/classify`),
    identity: {
      adapter: 'cohere',
      service: standInFor(options, address),
      model,
      examples: plain(examples),
      labels,
    },
    classes,
    labels,
    templates: [templateOf(options)],
    output: {probabilities: '/classifications/*/labels'},
    shape: confidencesIn,
    maxBatch,
    advice: 'Check `url`, and that the model is a classifier.',
    refusalAdvice: () => advice,
    refusesInput: ({status}) => [400, 413, 422, 498].includes(status),
  });
}

/** Builds the template in code, because reading it from JSON could take an example's text for a placeholder. */
function templateOf({model, examples}: CohereOptions): Template {
  const rest = {model, ...(examples && {examples: plain(examples)})};
  return {
    carries: 'text',
    isBatch: true,
    fill: inputs => ({...rest, inputs: inputs.map(input => (input as TextInput).text)}),
  };
}

function plain(examples: CohereOptions['examples'] = []): Json {
  return examples.map(({text, label}) => ({text, label}));
}

const confidences = z.record(z.string(), z.object({confidence: z.number()}));

function confidencesIn(found: unknown): Cell {
  const {data} = confidences.safeParse(found);
  if (data === undefined) return {problem: 'Its reply has labels without a confidence.'};
  return {value: Object.entries(data).map(([label, {confidence}]) => [label, confidence])};
}

const advice: RefusalAdvice = {
  byCause: {'too-long': 'A text is longer than the model takes. Shorten it.'},
  byStatus: {
    400: 'It does not take the request. Check `model`, and that it is fine-tuned or has `examples` of each class.',
    402: 'The account has nothing left to spend. Top it up.',
    404: 'It has no such model. Check `model`.',
    422: 'It does not take the request. Check that no text is empty or too long.',
    498: 'It blocks the request because of what a text says.',
    499: 'It gave up the request, because the request was cancelled.',
    501: 'It can not do that with this model. Check `model`.',
  },
};
