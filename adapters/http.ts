import {InputError} from '../src/errors.ts';
import type {Json, Teacher} from '../src/teacher.ts';
import type {AliasOptions} from './_answers/aliases.ts';
import type {LabelLocation, ScoreLocation} from './_http/output.ts';
import type {ReceiptLocation} from './_http/receipt.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate} from './_http/template.ts';
import type {Explain} from './_wire/reply.ts';
import {type Connection, checkAddress} from './_wire/request.ts';
import type {ServiceOptions} from './_wire/service.ts';

export type {LabelLocation, ScoreLocation} from './_http/output.ts';
export type {ReceiptLocation} from './_http/receipt.ts';

export interface HttpOptions extends ServiceOptions, AliasOptions {
  /** Address that requests are posted to. */
  readonly url: string;
  /**
   * What stands for the address in the identity: answers are kept under it, so a service that moves keeps its answers,
   * and a model of a new version gets new ones.
   *
   * @default the address
   */
  readonly service?: string;
  /** Names of the classes; the order of scores that come as a bare list. */
  readonly classes: readonly string[];
  /**
   * The classes as the service calls them, in the order of `classes`.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * The body of a request, as JSON, with places for the input:
   *
   * - `{text}`: the text, also as a part of a string;
   * - `{tensor}`: the values of a tensor, in lists within lists;
   * - `{texts}`, `{tensors}`: a list of all inputs of a request;
   * - an object `{'{each}': …}`: a list with an entry for each input, made after what stands inside, which has a
   *   `{text}` or a `{tensor}`.
   *
   * With one of the first two alone, a request is about one query; with the others about up to `maxBatch`.
   */
  readonly request: Json;
  /**
   * Where the scores or the labels stand in a reply. Of several queries the first `*` stands for the index of the
   * query, in the order that was asked; without one it is a flat list of all their values.
   */
  readonly output: ScoreLocation | LabelLocation;
  /**
   * Where a reply with status 200 says that it failed, as a JSON pointer: anything but null, false, zero and what is
   * empty says so.
   *
   * @default none
   */
  readonly error?: string;
  /** Where a reply says what it cost and who answered. */
  readonly receipt?: ReceiptLocation;
  /**
   * Headers of every request. All but `user-agent` are part of the identity: no place for secrets.
   *
   * @default none
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * The header that carries the key, for example `X-API-Key: {key}`.
   *
   * @default 'Authorization: Bearer {key}'
   */
  readonly keyHeader?: string;
  /**
   * Queries in one request, where `request` has places for several.
   *
   * @default 32; 1 where `request` has a place for one
   */
  readonly maxBatch?: number;
}

/**
 * Any other service that is asked by posting JSON: TorchServe, MLflow, LitServe, BentoML, Ray Serve, or one of your
 * own. It is as transparent as the output that is read: scores make it gray-box, labels black-box. Probabilities below
 * 1e-38 are taken for it.
 *
 * A query that the service refuses fails alone: a batch of texts is halved until what is refused is by itself.
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
 * @throws InputError where the options can't be used
 */
export function http(options: HttpOptions & {readonly output: ScoreLocation}): Teacher<'gray-box'>;
export function http(options: HttpOptions & {readonly output: LabelLocation}): Teacher<'black-box'>;
export function http(options: HttpOptions): Teacher {
  const {classes, labels, request, output, headers = {}} = options;
  const address = checkAddress(options.url);
  const template = readTemplate(request);
  const authorize = keyHeader(options.keyHeader);
  return mappedTeacher(options, {
    name: `http service at ${address}`,
    keyVariable: 'LIMBECK_TEACHER_KEY',
    ...(authorize && {authorize}),
    url: new URL(address),
    headers: checkHeaders(headers),
    identity: {
      adapter: 'http',
      service: options.service ?? address,
      request,
      output: {...output},
      labels: labels ?? classes,
      headers: meaningful(headers),
    },
    classes,
    aliases: options.aliases,
    labels,
    templates: [template],
    output,
    error: options.error,
    receipt: options.receipt,
    maxBatch: options.maxBatch ?? (template.isBatch ? 32 : 1),
    explain: () => explain,
  });
}

/** Names of headers that carry keys. */
const SECRET = /auth|cookie|credential|key|password|secret|session|signature|token/i;

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    if (SECRET.test(name)) {
      throw new InputError(
        `The header ${name} may be a secret. Give it as \`key\`, and \`keyHeader\` as "${name}: {key}".`,
      );
    }
    if (!/^[\w-]+$/.test(name) || typeof value !== 'string' || !/^[\t\x20-\x7e]*$/.test(value)) {
      throw new InputError(`The header ${JSON.stringify(name)} has a name or a value that can't be sent.`);
    }
  }
  return headers;
}

/** Those that could change an answer. */
function meaningful(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(lowered.filter(([name]) => name !== 'user-agent').sort());
}

function keyHeader(form: string | undefined): Connection['authorize'] | undefined {
  if (form === undefined) return undefined;
  const [, header, value] = /^([\w-]+): (.*)$/.exec(form) ?? [];
  if (!header || !value?.includes('{key}')) {
    throw new InputError(
      'The `keyHeader` can\'t be used. Give a header with a place for the key, as in "X-API-Key: {key}".',
    );
  }
  return key => ({[header.toLowerCase()]: value.replaceAll('{key}', () => key)});
}

/** What servers of models mean by statuses, whichever framework they are made with. */
const explain: Explain = ({status, codes}) => {
  // TorchServe has one status for a full queue and for a fault of its handler.
  if (codes.includes('InternalServerException')) {
    return {problem: 'Its handler failed on the request. Its log says why; check `request`.'};
  }
  const problem = PROBLEMS[status];
  return problem === undefined ? undefined : {problem};
};

const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'It does not take the request. Check `request`, and the shape of the input.',
  404: 'Nothing is there. Check the path of `url`, and that the model is loaded.',
  405: 'It takes no POST there. Check the path of `url`.',
  415: 'It takes no JSON there. Check the path of `url`.',
  422: 'It does not take the request. Check `request`, and the shape of the input.',
  500: 'It failed. Its own log says why; a field that `request` lacks, or a wrong shape of the input, is a common cause.',
  502: 'What stands before it gets no answer from it. Check that it runs.',
  503: 'It is overloaded, or has not started yet. Lower `concurrency` if that stays so.',
  507: 'Its worker has died, for want of memory as a rule. Its own log says why.',
};
