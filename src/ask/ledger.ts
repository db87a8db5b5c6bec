import {locationName, type ReplyLocation} from '../store/stored-answer.ts';
import type {Query, Receipt, Reply, Service, Teacher, Usage} from '../teacher.ts';
import {costOf, NANO_DOLLARS} from './budget/price.ts';
import {TOKEN_COUNTS} from './budget/tokens.ts';

/** Counts for one teacher in one run. */
export interface LedgerSnapshot {
  /** Queries asked. */
  readonly asked: number;
  /** Of these, answers bought from the teacher. */
  readonly bought: number;
  /** Of these, served without buying: kept before, or bought for an identical query. */
  readonly cached: number;
  /** Of the cached ones, answers that were imported from logs: nothing was paid for them here. Absent: none. */
  readonly imported?: number;
  /** Of these, quarantined: two replies could not be read. */
  readonly setAside: number;
  /** Queries whose requests brought no reply. Nobody knows whether they were paid for. */
  readonly inDoubt: number;
  /** Requests that went out, retries included. */
  readonly calls: number;
  /** Of these, refused for lack of capacity (429). */
  readonly refused: number;
  /** As the service counted them; the worst case for requests in doubt. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input tokens, those read from the service's prompt cache. Absent: none, or it doesn't say. */
  readonly cacheReadTokens?: number;
  /** Of the input tokens, those written to its prompt cache. Absent: none, or it doesn't say. */
  readonly cacheWriteTokens?: number;
  /** US dollars; absent if no price is known. */
  readonly usd?: number | undefined;
}

export interface Ledger {
  /** Adds to the totals. */
  add(amounts: Partial<LedgerSnapshot>): void;
  /** The totals so far. */
  snapshot(): LedgerSnapshot;
  /** Finds out what earlier processes of an interrupted run bought: it counts as bought here. */
  readonly earlier?: EarlierPurchases | undefined;
}

/** Amounts that most ledgers don't have. */
const RARE = ['imported', 'cacheReadTokens', 'cacheWriteTokens'] as const;

/** An empty ledger. */
export function createLedger(earlier?: EarlierPurchases): Ledger {
  const totals = {
    ...{asked: 0, bought: 0, cached: 0, setAside: 0, inDoubt: 0},
    ...{calls: 0, refused: 0, inputTokens: 0, outputTokens: 0},
  };
  const rare = {imported: 0, cacheReadTokens: 0, cacheWriteTokens: 0};
  type Total = keyof typeof totals;
  let nanoDollars: number | undefined;
  return {
    earlier,
    add(amounts) {
      // This runs several times a request, mostly with one amount.
      for (const name in amounts) if (name in totals) totals[name as Total] += amounts[name as Total] ?? 0;
      for (const name of RARE) rare[name] += amounts[name] ?? 0;
      if (amounts.usd !== undefined) nanoDollars = (nanoDollars ?? 0) + Math.round(amounts.usd * NANO_DOLLARS);
    },
    snapshot: () => ({
      ...totals,
      ...Object.fromEntries(RARE.flatMap(name => (rare[name] > 0 ? [[name, rare[name]]] : []))),
      ...(nanoDollars !== undefined && {usd: nanoDollars / NANO_DOLLARS}),
    }),
  };
}

/** The cost and the author that a reply reports. Usage that makes no sense is left out. */
export function receiptOf(service: Pick<Service, 'receipt'>, reply: Reply): Receipt {
  const {usage, ...author} = service.receipt?.(reply) ?? {};
  return {...author, ...(isUsage(usage) && {usage})};
}

/** True if these are counts of tokens. A service can send any type. */
export function isUsage(usage: Partial<Record<keyof Usage, unknown>> | undefined): usage is Usage {
  if (usage === undefined) return false;
  const {inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0} = usage;
  const counts = [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens];
  return counts.every(isCount) && Number(cacheReadTokens) + Number(cacheWriteTokens) <= Number(inputTokens);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** The note about a service that doesn't report its charges. */
export function uncountedNote({name}: Pick<Teacher, 'name'>): string {
  return (
    `Teacher ${name} doesn't say how many tokens a request used, or gives what is no count. Such requests count as the ` +
    'most that they may have used, in the budget and in the totals.'
  );
}

/** The requests to one teacher that were answered in this run. Those of batch lanes are not among them. */
export class AnsweredRequests {
  /** How long each took. */
  readonly milliseconds: number[] = [];
  #inputs = 0;

  /** How many inputs they were about, together. */
  get inputs(): number {
    return this.#inputs;
  }

  /** @param begun - when it was sent, by `performance.now` */
  add(begun: number, inputs: number): void {
    this.milliseconds.push(performance.now() - begun);
    this.#inputs += inputs;
  }
}

/** The time of the processes that were interrupted, before this one went on with their run. Both ends ISO 8601. */
export interface Interruption {
  /** When the run began. */
  readonly from: string;
  /** When this process went on with it. */
  readonly until: string;
}

/** An answer that was paid for. */
export interface Purchase {
  readonly key: string;
  readonly query: Query;
  /** The reply that it was read from. */
  readonly reply: ReplyLocation | undefined;
  readonly receipt: Receipt | undefined;
}

/** What was bought, as a ledger adds it. */
interface PurchaseAmounts extends Partial<Usage> {
  readonly bought: number;
  readonly calls: number;
  /** US dollars; absent if no price is known. */
  readonly usd?: number | undefined;
}

/**
 * Counts what the earlier processes of an interrupted run bought, so that its ledger is the same however often it was
 * interrupted. Each answer and each reply counts once. Requests that brought no answer are not known any more.
 */
export class EarlierPurchases {
  readonly #interruption: Interruption;
  readonly #keys = new Set<string>();
  readonly #replies = new Set<string>();

  constructor(interruption: Interruption) {
    this.#interruption = interruption;
  }

  /** @param storedAt - when an answer was kept, ISO 8601 */
  holds(storedAt: string): boolean {
    const {from, until} = this.#interruption;
    return storedAt >= from && storedAt < until;
  }

  /** The amounts for a ledger of the purchases that were not counted yet. */
  take(purchases: readonly Purchase[], {service, maxBatch}: Pick<Teacher, 'service' | 'maxBatch'>): PurchaseAmounts {
    const own = purchases.filter(({key}) => !this.#keys.has(key));
    for (const {key} of own) this.#keys.add(key);
    const bought = own.length;
    if (service === undefined) return {bought, calls: Math.ceil(bought / maxBatch)};
    const total = {calls: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, usd: 0};
    for (const [reply, answers] of byReply(own)) {
      if (this.#replies.has(reply)) continue;
      this.#replies.add(reply);
      const usage = answers[0]!.receipt?.usage ?? service.worstCase?.(answers.map(({query}) => query));
      total.calls++;
      for (const name of TOKEN_COUNTS) total[name] += usage?.[name] ?? 0;
      total.usd += service.price ? costOf(service.price, {calls: 1, usage}) : 0;
    }
    return {bought, ...total, usd: service.price && total.usd};
  }
}

function byReply(purchases: readonly Purchase[]): ReadonlyMap<string, readonly Purchase[]> {
  const groups = new Map<string, Purchase[]>();
  for (const purchase of purchases) {
    const {reply, key} = purchase;
    const name = reply === undefined ? key : locationName(reply);
    groups.set(name, [...(groups.get(name) ?? []), purchase]);
  }
  return groups;
}
