import {TeacherError} from '../../src/errors.ts';
import {readLimits} from '../../src/pace/service-limits.ts';
import {withoutFragments} from '../../src/secrets.ts';
import type {Input, Reply} from '../../src/teacher.ts';
import {type Cause, causeOf, type Saying} from './cause.ts';
import {isPage, lenientJson, ownWords} from './reply.ts';
import type {Connection} from './request.ts';
import {isLoadingReply, WAIT_ADVICE} from './waiting.ts';

/** What to do about a refusal. */
export interface Explanation {
  /** Sentences, which follow those of the service. */
  readonly problem: string;
  /** @default by the status */
  readonly retryable?: boolean;
}

/** What to do about the refusals of one service. The first that fits is used, in this order. */
export interface RefusalAdvice {
  /** By an error code of the service. Codes for any bad request come after the cause. */
  readonly byCode?: Readonly<Record<string, string | Explanation>>;
  /** By the cause that the service's words give. Every cause has a default. */
  readonly byCause?: Readonly<Partial<Record<Cause, string | Explanation>>>;
  /** For a refused body: by what the service's words mention, if they give no cause. */
  readonly byWords?: readonly (readonly [RegExp, string])[];
  readonly byStatus?: Readonly<Record<number, string | Explanation>>;
}

/** How to make the error for a refusal. */
interface RefusalOptions {
  readonly advice?: RefusalAdvice | undefined;
  /** The inputs of the request, which the error must not quote. */
  readonly inputs?: readonly Input[] | undefined;
  /**
   * True if a reply refuses the request as it is, for its input or for anything else in it.
   *
   * @default by status: 400, 413 or 422
   */
  readonly refuses?: ((reply: Reply) => boolean) | undefined;
}

type ConnectionFact = 'name' | 'key' | 'keyVariable' | 'address' | 'detour';

/** Returns the error for a reply with a status other than 200: what the service says, and what to do. */
export function statusError(
  {name, key, keyVariable = 'LIMBECK_TEACHER_KEY', address, detour}: Pick<Connection, ConnectionFact>,
  reply: Reply,
  {advice = {}, inputs = [], refuses = refusesByStatus}: RefusalOptions = {},
): TeacherError {
  const {status} = reply;
  const secret = key();
  const saying = sayingOf(reply, inputs);
  const end = detour === undefined ? '' : ` ${detour}`;
  if (status >= 300 && status < 400) {
    return new TeacherError(name, `It answered ${said(saying)} ${redirectAdvice(reply, address)}${end}`, {status});
  }
  const cause = causeOf(saying);
  const {problem, retryable = cause === undefined && mayPass(status)} =
    adviceFor(saying, cause, advice) ?? explained(defaultAdvice(reply, cause, {secret, variable: keyVariable}));
  const retryAfter = retryable ? readLimits(reply.headers).retryAfter : undefined;
  const wait = retryable && isLoadingReply(reply, false) ? ` ${WAIT_ADVICE}` : '';
  const isAbout = !retryable && (cause === undefined ? refuses(reply) : OF_INPUT.has(cause));
  return new TeacherError(name, `It answered ${said(saying)} ${problem}${wait}${end}`, {
    status,
    retryable,
    ...(retryAfter && {retryAfter}),
    ...(isAbout && {refusal: cause === undefined ? 'unclear' : 'of-input'}),
  });
}

/** Returns the status, the codes and the words of a refusal as messages show them, with a full stop. */
export function said({status, codes, words}: Saying): string {
  const shown = codes.length > 0 ? ` (${codes.join(', ')})` : '';
  if (words === undefined) return `${status}${shown}.`;
  return `${status}${shown}: "${words}"${/[.!?…]$/.test(words) ? '' : '.'}`;
}

export function sayingOf(reply: Reply, inputs: readonly Input[] = []): Saying {
  const words = ownWords(reply, inputs);
  return {status: reply.status, codes: codesIn(reply), words, isPage: isPage(reply.body)};
}

/** Causes that concern the input of a request. Others concern every request. */
const OF_INPUT: ReadonlySet<Cause> = new Set(['too-long', 'content']);

function refusesByStatus({status}: Reply): boolean {
  return [400, 413, 422].includes(status);
}

/** Statuses that can be about a field of the request. */
const OF_BODY: readonly number[] = [400, 415, 422];

/** Codes for any bad request. */
const GENERIC =
  /^(invalid_?request(_error)?|bad_?request(error)?|invalid_argument|validation(_?error|exception)?|error)$/i;

function adviceFor(
  {status, codes, words = ''}: Saying,
  cause: Cause | undefined,
  {byCode = {}, byCause = {}, byWords = [], byStatus = {}}: RefusalAdvice,
): Explanation | undefined {
  const known = codes.filter(code => code in byCode);
  const specific = known.find(code => !GENERIC.test(code));
  if (specific !== undefined) return explained(byCode[specific]!);
  if (cause !== undefined) {
    const found = byCause[cause] ?? (AGREEING[cause].includes(status) ? byStatus[status] : undefined);
    return found === undefined ? undefined : explained(found);
  }
  const hint = OF_BODY.includes(status) ? byWords.find(([pattern]) => pattern.test(words))?.[1] : undefined;
  const found = hint ?? byCode[known[0] ?? ''] ?? byStatus[status];
  return found === undefined ? undefined : explained(found);
}

/** The statuses that mean the same as a cause. */
const AGREEING: Readonly<Record<Cause, readonly number[]>> = {
  key: [401, 403],
  rights: [401, 403],
  model: [404, 410],
  path: [404, 405],
  page: [],
  'too-long': [413],
  content: [498],
  spent: [402],
};

