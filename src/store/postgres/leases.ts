import {type LeaseTable, type SeenLease, TRACE} from '../server-leases.ts';
import type {PostgresServer, Statement} from './server.ts';

// Each statement is one atomic step of the server. `$1` are the keys, `$2` is the caller, `$3` milliseconds. Rows are
// inserted in the order of their keys, so that two processes don't wait for each other.

/** Takes the keys that are free. */
const TAKE: Statement = {
  name: 'limbeck-lease-take',
  text: `INSERT INTO limbeck_leases (key, holder, until)
    SELECT key, $2, now() + $3 * interval '1 ms' FROM unnest($1::text[]) AS key ORDER BY key COLLATE "C"
    ON CONFLICT (key) DO NOTHING`,
};

const SEE: Statement = {
  name: 'limbeck-lease-see',
  text: 'SELECT key, holder, until <= now() AS "isOver" FROM limbeck_leases WHERE key = ANY($1)',
};

/** Takes leases from the holders (`$4`) and in the states (`$5`) that were seen. */
const TAKE_OVER: Statement = {
  name: 'limbeck-lease-take-over',
  text: `UPDATE limbeck_leases AS lease SET holder = $2, until = now() + $3 * interval '1 ms'
    FROM unnest($1::text[], $4::text[], $5::boolean[]) AS seen (key, holder, was_over)
    WHERE lease.key = seen.key AND lease.holder = seen.holder AND (lease.until <= now() OR NOT seen.was_over)
    RETURNING lease.key`,
};

const RENEW: Statement = {
  name: 'limbeck-lease-renew',
  text: `UPDATE limbeck_leases SET until = now() + $3 * interval '1 ms'
    WHERE key = ANY($1) AND holder = $2 RETURNING key`,
};

/** A release that the server loses in a crash does no harm, so nobody waits for its disk. */
const RELEASE: Statement = {
  name: 'limbeck-lease-release',
  text: `WITH unsynced AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    DELETE FROM limbeck_leases USING unsynced WHERE key = ANY($1) AND holder = $2`,
};

/** Removes traces of leases that ended long ago. */
const SWEEP: Statement = {
  name: 'limbeck-lease-sweep',
  text: `DELETE FROM limbeck_leases WHERE until < now() - $1 * interval '1 ms'`,
};

/** Leases in a table of PostgreSQL. */
export class PostgresLeaseTable implements LeaseTable {
  readonly #server: PostgresServer;
  #isSwept = false;

  constructor(server: PostgresServer) {
    this.#server = server;
  }

  async take(
    keys: readonly string[],
    holder: string,
    milliseconds: number,
  ): Promise<readonly (SeenLease | undefined)[]> {
    if (!this.#isSwept) await this.#server.run(SWEEP, [TRACE]);
    this.#isSwept = true;
    const {rowCount} = await this.#server.run(TAKE, [keys, holder, milliseconds]);
    if (rowCount === keys.length) return keys.map(() => undefined);
    const {rows} = await this.#server.run<SeenLease>(SEE, [keys]);
    const seen = new Map(rows.map(row => [row.key, row]));
    // A lease that was released in between is seen no more: nobody knows then whose it was.
    return keys.map(key => seen.get(key) ?? {key, holder: undefined, isOver: false});
  }

  async takeOver(leases: readonly SeenLease[], holder: string, milliseconds: number): Promise<readonly boolean[]> {
    const keys = leases.map(({key}) => key);
    const seen = [leases.map(lease => lease.holder), leases.map(({isOver}) => isOver)];
    return this.#changed(TAKE_OVER, keys, [holder, milliseconds, ...seen]);
  }

  renew(keys: readonly string[], holder: string, milliseconds: number): Promise<readonly boolean[]> {
    return this.#changed(RENEW, keys, [holder, milliseconds]);
  }

  async release(keys: readonly string[], holder: string): Promise<void> {
    await this.#server.run(RELEASE, [keys, holder]);
  }

  /** Whether a statement changed the row of each key. */
  async #changed(
    statement: Statement,
    keys: readonly string[],
    given: readonly unknown[],
  ): Promise<readonly boolean[]> {
    const {rows} = await this.#server.run<{readonly key: string}>(statement, [keys, ...given]);
    const changed = new Set(rows.map(({key}) => key));
    return keys.map(key => changed.has(key));
  }
}
