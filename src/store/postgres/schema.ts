import type {PostgresServer, Statement} from './server.ts';

/** One transaction, in which one process at a time makes what is missing. */
const MAKE = `
  SELECT pg_advisory_xact_lock(hashtext('limbeck'));
  CREATE TABLE IF NOT EXISTS limbeck_leases (
    key text COLLATE "C" PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL
  );
  DO $$ BEGIN
    IF to_regclass('limbeck_answers') IS NULL THEN
      CREATE TABLE limbeck_answers (key text COLLATE "C" PRIMARY KEY, record bytea NOT NULL);
      IF to_regclass('public.keyv') IS NOT NULL THEN
        INSERT INTO limbeck_answers
          SELECT substr(key, 9), decode(value, 'base64') FROM public.keyv WHERE starts_with(key, 'limbeck:');
      END IF;
    END IF;
  END $$`;

const IS_MADE: Statement = {
  name: 'limbeck-is-made',
  text: `SELECT bool_and(to_regclass('limbeck_' || name) IS NOT NULL) AS "isMade"
    FROM unnest(ARRAY['leases', 'answers']) AS name`,
};

/**
 * Makes the tables that are missing. Answers that earlier versions kept by Keyv's adapter, in its table `keyv`, are
 * copied once, and stay there as well.
 */
export async function makeTables(server: PostgresServer): Promise<void> {
  const {rows} = await server.run<{readonly isMade: boolean}>(IS_MADE, []);
  if (!rows[0]!.isMade) await server.runAll(MAKE);
}
