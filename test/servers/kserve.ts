import {readFileSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {freePort} from '../free-port.ts';
import type {ServedModel} from './mlserver.ts';
import {type PythonServer, startPythonServer} from './python-server.ts';

/**
 * KServe's own server with the model `digits`: `POST /v1/models/digits:predict` takes `{instances}`, rows of 64 numbers,
 * and gives `{predictions}`, rows of probabilities; `POST /v2/models/digits/infer` gives them as `probabilities`.
 */
export interface Kserve extends PythonServer {
  readonly digits: ServedModel<readonly number[]>;
}

/** Undefined where it is not installed. */
export async function startKserve(): Promise<Kserve | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-kserve-'));
  const expected = join(folder, 'expected.json');
  const port = await freePort();
  try {
    const server = await startPythonServer({
      environment: 'frameworks',
      command: ['python', join(import.meta.dirname, 'serve-kserve.py'), String(port), expected],
      port,
      readyAt: '/v2/health/ready',
    });
    return server && {...server, digits: JSON.parse(readFileSync(expected, 'utf8'))};
  } finally {
    await rm(folder, {recursive: true});
  }
}
