import {afterEach} from 'vitest';
import {type RunningService, type ServeOptions, serveTeacher} from '../../src/serve/server.ts';
import type {Answer, LogProbabilitiesAnswer, Outcome, Query, Teacher, TensorInput} from '../../src/teacher.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export const classes: readonly string[] = ['ham', 'spam', 'news'];

/**
 * A model of texts that is as sure as the text says: `ham 0.9` is ham at 0.9, and the other two share the rest. It can't
 * answer `unanswerable`.
 */
export const student: Teacher<'white-box'> = {
  name: 'words',
  identity: {adapter: 'words'},
  access: 'white-box',
  classes,
  detail: {kind: 'logits'},
  maxBatch: 4,
  ask: async queries =>
    queries.map((query): Outcome<'white-box'> => {
      const text = textOf(query);
      if (text === 'unanswerable') return {error: new Error('a secret of the house')};
      const {logProbabilities} = sayingOf(text);
      return {answer: {kind: 'logits', logits: logProbabilities.map(value => value + 3), features: {}}};
    }),
};

/** A teacher that is sure of the class that comes first among the words of a text. */
export function teacherOf(answer: (text: string) => Answer | Error, changes: Partial<Teacher> = {}): AskedTeacher {
  const asked: string[] = [];
  return {
    name: 'the one that knows',
    identity: {adapter: 'knows'},
    access: 'gray-box',
    classes,
    detail: {kind: 'log-probabilities'},
    maxBatch: 8,
    asked,
    ask: async queries =>
      queries.map((query): Outcome => {
        const text = textOf(query);
        asked.push(text);
        const said = answer(text);
        return said instanceof Error ? {error: said} : {answer: said as never};
      }),
    ...changes,
  };
}

export interface AskedTeacher extends Teacher {
  /** Every text that it was asked about. */
  readonly asked: string[];
}

export function textOf({input}: Query): string {
  return input.kind === 'text' ? input.text : (input as TensorInput).data.join();
}

/** What `spam 0.7` says: spam at 0.7, the others alike. */
export function sayingOf(text: string): LogProbabilitiesAnswer {
  const [name, probability] = text.split(' ');
  const best = Number(probability ?? '0.5');
  const values = classes.map(other => Math.log(other === name ? best : (1 - best) / 2));
  return {kind: 'log-probabilities', logProbabilities: Float32Array.from(values)};
}

/** Starts services that end with their test. */
export function services(): (options?: Partial<ServeOptions>, served?: Teacher) => Promise<RunningService> {
  const started: RunningService[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map(service => service.close()));
  });
  return async (options = {}, served = student) => {
    const service = await serveTeacher(served, {
      ...{model: 'mails', version: 'abcdef0123456789', access: 'gray-box', input: {kind: 'text'}},
      ...options,
    });
    started.push(service);
    return service;
  };
}

/** Sends JSON and reads JSON. */
export async function post({url}: RunningService, path: string, body: unknown, headers = {}): Promise<Reply> {
  const type = {'content-type': 'application/json'};
  const reply = await fetch(`${url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: {...type, ...headers},
  });
  return {status: reply.status, headers: reply.headers, body: await reply.json()};
}

/** The value of a series in the metrics; undefined where there is none. */
export async function metric({url}: RunningService, series: string): Promise<number | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find(line => line.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('It never came to hold.');
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
