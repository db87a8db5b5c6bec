import {closeSync, existsSync, openSync, renameSync, rmSync, utimes} from 'node:fs';
import {connect, createServer, type Server} from 'node:net';
import {join} from 'node:path';

/** Milliseconds between two signs of life. */
const BEAT = 5000;

/** A sign that a process writes a segment. */
export interface JournalLock {
  release(): Promise<void>;
}

/**
 * Shows that this process writes a segment, until it is released. The sign is a socket on which the process listens, so
 * the kernel removes it with the process, however that ends. The kernel also answers for a busy or stopped process, and
 * to other containers on the machine. For other machines the date of the segment is renewed every five seconds.
 */
export async function holdLock(directory: string, segment: string): Promise<JournalLock> {
  const beat = setInterval(() => renewDate(join(directory, segment)), BEAT).unref();
  // A file system may not support sockets. Then the date is the only sign.
  const socket = await listenFor(directory, segment).catch(() => undefined);
  return {
    async release() {
      clearInterval(beat);
      await socket?.close();
    },
  };
}

/** Removes the lock that an ended process has left. */
export function removeLock(directory: string, segment: string): void {
  rmSync(join(directory, socketName(segment)), {force: true});
}

/** True if a process of this machine writes a segment; undefined if its socket can't tell. */
export async function isLocked(directory: string, segment: string): Promise<boolean | undefined> {
  const folder = openSync(directory, 'r');
  try {
    return await answersAt(shortPath(directory, folder, socketName(segment)));
  } finally {
    closeSync(folder);
  }
}

function socketName(segment: string): string {
  return `lock-${segment}`;
}

interface ListeningSocket {
  close(): Promise<void>;
}

async function listenFor(directory: string, segment: string): Promise<ListeningSocket> {
  const name = socketName(segment);
  const unfinished = `${name}.new`;
  const folder = openSync(directory, 'r');
  try {
    const server = await listenAt(shortPath(directory, folder, unfinished));
    // The socket must answer as soon as others can find it.
    renameSync(join(directory, unfinished), join(directory, name));
    return {
      async close() {
        await new Promise(resolve => server.close(resolve));
        removeLock(directory, segment);
        closeSync(folder);
      },
    };
  } catch (error) {
    closeSync(folder);
    throw error;
  }
}

function listenAt(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy()).once('error', reject);
    // Processes of other users may ask, too.
    server.listen({path, writableAll: true}, () => resolve(server));
    server.unref();
  });
}

/** True if a process listens there; undefined if none ever did, or the socket can't be asked. */
function answersAt(path: string): Promise<boolean | undefined> {
  return new Promise(resolve => {
    const socket = connect({path});
    const end = (answer: boolean | undefined) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', ({code}: NodeJS.ErrnoException) => end(ANSWERS.get(code)));
  });
}

/** The meaning of a failure to connect. The queue of a stopped process can be full. */
const ANSWERS: ReadonlyMap<string | undefined, boolean> = new Map([
  ['ECONNREFUSED', false],
  ['EAGAIN', true],
]);

/** The path of a socket has at most 107 bytes. */
function shortPath(directory: string, folder: number, name: string): string {
  return existsSync('/proc/self/fd') ? `/proc/self/fd/${folder}/${name}` : join(directory, name);
}

function renewDate(path: string): void {
  const now = new Date();
  // Even a process that takes this one for ended leaves the segment where it is.
  utimes(path, now, now, () => {});
}
