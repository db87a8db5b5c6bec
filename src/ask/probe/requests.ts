import {readLimits, type ServiceLimits} from '../../pace/service-limits.ts';
import {locationName} from '../../store/stored-answer.ts';
import type {Access, AskOptions, Exchange, Query, Receipt, Reply, Teacher, Usage} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {costOf, isByToken} from '../budget/price.ts';
import {combine, shareOf, sumOf} from '../budget/tokens.ts';
import type {Leaf} from '../compose/parts.ts';
import {keyed} from '../layer.ts';
import {receiptOf} from '../ledger.ts';
import {medianOf} from './decimals.ts';

/** One request that was answered; for a teacher in this process, one call. */
export interface Seen {
  /** The queries of this probe that it was about. */
  readonly queries: readonly Query[];
  /** The number of all queries that it was about. */
  readonly count: number;
  /** Undefined for a reply that was kept before. */
  readonly seconds: number | undefined;
  /** Undefined for a teacher in this process. */
  readonly reply: Reply | undefined;
}

/** The teacher, with its requests and their raw replies recorded as they come. */
export function observed<A extends Access>(teacher: Teacher<A>, note: (seen: Seen) => void): Teacher<A> {
  const timed = async <T>(about: readonly Query[], work: () => Promise<T>, replyOf: (result: T) => Seen['reply']) => {
    const started = performance.now();
    const result = await work();
    const seconds = (performance.now() - started) / 1000;
    note({queries: about, count: about.length, seconds, reply: replyOf(result)});
    return result;
  };
  const askHere: Teacher<A>['ask'] = (queries, options) => {
    const work = () => teacher.ask(queries, options);
    return timed(queries, work, () => undefined);
  };
  const askService = (queries: readonly Query[], options: AskOptions = {}) => {
    const {exchange = (_, send) => send()} = options;
    const watched: Exchange = (rows, send) => {
      const about = rows.map(row => queries[row]!);
      return exchange(rows, () => timed(about, send, reply => reply));
    };
    return teacher.ask(queries, {...options, exchange: watched});
  };
  return {...teacher, ask: teacher.service ? askService : askHere};
}

/** Requests whose replies hold the answers that they asked for. */
export function answeredOf(seen: readonly Seen[]): readonly Seen[] {
  return seen.filter(({reply}) => reply === undefined || reply.status === 200);
}

/** The replies from which kept answers to these queries were read, if they are still kept. */
export async function recalled(
  {store, replies}: Pick<Asking, 'store' | 'replies'>,
  teacher: Teacher,
  queries: readonly Query[],
): Promise<readonly Seen[]> {
  const seen = new Map<string, Seen>();
  for (const query of queries) {
    const {reply: location} = (await store.get(keyed(teacher, query).key)) ?? {};
    if (location === undefined) continue;
    const id = locationName(location);
    const known = seen.get(id);
    if (known) {
      seen.set(id, {...known, queries: [...known.queries, query]});
      continue;
    }
    const kept = await replies.read(location);
    if (kept) seen.set(id, {queries: [query], count: kept.keys.length, seconds: undefined, reply: kept.reply});
  }
  return [...seen.values()];
}

/** The findings from requests and the headers of their replies. */
export interface RequestFindings {
  /** Requests whose replies are kept; for a teacher in this process, calls. */
  readonly requests: number;
  /** The median duration in seconds. Absent if all were answered in an earlier run. */
  readonly seconds?: number;
  /** The limits by the headers of the latest replies of this run. */
  readonly limits: ServiceLimits;
  /** The models that answered, with their fingerprints if the service reports them. */
  readonly authors: readonly string[];
  /** Mean tokens; absent if the service doesn't count them. */
  readonly perQuestion?: Usage;
  readonly whole: WholeCost;
}

/** The cost of asking about the whole set, extrapolated from these requests. It assumes that nothing is kept yet. */
export interface WholeCost {
  readonly inputs: number;
  readonly calls: number;
  readonly tokens?: number;
  /** US dollars; absent if the price is not known. */
  readonly usd?: number;
  /**
   * With as many requests at once as the teacher allows. Absent for a teacher in this process, or one that was not
   * asked now.
   */
  readonly seconds?: number;
}

/**
 * @param inputs - how many the whole set has
 * @returns undefined if no request was answered
 */
export function findInRequests(
  seen: readonly Seen[],
  leaf: Pick<Leaf, 'teacher' | 'samples'>,
  inputs: number,
): RequestFindings | undefined {
  const answered = answeredOf(seen);
  if (answered.length === 0) return undefined;
  const seconds = medianOf(answered.flatMap(request => request.seconds ?? []));
  const {service} = leaf.teacher;
  const receipts = answered.map(({reply}) => (reply && service ? receiptOf(service, reply) : {}));
  const perQuestion = usageOf(receipts, answered);
  return {
    requests: answered.length,
    ...(seconds !== undefined && {seconds}),
    limits: limitsOf(seen),
    authors: [...new Set(receipts.flatMap(authorOf))],
    ...(perQuestion && {perQuestion}),
    whole: wholeCost(leaf, inputs, seconds, perQuestion),
  };
}

function authorOf({model, fingerprint}: Receipt): readonly string[] {
  const named = [model, fingerprint && `(${fingerprint})`].filter(Boolean);
  return named.length === 0 ? [] : [named.join(' ')];
}

/** Per query; undefined if not every reply reports its usage. */
function usageOf(receipts: readonly Receipt[], seen: readonly Seen[]): Usage | undefined {
  if (receipts.some(({usage}) => usage === undefined)) return undefined;
  const queries = seen.reduce((sum, request) => sum + request.count, 0);
  return shareOf(receipts.map(({usage}) => usage!).reduce(sumOf, {inputTokens: 0, outputTokens: 0}), queries);
}

function wholeCost(
  {teacher, samples}: Pick<Leaf, 'teacher' | 'samples'>,
  inputs: number,
  seconds: number | undefined,
  perQuestion: Usage | undefined,
): WholeCost {
  const {service, questions, maxBatch, concurrency = 1} = teacher;
  const queries = inputs * samples;
  // Questions about one input count as one query, if a request may carry them.
  const perInput = questions ? Math.ceil(samples / questions.perRequest) : samples;
  const calls = Math.ceil((inputs * perInput) / maxBatch);
  const usage = perQuestion && combine(perQuestion, perQuestion, tokens => Math.round(tokens * queries));
  const {price} = service ?? {};
  const isPriced = price !== undefined && (usage !== undefined || !isByToken(price));
  return {
    inputs,
    calls,
    ...(usage && {tokens: usage.inputTokens + usage.outputTokens}),
    ...(isPriced && {usd: costOf(price, {calls, usage})}),
    ...(service && seconds !== undefined && {seconds: (calls * seconds) / Math.min(calls, concurrency)}),
  };
}

function limitsOf(seen: readonly Seen[]): ServiceLimits {
  // Limits of an earlier run have expired.
  const told = seen.flatMap(({reply, seconds}) => (reply && seconds !== undefined ? [readLimits(reply.headers)] : []));
  return Object.assign({}, ...told) as ServiceLimits;
}
