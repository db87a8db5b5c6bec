import {type Backend, keyvOver, type UrlOptions} from '../backend.ts';
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
  return {
    keyv: keyvOver(new PostgresAnswers(server)),
    short: new ShortAnswers(),
    leases: new ServerLeases(new PostgresLeaseTable(server), journal),
    close: () => server.close(),
  };
}
