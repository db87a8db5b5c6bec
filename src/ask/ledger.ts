/** What was asked of one teacher, in one run. */
export interface LedgerSnapshot {
  /** Questions put. */
  readonly asked: number;
  /** Of these, answers bought from the teacher. */
  readonly bought: number;
  /** Of these, served without buying: kept before, or bought for an identical question. */
  readonly cached: number;
  /** Requests that went out, retries included. */
  readonly calls: number;
}

export interface Ledger {
  /** Adds to the totals. */
  add(amounts: Partial<LedgerSnapshot>): void;
  /** The totals so far. */
  snapshot(): LedgerSnapshot;
}

/** A ledger with nothing in it. */
export function createLedger(): Ledger {
  const totals = {asked: 0, bought: 0, cached: 0, calls: 0};
  return {
    add({asked = 0, bought = 0, cached = 0, calls = 0}) {
      totals.asked += asked;
      totals.bought += bought;
      totals.cached += cached;
      totals.calls += calls;
    },
    snapshot: () => ({...totals}),
  };
}
