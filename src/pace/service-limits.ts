import type {Reply, Usage} from '../teacher.ts';

/** One of a service's limits, as it reports it. A part that is missing or can't be read is left out. */
export interface Quota {
  /** The most in one of its windows, however long that is. */
  readonly limit?: number;
  /** The part of it that is left. */
  readonly remaining?: number;
  /** Milliseconds until `remaining` is `limit` again. */
  readonly resetIn?: number;
}

/** The limits in the headers of one reply. */
export interface ServiceLimits {
  /** Milliseconds that the service asks to wait. */
  readonly retryAfter?: number;
  readonly requests?: Quota;
  /** Input and output together. */
  readonly tokens?: Quota;
  readonly inputTokens?: Quota;
  readonly outputTokens?: Quota;
}

/** The unit that a quota counts. */
export type QuotaKind = 'requests' | 'tokens' | 'inputTokens' | 'outputTokens';

/** In milliseconds. Every wait is cut to this: a longer one is for a person to decide, or was a mistake in a unit. */
export const LONGEST_WAIT = 86_400_000;

type Field = keyof Quota;
type WritableLimits = {[K in QuotaKind]?: {-readonly [F in Field]?: number}} & {retryAfter?: number};

const FIELDS: readonly Field[] = ['limit', 'remaining', 'resetIn'];

/** The quota and its part that a header reports. */
const QUOTA_OF_HEADER: ReadonlyMap<string, readonly [QuotaKind, Field]> = new Map(
  FIELDS.flatMap((field): [string, readonly [QuotaKind, Field]][] => {
    const name = field === 'resetIn' ? 'reset' : field;
    return [
      [`ratelimit-${name}`, ['requests', field]],
      [`x-ratelimit-${name}`, ['requests', field]],
      [`x-ratelimit-${name}-requests`, ['requests', field]],
      [`x-ratelimit-${name}-tokens`, ['tokens', field]],
      [`anthropic-ratelimit-requests-${name}`, ['requests', field]],
      [`anthropic-ratelimit-tokens-${name}`, ['tokens', field]],
      [`anthropic-ratelimit-input-tokens-${name}`, ['inputTokens', field]],
      [`anthropic-ratelimit-output-tokens-${name}`, ['outputTokens', field]],
    ];
  }),
);

/**
 * Reads every header in which services report their limits: `Retry-After` in seconds or as a date, `retry-after-ms`,
 * `x-ms-retry-after-ms`; `x-ratelimit-*` as OpenAI and others write it; `anthropic-ratelimit-*`; `RateLimit` and
 * `ratelimit-*` of the IETF drafts (draft-ietf-httpapi-ratelimit-headers).
 *
 * A header that can't be read is left out. A number is never negative or NaN, and a wait never longer than a day.
 *
 * @param now - milliseconds since 1970; a moment is compared with the reply's own `Date`, if it has one
 */
export function readLimits(headers: Reply['headers'], now: number = Date.now()): ServiceLimits {
  const limits: WritableLimits = {};
  const clock = () => readMoment(first(headers['date'])) ?? now;
  const retryAfter =
    readMilliseconds(first(headers['retry-after-ms'])) ??
    readMilliseconds(first(headers['x-ms-retry-after-ms'])) ??
    readWait(first(headers['retry-after']), clock);
  if (retryAfter !== undefined) limits.retryAfter = retryAfter;
  if (headers['ratelimit']) {
    limits.requests = readCombined(String(headers['ratelimit']), String(headers['ratelimit-policy'] ?? ''));
  }
  for (const name in headers) {
    const location = QUOTA_OF_HEADER.get(name);
    if (!location) continue;
    const [kind, field] = location;
    const text = first(headers[name]);
    const value = field === 'resetIn' ? readWait(text, clock) : readCount(text);
    if (value === undefined) continue;
    limits[kind] ??= {};
    limits[kind][field] = value;
  }
  return limits;
}

/** The wait in a body instead of a header: Google's `retryDelay`, Hugging Face's `estimated_time`. */
const WAIT = /"(?:retryDelay|estimated_time)"\s*:\s*"?(\d+(?:\.\d+)?)(?:s"|[,}\s])/;

/** Copies the wait from a refusal's body to a header, where `readLimits` finds it. */
export function withWait(reply: Reply): Reply {
  const seconds = reply.status === 200 ? undefined : WAIT.exec(reply.body)?.[1];
  if (seconds === undefined || reply.headers['retry-after'] !== undefined) return reply;
  return {...reply, headers: {...reply.headers, 'retry-after-ms': String(Math.ceil(Number(seconds) * 1000))}};
}

/** True if a refusal says for which limit it is: how long to wait, or which quota is spent. */
export function namesLimit({retryAfter, ...quotas}: ServiceLimits): boolean {
  return Boolean(retryAfter) || Object.values(quotas).some(({remaining}: Quota) => remaining === 0);
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}

/** `100`, and `100, 100;w=60` of an older draft. */
function readCount(text: string | undefined): number | undefined {
  const digits = text && COUNT.exec(text)?.[1];
  const count = digits ? Number(digits) : Number.NaN;
  return Number.isFinite(count) ? count : undefined;
}

