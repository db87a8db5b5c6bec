import {freePort} from '../free-port.ts';
import {type PythonServer, startPythonServer} from './python-server.ts';

/** What llmock does to the next requests that match, beside answering them. */
export interface Behavior {
  readonly type: 'fail' | 'delay' | 'reply';
  /** Which requests; without it all. */
  readonly match?: {readonly model?: string; readonly provider?: string};
  /** How many requests; null for all that come. */
  readonly times?: number | null;
  /** Of `fail`: a status, what its body says, and how many seconds to wait. */
  readonly status?: number;
  readonly message?: string;
  readonly code?: string;
  readonly retry_after?: number;
  /** Of `delay`. */
  readonly seconds?: number;
  /** Of `reply`: what the model says, and why it ends there. */
  readonly text?: string;
  readonly finish_reason?: string;
}

/** A request as llmock saw it. Times are seconds of one clock. */
export interface Served {
  readonly seq: number;
  readonly model: string;
  readonly status: number;
  readonly started_at: number;
  readonly ended_at: number;
  readonly retry_after: number | null;
  /** The same for all attempts at one call. */
  readonly fingerprint: string;
}

/** What llmock finds wrong with a client. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly title: string;
  /** The numbers of the requests that it is about. */
  readonly requests: readonly number[];
}

export interface Verdict {
  readonly passed: boolean;
  readonly calls: number;
  readonly attempts: number;
  readonly findings: readonly Finding[];
}

export interface Llmock extends PythonServer {
  script(...behaviors: readonly Behavior[]): Promise<void>;
  /** Forgets what was scripted. */
  unscript(): Promise<void>;
  /** Forgets that, and all requests. */
  reset(): Promise<void>;
  requests(): Promise<readonly Served[]>;
  verdict(): Promise<Verdict>;
}

/**
 * Starts llmock, which answers as the services of language models do, and judges its clients. Undefined where it is not
 * installed.
 *
 * @param flags - of `llmock serve`, for example `--rpm 60`
 */
export async function startLlmock(...flags: readonly string[]): Promise<Llmock | undefined> {
  const port = await freePort();
  const server = await startPythonServer({
    environment: 'servers',
    command: ['llmock', 'serve', '--host', '127.0.0.1', '--port', String(port), ...flags],
    port,
    readyAt: '/health',
  });
  if (server === undefined) return undefined;
  const control = async (path: string, options: RequestInit = {}) => {
    const reply = await fetch(`${server.url}/_llmock/${path}`, options);
    if (!reply.ok) throw new Error(`llmock answered ${reply.status} to ${path}: ${await reply.text()}`);
    return reply.json();
  };
  return {
    ...server,
    async script(...behaviors) {
      await control('scenario', {method: 'POST', body: JSON.stringify({behaviors})});
    },
    async unscript() {
      await control('scenario', {method: 'DELETE'});
    },
    async reset() {
      await control('reset', {method: 'POST'});
    },
    requests: async () => ((await control('requests')) as {readonly requests: readonly Served[]}).requests,
    verdict: async () => (await control('verdict')) as Verdict,
  };
}
