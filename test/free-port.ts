import {once} from 'node:events';
import {createServer} from 'node:net';
import {pid} from 'node:process';

/** Below the ports that systems give to servers that ask for any port, and to clients. */
const FIRST = 20_000;
const PORTS = 12_000;
/** Ports of one process. Processes choose the same one only if their numbers differ by a multiple of 500. */
const OWN = 24;

let chosen = 0;

/**
 * A free port of this machine for a server that is started later. The system gives it to nobody until then.
 *
 * @throws Error if all ports of this process are in use
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < OWN; attempt++) {
    const port = FIRST + ((pid * OWN) % PORTS) + (chosen++ % OWN);
    if (await isFree(port)) return port;
  }
  throw new Error(`No port of process ${pid} is free.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}
