import type {RootDatabase} from 'lmdb';
import {type Holder, type Leases, newHolder} from './leases.ts';
import {openLmdb} from './lmdb-store.ts';
import {fateOf} from './owner.ts';

interface Lease {
  readonly holder: Holder;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Leases in an LMDB file, for the processes of one machine. */
export class LmdbLeases implements Leases {
  readonly shared = true;
  readonly #path: string;
  readonly #now: () => number;
  readonly #holder = newHolder();
  #opened: RootDatabase<Lease, string> | undefined;

  /**
   * @param path - of the file, which is opened at the first use
   * @param now - milliseconds since 1970
   */
  constructor(path: string, now: () => number = Date.now) {
    this.#path = path;
    this.#now = now;
  }

  async acquire(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]> {
    const ended = new Map<string, boolean>();
    const hasEnded = ({id, process}: Holder): boolean => {
      const known = ended.get(id) ?? fateOf(process) === 'ended';
      ended.set(id, known);
      return known;
    };
    const now = this.#now();
    return this.#forEach(keys, (key, held) => {
      if (held && held.until > now && !hasEnded(held.holder)) return false;
      this.#database.putSync(key, {holder: this.#holder, until: now + milliseconds});
      return true;
    });
  }

  async renew(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]> {
    const until = this.#now() + milliseconds;
    return this.#forEach(keys, (key, held) => {
      if (!this.#isOwn(held)) return false;
      this.#database.putSync(key, {holder: this.#holder, until});
      return true;
    });
  }

  async release(keys: readonly string[]): Promise<void> {
    this.#forEach(keys, (key, held) => this.#isOwn(held) && this.#database.removeSync(key));
  }

  async close(): Promise<void> {
    await this.#opened?.close();
    this.#opened = undefined;
  }

  get #database(): RootDatabase<Lease, string> {
    this.#opened ??= openLmdb(this.#path);
    return this.#opened;
  }

  /** In one transaction: no other process comes between. */
  #forEach(keys: readonly string[], use: (key: string, held: Lease | undefined) => boolean): boolean[] {
    if (keys.length === 0) return [];
    return this.#database.transactionSync(() => keys.map(key => use(key, this.#database.get(key))));
  }

  #isOwn(held: Lease | undefined): boolean {
    return held?.holder.id === this.#holder.id;
  }
}