function explained(advice: string | Explanation): Explanation {
  return typeof advice === 'string' ? {problem: advice} : advice;
}

const SPENT = 'The account has nothing left to spend. Top it up.';

interface Key {
  readonly secret: string | undefined;
  readonly variable: string;
}

function defaultAdvice({status}: Reply, cause: Cause | undefined, key: Key): string {
  if (cause !== undefined) return cause === 'key' ? keyAdvice(key) : BY_CAUSE[cause];
  if (status === 401 || status === 403) return keyAdvice(key);
  if (status === 402) return SPENT;
  if (status === 404 || status === 405) return BY_CAUSE.path;
  if (status === 408 || status === 504) return 'The service itself timed out. Lower `maxBatch`.';
  if (status === 409) return 'Something else blocked the request. Ask again later.';
  if (status === 413) return 'The request is too large for it. Lower `maxBatch`.';
  if (status === 429) return 'It gets too many requests. Lower `concurrency` or the rate.';
  if (status >= 500) return 'It failed. Its own log says why; a wrong shape or name of an input is a common cause.';
  return 'It does not take the request. Check the name, datatype and shape of the input, and the names of the outputs.';
}

function keyAdvice({secret, variable}: Key): string {
  return `${secret ? 'It refuses the key.' : 'It asks for a key.'} Set ${variable} or pass \`key\`.`;
}

const BY_CAUSE: Readonly<Record<Exclude<Cause, 'key'>, string>> = {
  rights: 'The key may not use this. Check the rights of the key.',
  model: 'It has no such model. Check `model`.',
  path: 'It has no such route. Check `url`.',
  page: 'A page came instead of a reply: something in front of the service refuses the request. Check `url`.',
  'too-long': 'The text is longer than it takes. Shorten it.',
  content: 'A content filter of the service stopped the text.',
  spent: SPENT,
};

function mayPass(status: number): boolean {
  return [408, 409, 429].includes(status) || status >= 500;
}

/** The words of a body that are codes: neither a sentence nor a key, which has more digits. */
const CODE = /^(?!(?:.*\d){4})[A-Za-z][\w.]{1,48}$/;

/** Returns a reply's error codes, which services put at the root, in `error` or `detail`, or in a header of Amazon's. */
function codesIn({headers, body}: Reply): readonly string[] {
  const root = lenientJson(body) as CodedError | null | undefined;
  const error = root?.error as CodedError | undefined;
  const parts = [root, error, error?.details, root?.detail] as readonly (CodedError | null | undefined)[];
  const found = parts.flatMap(part => (part && typeof part === 'object' ? CODE_FIELDS.map(field => part[field]) : []));
  // `error` can be the code itself. Amazon's types have an address after a colon or before a hash.
  const amazon = [headers['x-amzn-errortype'], root?.__type].map(type => String(type ?? '').replace(/^.*#|:.*$/g, ''));
  const codes = [...found, ...amazon].filter(code => typeof code === 'string' && CODE.test(code)) as string[];
  return [...new Set(codes)].filter(code => code !== 'error' && withoutFragments(code) === code);
}

const CODE_FIELDS = ['code', 'type', 'status', 'error_type', 'error_code'] as const;

type CodedError = {readonly [F in (typeof CODE_FIELDS)[number] | 'error' | 'details' | 'detail' | '__type']?: unknown};

/** Targets at which people sign in. */
const SIGN_IN = /\b(log-?in|sign-?in|auth|oauth2?|sso|saml2?|accounts?)\b/i;

/**
 * Says where a redirect points, and what to change. A redirect stays as it is, so that no further attempt can help.
 *
 * @param address - of the service, as the user gave it; undefined if it is not known
 */
function redirectAdvice({headers}: Reply, address: string | undefined): string {
  const target = targetIn(headers, address);
  if (target === undefined) return 'It redirects without a target. Keys follow no redirect: check `url`.';
  const start = `It redirects to ${target}. Keys follow no redirect`;
  if (SIGN_IN.test(target)) {
    return `${start}. If people sign in there, it takes another key, or the key in another header: see \`key\` and \`keyHeader\`.`;
  }
  const moved = movedAddress(target, address);
  const change = moved === undefined ? 'change `url` so that requests go there' : `give \`url: '${moved}'\``;
  return `${start}: if you trust that address, ${change}.`;
}

/** Returns the target without a user and a query, which can be secrets. */
function targetIn({location}: Reply['headers'], address: string | undefined): string | undefined {
  const [path = ''] = String(location ?? '').split(/[?#]/);
  if (path === '') return undefined;
  // The path of the request is not known here, so that a target beside it stays as it is.
  const base = path.startsWith('/') ? address : undefined;
  if (!URL.canParse(path, base)) return withoutFragments(path);
  const {origin, protocol, host, pathname} = new URL(path, base);
  return withoutFragments(`${origin === 'null' ? `${protocol}//${host}` : origin}${pathname}`);
}

/** Returns the address of the service at another origin; undefined if the path changes, too. */
function movedAddress(target: string, address: string | undefined): string | undefined {
  if (address === undefined || !URL.canParse(target)) return undefined;
  const {origin, pathname} = new URL(address);
  const path = pathname.replace(/\/$/, '');
  const moved = new URL(target);
  const isUnder = moved.pathname === path || moved.pathname.startsWith(`${path}/`);
  return moved.origin !== origin && isUnder ? `${moved.origin}${path}` : undefined;
}
