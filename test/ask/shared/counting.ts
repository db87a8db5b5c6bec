import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {execPath} from 'node:process';

/** A service that notes when each request arrived. */
export interface CountingService {
  readonly url: string;
  readonly arrivals: number[];
  close(): void;
}

/** @param latency - milliseconds until it answers */
export async function countingService(latency: number): Promise<CountingService> {
  const arrivals: number[] = [];
  const server = createServer((request, response) => {
    arrivals.push(performance.now());
    request.resume();
    setTimeout(() => response.end('{}'), latency);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return {url: `http://127.0.0.1:${port}/`, arrivals, close};
}

/** The most arrivals in any span of so many milliseconds. */
export function busiest(arrivals: readonly number[], milliseconds: number): number {
  let [most, from] = [0, 0];
  for (const [index, at] of arrivals.entries()) {
    while (arrivals[from]! <= at - milliseconds) from++;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

/** What a child says at its end. */
export interface Report {
  readonly answers: number;
  readonly refused: number;
  readonly failures: readonly string[];
  /** Milliseconds of the processor, after the start. */
  readonly cpu: number;
  /** Calls of all, as it knows. */
  readonly spent: number;
  readonly notes: readonly string[];
}

/** A process of `child.ts`, which runs by the built package. */
export function startChild(options: object): {readonly child: ChildProcess; readonly report: Promise<Report>} {
  const script = new URL('child.ts', import.meta.url).pathname;
  const child = spawn(execPath, ['--import', 'tsx', script, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout!.on('data', data => {
    text += data;
  });
  const report = once(child, 'exit').then((): Report => {
    const lines = text.trim().split('\n');
    return {...(JSON.parse(lines.at(-1) || '{}') as Omit<Report, 'notes'>), notes: lines.slice(0, -1)};
  });
  return {child, report};
}