const COUNT = /^\s*(\d+(?:\.\d+)?)\s*(?:$|;|,\s)/;

function readMilliseconds(text: string | undefined): number | undefined {
  const count = readCount(text);
  return count === undefined ? undefined : atMost(count);
}

/** Seconds, a duration such as `1m30s`, seconds or milliseconds since 1970, or a date; as milliseconds from now. */
function readWait(text: string | undefined, clock: () => number): number | undefined {
  if (text === undefined) return undefined;
  const count = readCount(text);
  if (count === undefined) {
    const duration = readDuration(text);
    if (duration !== undefined) return duration;
  }
  const moment = count === undefined ? readMoment(text) : epochOf(count);
  if (moment !== undefined) return atMost(moment - clock());
  return count === undefined ? undefined : atMost(count * 1000);
}

/** A number of seconds that would be a date before 2001 is a wait. A larger one is a date. */
function epochOf(count: number): number | undefined {
  if (count < 1e9) return undefined;
  return count < 1e12 ? count * 1000 : count;
}

function atMost(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, 0), LONGEST_WAIT);
}

/** Milliseconds of each unit, the longest first. */
const UNITS = {d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6};
const MILLISECONDS = Object.values(UNITS);
const DURATION = new RegExp(
  `^\\s*(?=\\d)${Object.keys(UNITS)
    .map(unit => `(?:(\\d+(?:\\.\\d+)?)${unit}(?![a-z]))?`)
    .join('')}\\s*$`,
);

/** `1h2m3.5s`, `6ms`: as Go writes a duration. */
function readDuration(text: string): number | undefined {
  const parts = DURATION.exec(text);
  if (!parts) return undefined;
  const total = MILLISECONDS.reduce((sum, unit, index) => sum + Number(parts[index + 1] ?? 0) * unit, 0);
  return Number.isFinite(total) ? atMost(total) : undefined;
}

/** RFC 3339, or an HTTP date in any of its three forms. `Date.parse` alone accepts too many other texts. */
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const HTTP_DATE = /^[A-Z][a-z]{2,8}, \d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} \d\d:\d\d:\d\d GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

/** In milliseconds since 1970. */
function readMoment(text: string | undefined): number | undefined {
  const written = text?.trim();
  if (!written) return undefined;
  const date = ASCTIME.test(written) ? `${written} GMT` : written;
  if (date === written && !RFC_3339.test(date) && !HTTP_DATE.test(date)) return undefined;
  const moment = Date.parse(date);
  return Number.isNaN(moment) ? undefined : moment;
}

/**
 * The fields of `"name";r=50;t=30`, whose limit is `q` in the policy of that name; or, in older drafts, of `limit=100,
 * remaining=50, reset=30`.
 */
function readCombined(text: string, policies: string): Quota {
  const named = [...text.matchAll(NAMED)].map(([, name, parameters]) => {
    const policy = [...policies.matchAll(NAMED)].find(([, other]) => other === name);
    return quotaOf(parameter(policy?.[2], 'q'), parameter(parameters, 'r'), parameter(parameters, 't'));
  });
  const [head = quotaOf(parameter(text, 'limit'), parameter(text, 'remaining'), parameter(text, 'reset')), ...others] =
    named;
  // Of several limits, the one with the least remaining counts.
  return others.reduce((least, quota) => ((quota.remaining ?? 0) < (least.remaining ?? 0) ? quota : least), head);
}

const NAMED = /("[^"]*")((?:\s*;\s*[a-z]+=[^;,]*)+)/g;

function parameter(text: string | undefined, name: string): number | undefined {
  return readCount(text && new RegExp(`(?:^|[;,\\s])${name}=(\\d+(?:\\.\\d+)?)`).exec(text)?.[1]);
}

function quotaOf(limit: number | undefined, remaining: number | undefined, seconds: number | undefined): Quota {
  return {
    ...(limit !== undefined && {limit}),
    ...(remaining !== undefined && {remaining}),
    ...(seconds !== undefined && {resetIn: atMost(seconds * 1000)}),
  };
}

/** The amount of each quota that a request takes. */
export type Cost = Readonly<Record<QuotaKind, number>>;

const UNKNOWN: Cost = {requests: 1, tokens: 1, inputTokens: 1, outputTokens: 1};
/** A request that was refused or failed cost no tokens. */
export const FAILED: Cost = {requests: 1, tokens: 0, inputTokens: 0, outputTokens: 0};

/** The cost of these tokens; as little as possible if they are not known. */
export function costOf(usage: Usage | undefined): Cost {
  // One NaN from a reply would stay in every sum.
  if (!usage || !Number.isFinite(usage.inputTokens + usage.outputTokens)) return UNKNOWN;
  const [inputTokens, outputTokens] = [Math.ceil(usage.inputTokens), Math.ceil(usage.outputTokens)];
  return {requests: 1, tokens: inputTokens + outputTokens, inputTokens, outputTokens};
}
