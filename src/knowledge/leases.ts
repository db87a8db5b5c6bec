import {randomUUID} from 'node:crypto';
import {type Owner, thisProcess} from './owner.ts';

/**
 * Who is asking about which question, so that no two processes do at once. Nobody holds a lease for longer than was
 * said, and a process that has ended on this machine holds none at all. Whoever gets one looks in the store once more:
 * the answer may have come just before.
 */
export interface Leases {
  /** Whether other processes heed them. Where not, everybody gets every lease. */
  readonly shared: boolean;
  /** Which of the keys are now one's own, in their order. A key that is one's own already can't be had again. */
  acquire(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]>;
  /** Holds what is still one's own for so long from now; says which of the keys are. */
  renew(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]>;
  /** Gives back what is still one's own. */
  release(keys: readonly string[]): Promise<void>;
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
}

export function newHolder(): Holder {
  return {id: randomUUID(), process: thisProcess};
}
