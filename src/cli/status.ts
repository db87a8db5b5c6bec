import {InputError} from '../errors.ts';
import type {ServiceStatus} from '../serve/status.ts';
import {statusText} from './status-text.ts';
import {openTerminal} from './terminal.ts';

/** Milliseconds that a service may take to report its status. */
const PATIENCE = 10_000;

export async function runStatus(url: string, {json = false}: {readonly json?: boolean}): Promise<void> {
  const status = await askStatus(url);
  openTerminal({json}).result(status, statusText(status));
}

async function askStatus(url: string): Promise<ServiceStatus> {
  const location = locationOf(url);
  const [key] = (process.env['LIMBECK_SERVE_KEY'] ?? '').split(',');
  const headers = new Headers(key ? {authorization: `Bearer ${key}`} : {});
  const reply = await fetch(location, {headers, signal: AbortSignal.timeout(PATIENCE)}).catch((cause: Error) => {
    throw new InputError(`No service answers at ${location}. Check the address, and that the service runs.`, {cause});
  });
  if (reply.status === 401) {
    throw new InputError(`The service at ${location} requires a key. Set LIMBECK_SERVE_KEY.`);
  }
  const body: unknown = await reply.json().catch(() => undefined);
  if (reply.ok && isStatus(body)) return body;
  throw new InputError(
    `The reply from ${location} (status ${reply.status}) is not one of this version of \`limbeck serve\`. Check the address.`,
  );
}

function locationOf(url: string): URL {
  try {
    return new URL('/status', url);
  } catch (cause) {
    throw new InputError(`${url} is not an address. Give one such as http://127.0.0.1:8080.`, {cause});
  }
}

function isStatus(body: unknown): body is ServiceStatus {
  return typeof body === 'object' && body !== null && 'coverage' in body && 'audits' in body && 'promise' in body;
}
