import {randomUUID} from 'node:crypto';
import {statSync} from 'node:fs';
import {hostname} from 'node:os';
import {fateOf, machineStart, type Owner, thisProcess} from './owner.ts';

/**
 * Who asks about which query, so that no two processes do at once. A lease ends at its time, and at once if its process
 * has ended on this machine. Whoever gets a lease looks in the store once more, because the answer may have come just
 * before.
 */
export interface Leases {
  /** True if other processes respect them. Otherwise everybody gets every lease. */
  readonly shared: boolean;
  /**
   * Acquires keys, and returns those that are now one's own, in their order. An own key can't be acquired again.
   *
   * @param onTakenOver - receives keys that another holder did not give back: they may have been asked about
   */
  acquire(
    keys: readonly string[],
    milliseconds: number,
    onTakenOver?: (taken: readonly TakenOver[]) => void,
  ): Promise<readonly boolean[]>;
  /** Renews the own keys for this time from now. Returns true for each key that is still one's own. */
  renew(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]>;
  /** Releases the keys that are still one's own. */
  release(keys: readonly string[]): Promise<void>;
}

/** A key that another holder had. */
export interface TakenOver {
  readonly key: string;
  /** True if its holder has ended and wrote the same journal, which then says what was sent. */
  readonly isJournaled: boolean;
}

/** For a store that can't keep any. */
export const NO_LEASES: Leases = {
  shared: false,
  acquire: async keys => keys.map(() => true),
  renew: async keys => keys.map(() => true),
  release: async () => {},
};

/** A holder of leases: one opened store of one process. */
export interface Holder {
  readonly id: string;
  readonly process: Owner;
  /** The name of the journal that says what it sent, see `journalName`. */
  readonly journal?: string;
}

/** @param journal - the folder of the journal, which exists */
export function newHolder(journal?: string): Holder {
  const name = journal === undefined ? undefined : journalName(journal);
  return {id: randomUUID(), process: thisProcess, ...(name !== undefined && {journal: name})};
}

/** Tells which holders have ended. Each is looked up once, because a holder can have many leases. */
export function endedHolders(): (holder: Holder) => boolean {
  const known = new Map<string, boolean>();
  return ({id, process}) => {
    const hasEnded = known.get(id) ?? fateOf(process) === 'ended';
    known.set(id, hasEnded);
    return hasEnded;
  };
}

/** True if the journal of `own` holds the records of this holder, if it has ended. */
export function isJournaledWith({journal}: Holder, own: Holder): boolean {
  return journal !== undefined && journal === own.journal;
}

/** The same in all containers of a machine that share the folder, whatever its path in them. */
function journalName(folder: string): string | undefined {
  const stats = statSync(folder, {throwIfNoEntry: false});
  return stats && [machineStart ?? hostname(), stats.dev, stats.ino].join(' ');
}
