import {Keyv} from 'keyv';
import type {Backend, UrlOptions} from '../backend.ts';
import {ServerLeases} from '../server-leases.ts';
import {ShortAnswers} from '../short-answers.ts';
import {PostgresAnswers} from './answers.ts';
import {PostgresLeaseTable} from './leases.ts';
import {makeTables} from './schema.ts';
import {type PostgresPackage, PostgresServer} from './server.ts';

/** Opens the answers and leases in a database, and makes their tables if they are missing. */
export async function openPostgres(
  {default: pg}: {readonly default: PostgresPackage},
  url: string,
  {journal, timeout}: UrlOptions,
): Promise<Backend> {
  const server = new PostgresServer(pg, url, timeout);
  try {
    await makeTables(server);
  } catch (error) {
    await server.close();
    throw error;
  }
  const store = new PostgresAnswers(server);
  // The tables are ours alone, so their keys need no prefix.
  const keyv = new Keyv({store, throwOnErrors: true, useKeyPrefix: false});
  // The store keeps values as they are, so nothing is serialised.
  keyv.serialize = undefined;
  keyv.deserialize = undefined;
  return {
    keyv,
    short: new ShortAnswers(),
    leases: new ServerLeases(new PostgresLeaseTable(server), journal),
    close: () => server.close(),
  };
}
