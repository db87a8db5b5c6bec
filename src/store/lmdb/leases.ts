import {readdirSync, rmSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import type {RootDatabase, RootDatabaseOptions} from 'lmdb';
import {endedHolders, type Holder, isJournaledWith, type Leases, newHolder, type TakenOver} from '../leases.ts';
import {machineStart} from '../owner.ts';
import {openLmdb, Preallocation} from './file.ts';

interface Lease {
  readonly holder: Holder;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** This holder, and the beginning of its leases. */
interface Self {
  readonly holder: Holder;
  readonly beginning: string;
}

interface Opened {
  readonly database: RootDatabase<string, string>;
  readonly preallocation: Preallocation;
}

/** Leases in an LMDB file, for the processes of one machine. They are stored as JSON. */
export class LmdbLeases implements Leases {
  readonly shared = true;
  readonly #path: string;
  readonly #now: () => number;
  readonly #journal: string | undefined;
  #known: Self | undefined;
  #opened: Opened | undefined;

  /**
   * @param path - of the file, which is opened at the first use. If the system names its boots, each boot has a file of
   * its own, with that name after this one
   * @param now - milliseconds since 1970
   * @param journal - the folder of the journal that says what was sent
   */
  constructor(path: string, now: () => number = Date.now, journal?: string) {
    this.#path = path;
    this.#now = now;
    this.#journal = journal;
  }

  async acquire(
    keys: readonly string[],
    milliseconds: number,
    onTakenOver: (taken: readonly TakenOver[]) => void = () => {},
  ): Promise<readonly boolean[]> {
    const hasEnded = endedHolders();
    const now = this.#now();
    const own = this.#leaseUntil(now + milliseconds);
    // Their release needs as much.
    this.#open.preallocation.make([...keys, ...keys].map(key => [key, own]));
    const taken: TakenOver[] = [];
    const isOwn = this.#forEach(keys, (key, kept) => {
      const held = kept === undefined ? undefined : (JSON.parse(kept) as Lease);
      if (held && held.until > now && !hasEnded(held.holder)) return false;
      this.#database.putSync(key, own);
      if (held)
        taken.push({key, isJournaled: hasEnded(held.holder) && isJournaledWith(held.holder, this.#self.holder)});
      return true;
    });
    if (taken.length > 0) onTakenOver(taken);
    return isOwn;
  }

  async renew(keys: readonly string[], milliseconds: number): Promise<readonly boolean[]> {
    const own = this.#leaseUntil(this.#now() + milliseconds);
    return this.#forEach(keys, (key, kept) => {
      if (!this.#isOwn(kept)) return false;
      this.#database.putSync(key, own);
      return true;
    });
  }

  async release(keys: readonly string[]): Promise<void> {
    this.#forEach(keys, (key, kept) => this.#isOwn(kept) && this.#database.removeSync(key));
  }

  async close(): Promise<void> {
    await this.#opened?.database.close();
    this.#opened = undefined;
  }

  /** Made late, because the journal exists only when something is asked. */
  get #self(): Self {
    if (this.#known === undefined) {
      const holder = newHolder(this.#journal);
      this.#known = {holder, beginning: `{"holder":${JSON.stringify(holder)},`};
    }
    return this.#known;
  }

  get #open(): Opened {
    this.#opened ??= openLeases(this.#path);
    return this.#opened;
  }

  get #database(): Opened['database'] {
    return this.#open.database;
  }

  /** In one transaction, so that no other process comes between. */
  #forEach(keys: readonly string[], use: (key: string, kept: string | undefined) => boolean): boolean[] {
    if (keys.length === 0) return [];
    return this.#database.transactionSync(() => keys.map(key => use(key, this.#database.get(key))));
  }

  /** The stored form. */
  #leaseUntil(until: number): string {
    return `${this.#self.beginning}"until":${until}}`;
  }

  #isOwn(kept: string | undefined): boolean {
    return kept?.startsWith(this.#self.beginning) ?? false;
  }
}

/**
 * No lease outlives the processes of this boot of the machine, so leases don't wait for the disk. A power cut can
 * damage such a file, and no later boot opens it.
 */
function openLeases(path: string): Opened {
  if (machineStart === undefined) return openedAt(path, {encoding: 'string'});
  const own = `${path}-${machineStart}`;
  for (const name of readdirSync(dirname(path))) {
    const isOfAnotherStart = name.startsWith(`${basename(path)}-`) && !name.startsWith(basename(own));
    if (isOfAnotherStart) rmSync(join(dirname(path), name), {force: true});
  }
  return openedAt(own, {encoding: 'string', noSync: true});
}

function openedAt(path: string, options: RootDatabaseOptions): Opened {
  const database = openLmdb<string>(path, options);
  return {database, preallocation: new Preallocation(path, database)};
}
