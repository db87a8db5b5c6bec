import type {BudgetError} from '../../errors.ts';
import type {Query, Usage} from '../../teacher.ts';
import type {Reservation} from '../budget/budget.ts';
import type {Charge} from '../budget/price.ts';
import {keyed} from '../keyed.ts';
import type {LaneWork} from './lane-work.ts';

/** The reservation for one request of a batch. */
interface Reserved {
  readonly worst: Charge;
  readonly reservation: Reservation | undefined;
}

/** The reservations for a batch, by the keys of its queries. */
export class Funds {
  readonly #open: Map<string, Reserved>;

  constructor(reserved: Iterable<readonly [string, Reserved]> = []) {
    this.#open = new Map(reserved);
  }

  /**
   * The most tokens that the request of a query can use; undefined if tokens aren't counted, or the request is settled.
   */
  worstUsage(key: string): Usage | undefined {
    return this.#open.get(key)?.worst.usage;
  }

  /** Settles one request. A second call changes nothing, because a request has one outcome. */
  settle(key: string, actual: Charge): void {
    this.#open.get(key)?.reservation?.settle(actual);
    this.#open.delete(key);
  }

  /** Settles all that is left: as never sent, or at the worst case. */
  settleRest(as: 'not sent' | 'worst case'): void {
    for (const [key, {worst}] of [...this.#open]) this.settle(key, as === 'worst case' ? worst : {calls: 0});
  }
}

/** How many of some queries the budget covers, from the first on, and why not all. */
export interface Funding {
  readonly count: number;
  readonly refusal?: BudgetError | undefined;
  readonly funds: Funds;
}

/** Reserves the most that a batch of these queries can cost. */
export function reserveFor({teacher, service, budget}: LaneWork, queries: readonly Query[]): Funding {
  const charges = queries.map((query): Charge => ({calls: 1, usage: service.worstCase?.([query])}));
  const {reservations, refusal} = budget?.reserveFirst(charges) ?? {};
  const count = reservations?.length ?? queries.length;
  const reserved = queries
    .slice(0, count)
    .map((query, index): [string, Reserved] => [
      keyed(teacher, query).key,
      {worst: charges[index]!, reservation: reservations?.[index]},
    ]);
  return {count, funds: new Funds(reserved), refusal};
}
