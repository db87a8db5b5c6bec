import {randomUUID} from 'node:crypto';
import {statSync} from 'node:fs';
import {hostname} from 'node:os';
import {machineStart, type Owner, thisProcess} from './owner.ts';

/**
 * Who is asking about which query, so that no two processes do at once. Nobody holds a lease for longer than was
 * said, and a process that has ended on this machine holds none at all. Whoever gets one looks in the store once more:
 * the answer may have come just before.
 */
export interface Leases {
  /** Whether other processes heed them. Where not, everybody gets every lease. */
  readonly shared: boolean;
  /**
   * Which of the keys are now one's own, in their order. A key that is one's own already can't be had again.
   *
   * @param onTakenOver - told of those that somebody else held and did not give back: they may have been asked about
   */
  acquire(
    keys: readonly string[],
    milliseconds: number,
    onTakenOver?: (taken: readonly TakenOver[]) => void,
  ): Promise<readonly boolean[]>;
  /** Holds what is still one's own for so long from now; says which of the keys are. */
  renew(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]>;
  /** Gives back what is still one's own. */
  release(keys: readonly string[]): Promise<void>;
}

/** A key that somebody else held. */
export interface TakenOver {
  readonly key: string;
  /** Whether its holder has ended and wrote the journal that one writes oneself, which then says what was sent. */
  readonly isJournaled: boolean;
}

/** Of a store that can't keep any. */
export const NO_LEASES: Leases = {
  shared: false,
  acquire: async keys => keys.map(() => true),
  renew: async keys => keys.map(() => true),
  release: async () => {},
};

/** Somebody who holds leases: one opened store of one process. */
export interface Holder {
  readonly id: string;
  readonly process: Owner;
  /** Names the journal that says what it sent, see `journalName`. */
  readonly journal?: string;
}

/** @param journal - the folder of the journal, which is there */
export function newHolder(journal?: string): Holder {
  const name = journal === undefined ? undefined : journalName(journal);
  return {id: randomUUID(), process: thisProcess, ...(name !== undefined && {journal: name})};
}

/** What a holder leaves, where it has ended, is in the journal of `own`. */
export function isJournaledWith({journal}: Holder, own: Holder): boolean {
  return journal !== undefined && journal === own.journal;
}

/** The same in all containers of a machine that share the folder, wherever it stands in them. */
function journalName(folder: string): string | undefined {
  const stats = statSync(folder, {throwIfNoEntry: false});
  return stats && [machineStart ?? hostname(), stats.dev, stats.ino].join(' ');
}
