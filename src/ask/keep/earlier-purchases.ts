import {locationName, type ReplyLocation} from '../../store/stored-answer.ts';
import type {Query, Receipt, Teacher} from '../../teacher.ts';
import {costOf} from '../budget/price.ts';

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
interface PurchaseAmounts {
  readonly bought: number;
  readonly calls: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
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
    const total = {calls: 0, inputTokens: 0, outputTokens: 0, usd: 0};
    for (const [reply, answers] of byReply(own)) {
      if (this.#replies.has(reply)) continue;
      this.#replies.add(reply);
      const usage = answers[0]!.receipt?.usage ?? service.worstCase?.(answers.map(({query}) => query));
      total.calls++;
      total.inputTokens += usage?.inputTokens ?? 0;
      total.outputTokens += usage?.outputTokens ?? 0;
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
