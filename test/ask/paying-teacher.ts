import {TeacherError} from '../../src/errors.ts';
import type {AskOptions, Query, ReadOutcome, Reply, Service, Teacher} from '../../src/teacher.ts';
import {numberOf} from './fake-teacher.ts';

/** What the service answers to a request about these numbers; an error if no reply comes. */
export type Respond = (numbers: readonly number[], request: number) => Reply | Error;

export const ok = (body: object): Reply => ({status: 200, headers: {}, body: JSON.stringify(body)});
export const refusal = (status: number, headers: Reply['headers'] = {}): Reply => ({status, headers, body: 'no'});

/** A reply to these numbers: the label of each is the number modulo 3, and each costs 10 tokens. */
export const labels = (numbers: readonly number[]): Reply =>
  ok({labels: numbers.map(number => number % 3), model: 'fake-1', tokens: 10 * numbers.length});

export interface PayingTeacher extends Teacher<'black-box'> {
  readonly service: Service<'black-box'>;
  /** The numbers of every request so far. */
  readonly requests: number[][];
}

/** A teacher that asks a service about numbers, a request a call. A label outside the three classes can't be read. */
export function payingTeacher(respond: Respond = labels, fields: Partial<Teacher<'black-box'>> = {}): PayingTeacher {
  const requests: number[][] = [];
  const read = ({body}: Reply, count: number): ReadOutcome<'black-box'>[] => {
    let parsed: {readonly labels: readonly number[]};
    try {
      parsed = JSON.parse(body) as typeof parsed;
    } catch {
      throw new TeacherError('a payer', 'Its reply is not JSON.', {unreadable: true});
    }
    return Array.from({length: count}, (_, row): ReadOutcome<'black-box'> => {
      const label = parsed.labels[row];
      if (label !== undefined && label >= 0 && label < 3) return {answer: {kind: 'label', label}};
      return {error: new TeacherError('a payer', 'Its label is none.', {unreadable: true})};
    });
  };
  const service: Service<'black-box'> = {
    account: 'fake',
    reader: 1,
    read,
    receipt: ({body}) => {
      const [, model] = /"model":"([^"]*)"/.exec(body) ?? [];
      const [, tokens] = /"tokens":(\d+)/.exec(body) ?? [];
      return {
        ...(model !== undefined && {model}),
        ...(tokens !== undefined && {usage: {inputTokens: Number(tokens), outputTokens: 0}}),
      };
    },
    worstCase: queries => ({inputTokens: 10 * queries.length, outputTokens: 5 * queries.length}),
    price: {perMillionInputTokens: 1, perMillionOutputTokens: 2},
  };
  return {
    name: 'a payer',
    identity: {service: 'payer'},
    access: 'black-box',
    classes: ['a', 'b', 'c'],
    detail: {kind: 'label'},
    maxBatch: 2,
    concurrency: 4,
    ...fields,
    service: fields.service ?? service,
    requests,
    async ask(queries: readonly Query[], options: AskOptions = {}) {
      const numbers = queries.map(numberOf);
      const {exchange = (_: readonly number[], send: () => Promise<Reply>) => send()} = options;
      const reply = await exchange([...queries.keys()], async () => {
        requests.push(numbers);
        const response = respond(numbers, requests.length);
        if (response instanceof Error) throw response;
        return response;
      });
      if (reply.status === 200) return read(reply, queries.length);
      const retryable = reply.status === 429 || reply.status >= 500;
      const {status} = reply;
      const refused = [400, 413, 422].includes(status) && {refusal: 'unclear' as const};
      throw new TeacherError('a payer', `It answered ${status}.`, {status, retryable, ...refused});
    },
  };
}
