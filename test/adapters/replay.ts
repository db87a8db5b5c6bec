import {readFileSync} from 'node:fs';
import {MockAgent} from 'undici';
import {Refusals} from '../../src/ask/refusals/refusals.ts';
import {withRefusedInputs} from '../../src/ask/refusals/refused-inputs.ts';
import {TeacherError} from '../../src/errors.ts';
import type {Access, Input, Outcome, Query, Teacher} from '../../src/teacher.ts';

/** An exchange with a real server. */
export interface Recorded {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly body: {readonly inputs: readonly object[]};
  };
  readonly response: {
    readonly status: number;
    readonly contentType: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
}

/** Reads `test/fixtures/<adapter>/<name>.json`. */
export function recordedFor(adapter: string, name: string): Recorded {
  return JSON.parse(readFileSync(new URL(`../fixtures/${adapter}/${name}.json`, import.meta.url), 'utf8'));
}

export function recorded(name: string): Recorded {
  return recordedFor('open-inference', name);
}

export const address = 'http://teacher.test:8080';

/** A network that sends nothing from this machine. */
export interface Offline {
  readonly dispatcher: MockAgent;
  /** The requests in order: paths, headers and bodies as JSON. */
  readonly sent: {readonly path: string; readonly headers: object; readonly body: unknown}[];
  /** Answers the next request to a path. */
  answer(path: string, status: number, body: unknown, headers?: Readonly<Record<string, string>>): void;
}

/** @param at - the address of the service */
export function offline(at = address): Offline {
  const dispatcher = new MockAgent();
  dispatcher.disableNetConnect();
  const sent: Offline['sent'] = [];
  return {
    dispatcher,
    sent,
    answer(path, status, body, headers = {'content-type': 'application/json'}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      dispatcher
        .get(at)
        .intercept({path, method: 'POST'})
        .reply(request => {
          sent.push({path: request.path, headers: request.headers as object, body: JSON.parse(String(request.body))});
          return {statusCode: status, data: text, responseOptions: {headers}};
        });
    },
  };
}

/** A network that gives recorded replies, each once, to requests to the paths they were recorded from. */
export function replay(...names: readonly string[]): Offline {
  return replayFor('open-inference', ...names);
}

/** Like `replay`, with the recordings of one adapter. */
export function replayFor(adapter: string, ...names: readonly string[]): Offline {
  const network = offline();
  for (const name of names) {
    const {request, response} = recordedFor(adapter, name);
    const headers = {'content-type': response.contentType, ...response.headers};
    network.answer(request.path, response.status, response.body, headers);
  }
  return network;
}

export function floats(...values: number[]): Query {
  return {input: {kind: 'tensor', dtype: 'float32', shape: [values.length], data: Float32Array.from(values)}};
}

export function text(value: string): Query {
  const input: Input = {kind: 'text', text: value};
  return {input};
}

/** A teacher that is known to answer, with the layer that asks about halves of what it refuses. */
export function halving<A extends Access>(teacher: Teacher<A>): Teacher<A> {
  const refusals = new Refusals(teacher);
  refusals.answered();
  return withRefusedInputs(teacher, refusals);
}

/** The messages of the errors; `none` for an answer. */
export function problemsIn(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(outcome => ('error' in outcome ? outcome.error.message : 'none'));
}

/** The error of a call, of the whole call or of its first query. */
export async function failureOf(asked: Promise<readonly Outcome[]>): Promise<TeacherError> {
  const error = await asked.then(
    ([outcome]) => (outcome && 'error' in outcome ? outcome.error : undefined),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TeacherError)) throw new Error(`expected a TeacherError, got ${error}`);
  return error;
}
