import type {Leases} from './leases.ts';
import type {AnswerEntry, StoredAnswer} from './stored-answer.ts';

/**
 * A store of answers. Nothing expires and nothing is evicted, because answers were paid for. Every failure is an
 * AnswerStoreError, never a miss.
 */
export interface AnswerStore {
  /** Its name in messages: the path of its file, or its URL without user, password and settings. */
  readonly name: string;
  /** The leases on queries; shared with the embedded store, Redis and PostgreSQL. */
  readonly leases: Leases;
  /** Opens it now instead of at its first use. */
  open(): Promise<void>;
  get(key: string): Promise<StoredAnswer | undefined>;
  /** In the order of the keys. */
  getMany(keys: readonly string[]): Promise<readonly (StoredAnswer | undefined)[]>;
  set(key: string, stored: StoredAnswer): Promise<void>;
  /** With the embedded store all entries are on disk when the promise resolves. */
  setMany(entries: readonly AnswerEntry[]): Promise<void>;
  /** Returns true if there was such an answer. */
  delete(key: string): Promise<boolean>;
  /** Every kept answer. */
  entries(): AsyncIterable<AnswerEntry>;
  count(): Promise<number>;
  /**
   * Of a store that waits for its server: resolves when the server is there, as far as is known.
   *
   * @default at once
   */
  readonly whenThere?: (signal?: AbortSignal) => Promise<void>;
  close(): Promise<void>;
}
