import {freePort} from '../redis.ts';
import {type PythonServer, startPythonServer} from './python-server.ts';

/** Starts moto, which answers as the services of Amazon do. Undefined where it is not installed. */
export async function startMoto(): Promise<PythonServer | undefined> {
  const port = await freePort();
  return startPythonServer({
    environment: 'servers',
    command: ['moto_server', '--host', '127.0.0.1', '--port', String(port)],
    port,
    readyAt: '/moto-api/data.json',
  });
}
