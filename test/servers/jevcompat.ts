import {join} from 'node:path';
import {freePort} from '../free-port.ts';
import {type PythonServer, startPythonServer} from './python-server.ts';

/** The mock of jevcompat, which answers typed questions as the protocol System One says. */
export interface Jevcompat extends PythonServer {
  /** The address of a mock with each fault, by its name. The one without a fault has an empty name. */
  readonly addresses: Readonly<Record<string, string>>;
}

/**
 * Starts the mock with each of its faults. Undefined where it is not installed.
 *
 * @param key - wanted by the mocks whose fault is about keys
 */
export async function startJevcompat(key: string): Promise<Jevcompat | undefined> {
  const port = await freePort();
  const server = await startPythonServer({
    environment: 'servers',
    command: ['python', join(import.meta.dirname, 'serve-jevcompat.py'), String(port), key],
    port,
    readyAt: '/',
  });
  if (server === undefined) return undefined;
  return {...server, addresses: (await (await fetch(server.url)).json()) as Jevcompat['addresses']};
}
