import {z} from 'zod';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import type {Teacher} from '../src/teacher.ts';
import type {Cell} from './_http/cells.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate} from './_http/template.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {keyVariableFor, SERVICE_KINDS, type ServiceOptions, standInFor} from './_wire/service.ts';

export interface MistralOptions extends ServiceOptions {
  /** A classifier, for example `ft:classifier:ministral-3b-latest:…`. */
  readonly model: string;
  readonly classes: readonly string[];
  /**
   * The model's names of the classes, in the order of `classes`.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * The target to read, if the model was trained for several.
   *
   * @default the only one
   */
  readonly target?: string;
  /**
   * Address of the service.
   *
   * @default 'https://api.mistral.ai'
   */
  readonly url?: string;
  /**
   * Queries in one request.
   *
   * @default 32
   */
  readonly maxBatch?: number;
}

const KINDS = {
  ...SERVICE_KINDS,
  model: kinds.text,
  classes: kinds.texts,
  labels: kinds.texts,
  target: kinds.text,
  url: kinds.text,
  maxBatch: kinds.number,
} satisfies Shape<MistralOptions>;

const OWN = 'https://api.mistral.ai';

/**
 * A classifier of texts on Mistral's API: gray-box, with log-probabilities. The key is read from MISTRAL_API_KEY, or
 * from LIMBECK_TEACHER_KEY if `url` is not Mistral's. Use `openai` for Mistral's chat models.
 *
 * If the service refuses a text, only that text fails: its batch is halved until the text is alone.
 *
 * @throws InputError if the options can't be used
 */
export function mistral(options: MistralOptions): Teacher<'gray-box'> {
  checkOptions('mistral', options, KINDS, ['model', 'classes']);
  const {model, classes, labels, target, maxBatch = 32} = options;
  const address = checkAddress(options.url ?? OWN);
  return mappedTeacher(options, {
    name: `mistral ${model}`,
    keyVariable: keyVariableFor(address, {own: OWN, variable: 'MISTRAL_API_KEY'}),
    address,
    url: new URL(`${address}/v1/classifications`),
    identity: {
      adapter: 'mistral',
      service: standInFor(options, address),
      model,
      target: target ?? null,
      labels: labels ?? classes,
    },
    classes,
    labels,
    templates: [readTemplate({model, input: '{texts}'})],
    output: {probabilities: '/results/*'},
    shape: found => scoresIn(found, target),
    advice: 'Check `url`, and that the model is a classifier.',
    receipt: {model: '/model', inputTokens: '/usage/prompt_tokens'},
    maxBatch,
    refusalAdvice: () => advice,
  });
}

const result = z.record(z.string(), z.object({scores: z.unknown()}));

function scoresIn(found: unknown, target: string | undefined): Cell {
  const {data = {}} = result.safeParse(found);
  const targets = Object.keys(data);
  if (target !== undefined && Object.hasOwn(data, target)) return {value: data[target]!.scores};
  if (target === undefined && targets.length === 1) return {value: data[targets[0]!]!.scores};
  if (target !== undefined) return {problem: 'Its model has no target with the name in `target`.'};
  return {problem: 'Its model has several targets or none. Name the one to read as `target`.'};
}

const advice: RefusalAdvice = {
  byCause: {
    model: 'It has no such model. Check `model`, and that the key belongs to the account that trained it.',
    'too-long': 'A text is longer than the model takes. Shorten it.',
  },
  byStatus: {
    400: 'It does not take the request. Check that `model` is a classifier.',
    404: 'It has no such model. Check `model`, and that the key belongs to the account that trained it.',
    422: 'It does not take the request. Check that `model` is a classifier, and that the texts are not too long.',
  },
};
