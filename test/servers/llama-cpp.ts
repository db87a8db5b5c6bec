import {join} from 'node:path';
import {freePort} from '../free-port.ts';
import {type PythonServer, startPythonServer} from './python-server.ts';

/** The small language model of `fixtures/tiny-model`. */
export const MODEL = join(import.meta.dirname, '../fixtures/tiny-model/tiny-sent.gguf');

/** Starts llama.cpp's server with the small model, by way of xllamacpp. Undefined where it is not installed. */
export async function startLlamaCpp(...key: readonly [string?]): Promise<PythonServer | undefined> {
  const port = await freePort();
  return startPythonServer({
    environment: 'servers',
    command: [
      'python',
      'serve-llama-cpp.py',
      MODEL,
      'tiny-sent',
      String(port),
      ...key.filter(part => part !== undefined),
    ],
    port,
    readyAt: '/health',
  });
}
