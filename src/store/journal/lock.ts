import {closeSync, existsSync, openSync, renameSync, rmSync, utimes} from 'node:fs';
import {connect, createServer, type Server} from 'node:net';
import {join} from 'node:path';

/** Milliseconds between two signs of life. */
const BEAT = 5000;

/** Says that a process writes a segment. */
export interface JournalLock {
  release(): Promise<void>;
}

/**
 * Says that this process writes a segment, until it is released. The kernel frees it with the process, whatever ends
 * that: it is a socket on which the process listens. The kernel answers there for a process that is busy or stopped, too,
 * and to other containers on the machine. For other machines the date of the segment is renewed every five seconds.
 */
export async function holdLock(directory: string, segment: string): Promise<JournalLock> {
  const beat = setInterval(() => renewDate(join(directory, segment)), BEAT).unref();
  // A file system may take no sockets: then the date is all there is.
  const socket = await listenFor(directory, segment).catch(() => undefined);
  return {
    async release() {
      clearInterval(beat);
      await socket?.close();
    },
  };
}

/** Takes away what a process has left that ended. */
export function removeLock(directory: string, segment: string): void {
  rmSync(join(directory, socketName(segment)), {force: true});
}

/** Whether a process of this machine writes a segment; undefined if that can't be told by its socket. */
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
    // Whoever finds it is to find it answering.
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
    // Other users' processes may ask as well.
    server.listen({path, writableAll: true}, () => resolve(server));
    server.unref();
  });
}

/** Whether somebody listens there; undefined if nobody ever did, or it can't be asked. */
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

/** What a failure to connect says. The line of a process that is stopped may be full. */
const ANSWERS: ReadonlyMap<string | undefined, boolean> = new Map([
  ['ECONNREFUSED', false],
  ['EAGAIN', true],
]);

/** A path of a socket has 107 bytes at most. */
function shortPath(directory: string, folder: number, name: string): string {
  return existsSync('/proc/self/fd') ? `/proc/self/fd/${folder}/${name}` : join(directory, name);
}

function renewDate(path: string): void {
  const now = new Date();
  // Whoever takes the segment for an ended process's leaves it in its place.
  utimes(path, now, now, () => {});
}
