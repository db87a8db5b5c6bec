import {readFileSync} from 'node:fs';
import {createServer, type IncomingHttpHeaders} from 'node:http';
import type {AddressInfo} from 'node:net';
import {text as textOf} from 'node:stream/consumers';
import {afterAll} from 'vitest';
import {TeacherError} from '../../src/errors.ts';
import type {BatchLane, BatchResult, BatchService} from '../../src/service-features.ts';
import type {Reply, Teacher} from '../../src/teacher.ts';

/** A request as a server heard it. */
export interface Heard {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Answer {
  /** @default 200 */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Values other than texts are sent as JSON. */
  readonly body: unknown;
  /** True if the connection breaks before the end of the body. */
  readonly breaksOff?: boolean;
}

export interface BatchServer {
  readonly url: string;
  readonly heard: Heard[];
}

/** Starts a service on this machine that answers each request; it stops after the file's tests. */
export async function batchServer(answer: (heard: Heard) => Answer | undefined): Promise<BatchServer> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    void textOf(request).then(body => {
      const {method = '', url: path = '', headers} = request;
      const one = {method, path, headers, body};
      heard.push(one);
      const {status = 200, headers: own, body: content, breaksOff} = answer(one) ?? NOT_FOUND;
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      const length = breaksOff ? {'content-length': String(Buffer.byteLength(text) + 100)} : {};
      response.writeHead(status, {'content-type': 'application/json', ...length, ...own});
      if (breaksOff) response.write(text, () => response.destroy());
      else response.end(text);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  servers.add(server);
  return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard};
}

/** A service with answers by the method and path of a request: an `Answer`, or the JSON of a body. */
export function serving(answers: Readonly<Record<string, object>>): Promise<BatchServer> {
  return batchServer(({method, path}) => {
    const answer = answers[`${method} ${path}`];
    return answer === undefined || 'body' in answer ? (answer as Answer | undefined) : {body: answer};
  });
}

/** Lines of JSON. */
export function lines(...all: readonly object[]): string {
  return all.map(line => JSON.stringify(line)).join('\n');
}

const NOT_FOUND: Answer = {status: 404, body: {error: {message: 'no'}}};

const servers = new Set<ReturnType<typeof createServer>>();

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

interface Exchanged {
  readonly request: {readonly method: string; readonly path: string};
  readonly response: {readonly status: number; readonly body: unknown};
}

/** A service that gives what a real one was recorded with: to the same request one reply after another. */
export async function recordedServer(adapter: string, name: string): Promise<BatchServer> {
  const file = new URL(`../fixtures/${adapter}/${name}.json`, import.meta.url);
  const left = JSON.parse(readFileSync(file, 'utf8')) as Exchanged[];
  return batchServer(({method, path}) => {
    const isSame = ({request}: Exchanged) => request.method === method && request.path === path;
    const index = left.findIndex(isSame);
    if (index < 0) return undefined;
    const isLast = left.filter(isSame).length === 1;
    return (isLast ? left[index] : left.splice(index, 1)[0])!.response;
  });
}

/** The batch lane of a teacher that has one. */
export function laneIn({service}: Teacher): BatchLane {
  const {lane} = service as BatchService;
  if (lane === undefined) throw new Error('It has no batch lane.');
  return lane;
}

/** Returns the results of a batch, by id. */
export async function resultsOf(lane: BatchLane, id: string): Promise<ReadonlyMap<string, BatchResult>> {
  const results = new Map<string, BatchResult>();
  for await (const result of lane.collect(id)) results.set(result.id, result);
  return results;
}

export function replyIn(result: BatchResult | undefined): Reply {
  if (result && 'reply' in result) return result.reply;
  throw new Error(`expected a reply, got ${JSON.stringify(result)}`);
}

export function errorIn(result: BatchResult | undefined): TeacherError {
  if (result && 'error' in result && result.error instanceof TeacherError) return result.error;
  throw new Error(`expected an error, got ${JSON.stringify(result)}`);
}

/** Returns the error of a rejected promise. */
export async function failureOf(asked: Promise<unknown>): Promise<TeacherError> {
  const error = await asked.catch((thrown: unknown) => thrown);
  if (!(error instanceof TeacherError)) throw new Error(`expected a TeacherError, got ${error}`);
  return error;
}
