import {describe, expect, it, vi} from 'vitest';
import {type OpenInferenceOptions, openInference} from '../../adapters/open-inference.ts';
import type {Exchange, Query, Reply} from '../../src/teacher.ts';
import {address, floats, halving, type Offline, offline, problemsIn, text} from './replay.ts';

const classes = ['red', 'green', 'blue'];
const path = '/v2/models/colours/infer';
const detail = {kind: 'logits'} as const;

function teacherOn({dispatcher}: Offline, rest: Partial<OpenInferenceOptions> = {}) {
  return openInference({url: address, model: 'colours', classes, output: {logits: 'y'}, dispatcher, ...rest});
}

function reply(rows: number, version?: string): object {
  const data = Array.from({length: rows * 3}, (_, position) => position);
  return {model_name: 'colours', model_version: version, outputs: [{name: 'y', shape: [rows, 3], data}]};
}

/** An exchange that keeps what goes through it. */
function recording() {
  const calls: {readonly rows: readonly number[]; reply?: Reply}[] = [];
  const exchange: Exchange = async (rows, send) => {
    const call: (typeof calls)[number] = {rows};
    calls.push(call);
    call.reply = await send();
    return call.reply;
  };
  return {calls, exchange};
}

describe('openInference as a service that is charged for', () => {
  it('sends each request through the exchange, with the rows that it is about', async () => {
    const network = offline();
    network.answer(path, 200, reply(2), {'content-type': 'application/json', 'x-ratelimit-limit-requests': '7'});
    network.answer(path, 200, reply(1));
    const {calls, exchange} = recording();
    const queries = [floats(1, 2), floats(9), floats(Number.NaN, 1), floats(3, 4)];
    const outcomes = await teacherOn(network).ask(queries, {exchange});
    expect(problemsIn(outcomes).map(problem => problem === 'none')).toEqual([true, true, false, true]);
    expect(calls.map(({rows}) => rows)).toEqual([[0, 3], [1]]);
    expect(calls[0]!.reply).toEqual({
      status: 200,
      headers: expect.objectContaining({'x-ratelimit-limit-requests': '7'}),
      body: JSON.stringify(reply(2)),
    });
  });

  it('sends the halves of what was refused through the exchange too', async () => {
    const network = offline();
    network.answer(path, 413, {});
    network.answer(path, 200, reply(2));
    network.answer(path, 200, reply(1));
    const {calls, exchange} = recording();
    await halving(teacherOn(network)).ask(['a', 'b', 'c'].map(text), {exchange});
    expect(calls.map(({rows, reply}) => [rows, reply?.status])).toEqual([
      [[0, 1, 2], 413],
      [[0, 1], 200],
      [[2], 200],
    ]);
  });

  it('looks for what the service has instead beside the exchange', async () => {
    const network = offline();
    network.answer(path, 404, {});
    network.answer('/v2/repository/index', 200, [{name: 'shapes'}]);
    const {calls, exchange} = recording();
    await expect(teacherOn(network).ask([floats(1, 2)], {exchange})).rejects.toThrow('It has: shapes.');
    expect(calls).toHaveLength(1);
  });

  it('hands on what the exchange says instead of sending', async () => {
    const spent = new Error('The budget is spent.');
    const network = offline();
    const asked = teacherOn(network).ask([floats(1, 2)], {exchange: () => Promise.reject(spent)});
    await expect(asked).rejects.toBe(spent);
    expect(network.sent).toEqual([]);
  });

  it('reads a kept reply as it read the fresh one', async () => {
    const network = offline();
    network.answer(path, 200, '{"outputs": [{"name": "y", "shape": [2, 3], "data": [1, 2, 3, 4, NaN, 6]}]}');
    const {calls, exchange} = recording();
    const teacher = teacherOn(network);
    const queries: readonly Query[] = [floats(1, 2), floats(3, 4)];
    const outcomes = await teacher.ask(queries, {exchange});
    expect(outcomes).toMatchObject([{answer: {kind: 'logits'}}, {error: {unreadable: true}}]);
    const kept = structuredClone(calls[0]!.reply!);
    expect(teacher.service!.read(kept, 2, detail)).toEqual(outcomes);
    expect(() => teacher.service!.read(kept, 3, detail)).toThrow('has 6 values for 3 inputs');
  });

  it('tells which model answered, and never throws over it', () => {
    const {receipt} = teacherOn(offline()).service!;
    const of = (body: string) => receipt!({status: 200, headers: {}, body});
    expect(of(JSON.stringify(reply(1, '4')))).toEqual({model: 'colours', fingerprint: '4'});
    expect(of(JSON.stringify(reply(1)))).toEqual({model: 'colours'});
    expect([of('{"model_name": 3}'), of('[]'), of('<html>'), of('')]).toEqual([{}, {}, {}, {}]);
  });

  it('has the account of its origin and its key, of which it holds a digest alone', () => {
    const network = offline();
    const accountWith = (rest: Partial<OpenInferenceOptions>) => teacherOn(network, rest).service!.account;
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const path = {url: `${address}/v1/`, model: 'shapes'};
    expect([accountWith({}), accountWith(path)]).toEqual([address, address]);
    const [one, same, other] = ['sk-one', 'sk-one', 'sk-other'].map(key => accountWith({key}));
    expect(one).toMatch(/^http:\/\/teacher\.test:8080 [0-9a-f]{8}$/);
    expect([same === one, other === one]).toEqual([true, false]);
    expect(accountWith({url: async () => address, service: 'colours of this study'})).toBe('colours of this study');
    const late = teacherOn(network);
    vi.stubEnv('LIMBECK_TEACHER_KEY', 'sk-one');
    expect(late.service!.account).toBe(one);
    vi.unstubAllEnvs();
  });

  it('hands on the price and the rate that its user names', () => {
    const price = {perCall: 0.001};
    const rate = {requestsPerMinute: 60};
    expect(teacherOn(offline(), {price, rate}).service).toMatchObject({price, rate, reader: 1});
    expect(Object.keys(teacherOn(offline()).service!)).not.toContain('price');
  });
});
