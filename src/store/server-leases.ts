import {endedHolders, type Holder, isJournaledWith, type Leases, newHolder, type TakenOver} from './leases.ts';

/** The leases that a server keeps. Each write is one atomic step of it, and the server's clock ends the leases. */
export interface LeaseTable {
  /** Takes the keys that are free. Returns nothing of these, or their leases, and the lease of each other key. */
  take(keys: readonly string[], holder: string, milliseconds: number): Promise<readonly (SeenLease | undefined)[]>;
  /** Takes leases that are still as they were seen. Returns true for each that was taken. */
  takeOver(leases: readonly SeenLease[], holder: string, milliseconds: number): Promise<readonly boolean[]>;
  /** Returns true for each key that the holder still has. */
  renew(keys: readonly string[], holder: string, milliseconds: number): Promise<readonly boolean[]>;
  /** Releases the keys that the holder still has. */
  release(keys: readonly string[], holder: string): Promise<void>;
}

/** The lease of a key. */
export interface SeenLease {
  readonly key: string;
  /** Undefined if it is no longer known. */
  readonly holder: string | undefined;
  /** True if its time was over. */
  readonly isOver: boolean;
}

/** Milliseconds for which an unreleased lease leaves a trace after its end, so that the next holder knows. */
export const TRACE = 3_600_000;

/** Leases on a server. */
export class ServerLeases implements Leases {
  readonly shared = true;
  readonly #table: LeaseTable;
  readonly #journal: string | undefined;
  /** Keys that were acquired and not released, and those that are being acquired. */
  readonly #own = new Set<string>();
  #known: {readonly holder: Holder; readonly text: string} | undefined;

  /** @param journal - the folder of the journal that says what was sent */
  constructor(table: LeaseTable, journal?: string) {
    this.#table = table;
    this.#journal = journal;
  }

  async acquire(
    keys: readonly string[],
    milliseconds: number,
    onTakenOver: (taken: readonly TakenOver[]) => void = () => {},
  ): Promise<readonly boolean[]> {
    if (keys.length === 0) return [];
    const fresh = new Set(keys.filter(key => !this.#own.has(key)));
    for (const key of fresh) this.#own.add(key);
    let isAcquired: readonly boolean[] = [];
    try {
      isAcquired = await this.#acquire(keys, fresh, milliseconds, onTakenOver);
      return isAcquired;
    } finally {
      for (const [index, key] of keys.entries()) if (!isAcquired[index] && fresh.has(key)) this.#own.delete(key);
    }
  }

  /** @param fresh - the keys that are not one's own, as far as one knows */
  async #acquire(
    keys: readonly string[],
    fresh: ReadonlySet<string>,
    milliseconds: number,
    onTakenOver: (taken: readonly TakenOver[]) => void,
  ): Promise<readonly boolean[]> {
    const {holder: self, text} = this.#self;
    const seen = await this.#table.take(keys, text, milliseconds);
    // One's own: it was taken just now, or the reply to an earlier call was lost with its connection.
    const isOwn = seen.map(lease => lease !== undefined && fresh.has(lease.key) && lease.holder === text);
    const hasEnded = endedHolders();
    const ended = new Map<SeenLease, {readonly isJournaled: boolean}>();
    for (const [index, lease] of seen.entries()) {
      if (lease?.holder === undefined || isOwn[index]) continue;
      const holder = JSON.parse(lease.holder) as Holder;
      const isGone = hasEnded(holder);
      if (lease.isOver || isGone) ended.set(lease, {isJournaled: isGone && isJournaledWith(holder, self)});
    }
    const open = [...ended.keys()];
    const isTaken = open.length > 0 ? await this.#table.takeOver(open, text, milliseconds) : [];
    const taken = new Set<SeenLease | undefined>(open.filter((_, index) => isTaken[index]));
    const told = [...ended].filter(([lease]) => taken.has(lease)).map(([{key}, {isJournaled}]) => ({key, isJournaled}));
    if (told.length > 0) onTakenOver(told);
    return seen.map((lease, index) => lease === undefined || taken.has(lease) || isOwn[index]!);
  }

  async renew(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]> {
    return keys.length === 0 ? [] : this.#table.renew(keys, this.#self.text, milliseconds);
  }

  async release(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#own.delete(key);
    if (keys.length > 0) await this.#table.release(keys, this.#self.text);
  }

  /** Made late, because the journal exists only when something is asked. */
  get #self(): {readonly holder: Holder; readonly text: string} {
    if (this.#known === undefined) {
      const holder = newHolder(this.#journal);
      this.#known = {holder, text: JSON.stringify(holder)};
    }
    return this.#known;
  }
}
