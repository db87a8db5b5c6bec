import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import type {Question} from '../src/question.ts';
import type {Json, Teacher} from '../src/teacher.ts';
import type {LabelLocation, LevelLocation, ScoreLocation, VectorLocation} from './_http/output.ts';
import type {QuestionLocations} from './_http/questions.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {MAPPED_KINDS, type MappedOptions, readTemplate} from './_http/template.ts';
import {openHeaders} from './_wire/headers.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {SERVICE_KINDS, type ServiceOptions, standInFor} from './_wire/service.ts';

export type {LabelLocation, LevelLocation, ScoreLocation, VectorLocation} from './_http/output.ts';
export type {QuestionLocations} from './_http/questions.ts';
export type {ReceiptLocation} from './_http/receipt.ts';

export interface HttpOptions extends ServiceOptions, Omit<MappedOptions, 'classes' | 'output'> {
  /** Names of the classes, in the order of scores that come as a bare list. Or give `questions`, or read a vector. */
  readonly classes?: readonly string[];
  /** The questions that it answers; see `choice`, `predicate` and `score` of `limbeck/ask`. Or give `classes`. */
  readonly questions?: readonly Question[];
  /**
   * The location of the scores or the labels in a reply. If a request holds several inputs, the first `*` stands for the
   * index of the input, in the order that was sent. Without a `*` it is a flat list of all their values. With
   * `questions`, the location of the answer to each, by the question's name.
   */
  readonly output: MappedOptions['output'] | QuestionLocations;
  /** Address that requests are posted to, as it is: with a slash at its end if the route has one. */
  readonly url: string;
  /**
   * The name that replaces the address in the identity. A service that moves keeps its answers, and a new version of
   * the model gets new answers under a new name.
   *
   * @default the address
   */
  readonly service?: string;
}

const KINDS = {
  ...SERVICE_KINDS,
  ...MAPPED_KINDS,
  questions: kinds.list,
  output: kinds.object,
  url: kinds.text,
  service: kinds.text,
} satisfies Shape<HttpOptions>;

/**
 * Any other service that takes JSON by POST: TorchServe, MLflow, LitServe, BentoML, Ray Serve, or your own. The output
 * that is read decides the access: scores and vectors make it gray-box, labels black-box. Probabilities below 1e-38 become 1e-38.
 *
 * With `questions`, one request brings the answers to all questions about an input, each at a location of its own. The
 * answer to a predicate can be one number: that of yes.
 *
 * If the service refuses a query, only that query fails: its batch is halved until the query is alone.
 *
 * ```ts
 * http({
 *   url: 'http://127.0.0.1:8000/predict',
 *   classes: ['ham', 'spam'],
 *   request: {input: '{text}'},
 *   output: {probabilities: '/output'},
 * });
 * ```
 *
 * @throws InputError if the options can't be used
 */
export function http(
  options: HttpOptions & {
    readonly output: ScoreLocation | LevelLocation | VectorLocation | QuestionLocations<ScoreLocation | LevelLocation>;
  },
): Teacher<'gray-box'>;
export function http(
  options: HttpOptions & {readonly output: LabelLocation | QuestionLocations<LabelLocation>},
): Teacher<'black-box'>;
export function http(options: HttpOptions): Teacher {
  checkOptions('http', options, KINDS, ['url']);
  const {classes, questions, labels, request, output} = options;
  if (questions && labels) throw new InputError('http: `labels` goes with `classes`. Use `aliases` for other words.');
  const address = checkAddress(options.url);
  const template = readTemplate(request);
  return mappedTeacher(options, {
    name: `http service at ${address}`,
    keyVariable: 'LIMBECK_TEACHER_KEY',
    url: new URL(withSlashOf(options.url, address)),
    identity: {
      adapter: 'http',
      service: standInFor(options, address),
      request,
      // The location of each answer is in its own key.
      ...(!questions && {output: {...output} as Json, labels: labels ?? classes ?? null}),
      headers: openHeaders(options.headers, header => header === 'user-agent'),
    },
    classes,
    questions,
    aliases: options.aliases,
    labels,
    templates: [template],
    output,
    error: options.error,
    receipt: options.receipt,
    maxBatch: options.maxBatch ?? (template.isBatch ? 32 : 1),
    refusalAdvice: () => advice,
  });
}

/** A route with a slash at its end is another one than that without it: FastAPI redirects from one to the other. */
function withSlashOf(url: string, address: string): string {
  return new URL(url).pathname.endsWith('/') ? `${address}/` : address;
}

/** The meaning of statuses that model servers share, whatever their framework. */
const advice: RefusalAdvice = {
  // TorchServe has one status for a full queue and for an error in its handler.
  byCode: {InternalServerException: 'Its handler failed on the request. Its log says why; check `request`.'},
  byCause: {
    model: 'It has no such model. Check the path of `url`, and the model in `request`.',
    'too-long':
      'A text is longer than the model takes. Shorten it, or have the service cut it by a field of `request`.',
  },
  byStatus: {
    400: 'It does not take the request. Check `request`, and the shape of the input.',
    404: 'Nothing is there. Check the path of `url`, and that the model is loaded.',
    405: 'It takes no POST there. Check the path of `url`.',
    415: 'It takes no JSON there. Check the path of `url`.',
    422: 'It does not take the request. Check `request`, and the shape of the input.',
    500: 'It failed. Its own log says why; a field that `request` lacks, or a wrong shape of the input, is a common cause.',
    502: 'Its gateway gets no answer from it. Check that it runs.',
    503: 'It is overloaded, or has not started yet. Lower `concurrency` if that stays so.',
    507: 'Its worker has died, usually because memory ran out. Its own log says why.',
  },
};
