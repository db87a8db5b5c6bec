import {z} from 'zod';
import {InputError} from '../src/errors.ts';
import type {Json, Teacher, TextInput} from '../src/teacher.ts';
import type {Cell} from './_http/cells.ts';
import {mappedTeacher} from './_http/teacher.ts';
import type {Template} from './_http/template.ts';
import type {Explain} from './_wire/reply.ts';
import {checkAddress} from './_wire/request.ts';
import {keyVariableFor, type ServiceOptions} from './_wire/service.ts';

export interface CohereOptions extends ServiceOptions {
  /** A model that is fine-tuned to classify, or one that goes by `examples`. */
  readonly model: string;
  readonly classes: readonly string[];
  /**
   * The classes as the model calls them, in the order of `classes`.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * What the model goes by that is not fine-tuned: two or more of each class, `label` as in `labels`.
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
   * Queries in one request, 96 at most.
   *
   * @default 96
   */
  readonly maxBatch?: number;
}

const OWN = 'https://api.cohere.com';
const MOST_INPUTS = 96;

/**
 * A classifier of texts on Cohere's API: gray-box, with log-probabilities. It has to be of one label a text. The key is
 * read from CO_API_KEY, for a `url` elsewhere from LIMBECK_TEACHER_KEY.
 *
 * A text that the service refuses fails alone: its batch is halved until it is by itself.
 *
 * @throws InputError where the options can't be used
 */
export function cohere(options: CohereOptions): Teacher<'gray-box'> {
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
    url: new URL(`${address}/v1/classify`),
    identity: {
      adapter: 'cohere',
      service: address,
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
    explain: () => explain,
    refusesInput: ({status}) => [400, 413, 422, 498].includes(status),
  });
}

/** Not one that is read from JSON, where the text of an example could be taken for a place. */
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

const explain: Explain = ({status}) => {
  const problem = PROBLEMS[status];
  return problem === undefined ? undefined : {problem};
};

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'It does not take the request. Check `model`, and that there are `examples` of each class, or the model is fine-tuned.',
  402: 'The account has nothing left to spend. Top it up.',
  404: 'It has no such model. Check `model`.',
  422: 'It does not take the request. Check that no text is empty or too long.',
  498: 'It blocks the request for what a text says.',
  499: 'It gave the request up, since it was cancelled.',
  501: 'It can not do that with this model. Check `model`.',
};
