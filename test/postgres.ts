import {type ChildProcess, execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {chown, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import {env, getuid} from 'node:process';
import {promisify} from 'node:util';
import {loadPeer} from '../src/peer.ts';
import {freePort} from './free-port.ts';
import {hasEnded, untilUsable} from './server-process.ts';

const run = promisify(execFile);

/** The reason why a test with PostgreSQL is skipped. */
export const NO_POSTGRES = 'no PostgreSQL server here: install it (Debian: apt-get install postgresql)';

/** In every URL of the server, so that no error may hold it. */
export const PASSWORD = 's3cret/word';

/** A PostgreSQL server for the tests of one file. */
export interface PostgresServer {
  /** Its first process, if it runs. */
  readonly pid: number | undefined;
  /** Makes an empty database, and returns its URL. */
  database(): Promise<string>;
  /** Runs statements in a database, and returns the rows of the last one. */
  sql<Row = unknown>(url: string, text: string): Promise<readonly Row[]>;
  /** Ends it like a crash. */
  kill(): Promise<void>;
  /** Starts it again at the same port. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Who runs the server, because it refuses root. */
interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Starts a server at a free port; the caller stops it. Undefined if none is installed.
 *
 * @param fsync - whether it waits for the disk. If only its processes crash, nothing is lost without
 * @throws Error if none is installed and `CI` is set, because a silent skip would look like a passed test
 */
export async function startPostgres({
  fsync = 'off',
}: {
  readonly fsync?: 'on' | 'off';
} = {}): Promise<PostgresServer | undefined> {
  const programs = await folderOfPrograms();
  if (programs === undefined) {
    if (env['CI'] === undefined) return undefined;
    throw new Error(`Tests with PostgreSQL must run if CI is set, but there is ${NO_POSTGRES}.`);
  }
  const user = await userOfServer();
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-postgres-'));
  if (user.uid !== undefined) await chown(folder, user.uid, user.gid!);
  const as = {...user, cwd: folder};
  const [data, secret] = [join(folder, 'data'), join(folder, 'password')];
  await writeFile(secret, PASSWORD, {mode: 0o644});
  const access = ['--username', 'limbeck', '--auth', 'scram-sha-256', '--pwfile', secret];
  await run(join(programs, 'initdb'), ['--pgdata', data, '--no-sync', '--locale', 'C.UTF-8', ...access], as);
  const port = await freePort();
  const urlOf = (database: string) =>
    `postgres://limbeck:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}`;

  let server: ChildProcess | undefined;
  const kill = async () => {
    if (server === undefined || hasEnded(server)) return;
    const ended = once(server, 'exit');
    // It ends at once, writes nothing more, and takes its processes with it.
    server.kill('SIGQUIT');
    await ended;
  };
  const start = async () => {
    const settings = {listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync, shared_buffers: '32MB'};
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    server = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(port), ...flags], {
      ...as,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await untilUsable('PostgreSQL', server, () =>
      sql(urlOf('postgres'), 'SELECT').then(
        () => true,
        () => false,
      ),
    );
  };
  await start();
  let databases = 0;
  return {
    get pid() {
      return server?.pid;
    },
    async database() {
      const name = `test${databases++}`;
      await sql(urlOf('postgres'), `CREATE DATABASE ${name} TEMPLATE template0`);
      return urlOf(name);
    },
    sql,
    kill,
    start,
    async stop() {
      await kill();
      await rm(folder, {recursive: true});
    },
  };
}

/** The used part of the package `pg`. */
interface Client {
  connect(): Promise<void>;
  query(text: string): Promise<{readonly rows: readonly unknown[]}>;
  end(): Promise<void>;
}

async function sql<Row>(url: string, text: string): Promise<readonly Row[]> {
  const {default: pg} = await loadPeer<{default: {Client: new (options: object) => Client}}>('pg', 'The test');
  const client = new pg.Client({connectionString: url});
  try {
    await client.connect();
    return (await client.query(text)).rows as readonly Row[];
  } finally {
    await client.end();
  }
}

/** Debian keeps the programs of each version in a folder of its own, which is not on the path. */
async function folderOfPrograms(): Promise<string | undefined> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const folders = [
    ...(env['PATH'] ?? '').split(delimiter),
    ...versions.map(version => `/usr/lib/postgresql/${version}/bin`),
  ];
  return folders.find(folder => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** The user that Debian's package makes, if this process is root. */
async function userOfServer(): Promise<User> {
  if (getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async flag => Number((await run('id', [flag, 'postgres'])).stdout)),
  );
  return {uid: uid!, gid: gid!};
}
