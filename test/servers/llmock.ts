import {freePort} from '../redis.ts';
import {type PythonServer, startPythonServer} from './python-server.ts';

/**
 * Starts llmock, which answers as the services of language models do. Undefined where it is not installed.
 *
 * @param flags - of `llmock serve`, for example `--rpm 60`
 */
export async function startLlmock(...flags: readonly string[]): Promise<PythonServer | undefined> {
  const port = await freePort();
  return startPythonServer({
    environment: 'servers',
    command: ['llmock', 'serve', '--host', '127.0.0.1', '--port', String(port), ...flags],
    port,
    readyAt: '/health',
  });
}
