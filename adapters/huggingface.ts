import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {Question} from '../src/question.ts';
import type {Teacher} from '../src/teacher.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate} from './_http/template.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {keyVariableFor, SERVICE_KINDS, type ServiceOptions, standInFor} from './_wire/service.ts';

export interface HuggingfaceOptions extends ServiceOptions {
  /** A model of the hub that the provider `hf-inference` serves, for example `ProsusAI/finbert`. Or give `url`. */
  readonly model?: string;
  /** Address of your own inference endpoint. Or give `model`. */
  readonly url?: string;
  /**
   * The name that replaces the address and the model in the identity.
   *
   * @default the address
   */
  readonly service?: string;
  /** The classes, one of which is the answer. Or give `questions`. */
  readonly classes?: readonly string[];
  /** Predicates, one for each class of a multi-label classifier that you want; see `predicate` of `limbeck/ask`. */
  readonly questions?: readonly Question[];
  /**
   * The model's names of the classes or questions, in their order, for example `LABEL_0`.
   *
   * @default as `classes`, or the names of the questions
   */
  readonly labels?: readonly string[];
  /**
   * The scores to ask for, as `function_to_apply`: none for logits; softmax for probabilities of classes, sigmoid for
   * those of questions. A service that ignores it is detected by the sum of its scores.
   *
   * @default 'probabilities'
   */
  readonly output?: 'logits' | 'probabilities';
}

const KINDS = {
  ...SERVICE_KINDS,
  model: kinds.text,
  url: kinds.text,
  service: kinds.text,
  classes: kinds.texts,
  questions: kinds.list,
  labels: kinds.texts,
  output: oneOf('logits', 'probabilities'),
} satisfies Shape<HuggingfaceOptions>;

const ROUTER = 'https://router.huggingface.co';

/**
 * A classifier of texts on Hugging Face, by its serverless API or your own endpoint: gray-box. The key is read from
 * HF_TOKEN, or from LIMBECK_TEACHER_KEY if `url` is elsewhere. Images are not sent: these services take encoded files,
 * and queries hold pixels.
 *
 * @throws InputError if the options can't be used
 */
export function huggingface(options: HuggingfaceOptions): Teacher<'gray-box'> {
  checkOptions('huggingface', options, KINDS);
  const {classes, questions, labels, output = 'probabilities'} = options;
  checkPredicates(questions);
  const address = addressOf(options);
  const service = standInFor(options, address);
  const isLogits = output === 'logits';
  const location = isLogits ? {logits: ''} : {probabilities: ''};
  return mappedTeacher(options, {
    name: `huggingface ${options.model ?? `endpoint at ${service}`}`,
    keyVariable: keyVariableFor(address, {own: ROUTER, variable: 'HF_TOKEN'}),
    url: new URL(address),
    // The label of each question is in the keys of its own answers.
    identity: {adapter: 'huggingface', service, output, ...(classes && {labels: labels ?? classes})},
    classes,
    questions,
    labels: labels ?? questions?.map(({name}) => name),
    // Without `top_k` the service returns five classes.
    templates: [
      readTemplate({
        inputs: '{text}',
        parameters: {
          top_k: classes?.length ?? MOST_LABELS,
          function_to_apply: isLogits ? 'none' : questions ? 'sigmoid' : 'softmax',
        },
      }),
    ],
    output: questions ? Object.fromEntries(questions.map(({name}) => [name, location])) : location,
    maxBatch: 1,
    advice: 'Check `url`, and that the model is a classifier.',
    refusalAdvice: () => advice,
  });
}

/** More than a classifier has. All scores are asked for, because their sum tells whether they are those of a softmax. */
const MOST_LABELS = 10_000;

/** @throws InputError if a question is no predicate */
function checkPredicates(questions: readonly Question[] = []): void {
  const other = questions.find(({type}) => type !== 'predicate');
  if (other === undefined) return;
  throw new InputError(
    `huggingface scores each class by itself, and question \`${other.name}\` is a ${other.type}. Give predicates, or \`classes\`.`,
  );
}

function addressOf({model, url}: HuggingfaceOptions): string {
  if ((model === undefined) === (url === undefined)) {
    throw new InputError('A teacher of Hugging Face needs either a `model` of its hub or the `url` of an endpoint.');
  }
  if (url !== undefined) return checkAddress(url);
  if (/^[\w.-]+(\/[\w.-]+)?$/.test(model!)) return `${ROUTER}/hf-inference/models/${model}`;
  throw new InputError('The `model` is no name of the hub. Give one such as `ProsusAI/finbert`.');
}

const advice: RefusalAdvice = {
  byCause: {
    model: 'There is no such model, or `hf-inference` does not serve it. Check `model` or `url`.',
    'too-long': 'The text is longer than the model takes. Shorten it.',
  },
  byStatus: {
    400: 'It does not take the request. Check that the model is a classifier of texts that `hf-inference` serves.',
    402: 'The credits of the account are spent. Buy more, or wait for the next month.',
    404: 'There is no such model, or `hf-inference` does not serve it. Check `model` or `url`.',
    410: 'The model is no longer served. Use another one, or an endpoint of your own.',
    422: 'It does not take the text. The text can be longer than the model takes.',
    424: 'Its model failed on the text. Its own log says why.',
    503: 'The model is being loaded, or the service is overloaded.',
  },
};
