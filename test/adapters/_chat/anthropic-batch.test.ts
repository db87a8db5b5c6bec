import {describe, expect, it} from 'vitest';
import {anthropic} from '../../../adapters/anthropic.ts';
import {errorIn, failureOf, laneIn, lines, recordedServer, replyIn, resultsOf, serving} from '../batch-server.ts';
import {floats, text} from '../replay.ts';

const key = 'sk-ant-very-secret';
const teacherAt = (url: string) =>
  anthropic({url, model: 'claude-haiku-4-5', classes: ['praise', 'complaint'], output: 'label', key});
const laneAt = (url: string) => laneIn(teacherAt(url));
const [a, b] = ['a', 'b'].map(letter => letter.repeat(64)) as [string, string];

const PATH = '/v1/messages/batches';
const counts = {processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0};
const batch = {
  id: 'msgbatch_1',
  processing_status: 'in_progress',
  created_at: '2026-11-25T11:01:51Z',
  request_counts: {...counts, processing: 2},
};
const since = new Date('2026-11-25T11:01:50Z');

describe('Anthropic’s batches', () => {
  it('go up as the very requests that go out one by one, with the version of the interface', async () => {
    const message = {content: [{type: 'text', text: 'praise'}], stop_reason: 'end_turn'};
    const server = await serving({[`POST ${PATH}`]: batch, 'POST /v1/messages': message});
    const teacher = teacherAt(server.url);
    const lane = laneIn(teacher);
    const queries = [text('good'), text('bad')];
    const sent = queries.map((query, row) => lane.lineOf([a, b][row]!, query));
    expect(await lane.submit({name: 'n', lines: sent})).toBe('msgbatch_1');
    await teacher.ask(queries);
    const [created, ...alone] = server.heard;
    expect(JSON.parse(created!.body)).toEqual({
      requests: [a, b].map((custom_id, row) => ({custom_id, params: JSON.parse(alone[row]!.body) as object})),
    });
    // The part that all texts share is marked for the service's cache, which the first query fills.
    expect(created!.body).toContain('"cache_control":{"type":"ephemeral"}');
    expect(created!.headers).toMatchObject({'x-api-key': key, 'anthropic-version': '2023-06-01'});
  });

  it('hold no tensor', () => {
    expect(() => laneAt('http://127.0.0.1:9').lineOf(a, floats(1))).toThrow('It reads texts');
  });

  it('come down as a real server’s were recorded', async () => {
    const lane = laneAt((await recordedServer('anthropic', 'llmock-batch-200')).url);
    const id = await lane.find({name: 'n', ids: new Set([b, a]), since, others: new Set()});
    expect(id).toBe('msgbatch_72b682095f6e446abd2c36e6');
    expect(await lane.poll(id!)).toEqual({isEnded: false, done: 0});
    expect(await lane.poll(id!)).toEqual({isEnded: true, done: 2});
    const results = await resultsOf(lane, id!);
    expect([...results.keys()]).toEqual([a, b]);
    expect(JSON.parse(replyIn(results.get(b)).body)).toMatchObject({
      content: [{type: 'text', text: 'Mock response from claude-haiku-4-5.'}],
    });
  });

  it('say of each request what one by one its status would say', async () => {
    const errored = (type: string) => ({
      type: 'errored',
      error: {type: 'error', error: {type, message: `secret ${key}`}, request_id: 'r'},
    });
    const rows = lines(
      {custom_id: 'late', result: {type: 'expired'}},
      {custom_id: 'stopped', result: {type: 'canceled'}},
      {custom_id: 'wrong', result: errored('invalid_request_error')},
      {custom_id: 'spent', result: errored('billing_error')},
      {custom_id: 'full', result: errored('overloaded_error')},
      {custom_id: 'broken', result: errored('api_error')},
    );
    const {url} = await serving({[`GET ${PATH}/msgbatch_1/results`]: {body: rows}});
    const told = Array.from(await resultsOf(laneAt(url), 'msgbatch_1'), ([id, result]) => {
      const {status, retryable, message} = errorIn(result);
      expect(message).not.toContain(key);
      return [id, status, retryable];
    });
    expect(told).toEqual([
      ['late', undefined, true],
      ['stopped', undefined, true],
      ['wrong', 400, false],
      ['spent', 402, false],
      ['full', 529, true],
      ['broken', 500, true],
    ]);
  });

  it('have no names, and are found by their results, their size and their time', async () => {
    const ended = (id: string) => ({
      ...batch,
      id,
      processing_status: 'ended',
      request_counts: {...counts, succeeded: 1, expired: 1},
    });
    const listed = [
      {...batch, id: 'running'},
      {...batch, id: 'larger', request_counts: {...counts, processing: 3}},
      ended('foreign'),
      ended('ours'),
      {...ended('earlier'), created_at: '2026-11-25T09:01:51Z'},
    ];
    const result = {type: 'expired'};
    const {url, heard} = await serving({
      [`GET ${PATH}?limit=100`]: {data: listed.slice(0, 3), has_more: true},
      [`GET ${PATH}?limit=100&after_id=foreign`]: {data: listed.slice(3), has_more: false},
      [`GET ${PATH}/foreign/results`]: {body: lines({custom_id: 'c', result}, {custom_id: 'd', result})},
      [`GET ${PATH}/ours/results`]: {body: lines({custom_id: 'x', result}, {custom_id: b, result})},
    });
    const lane = laneAt(url);
    expect(await lane.find({name: 'n', ids: new Set([a, b]), since, others: new Set()})).toBe('ours');
    // A running batch does not show whose it is. It is taken for ours until its results show it.
    expect(await lane.find({name: 'n', ids: new Set(['p', 'q']), since, others: new Set()})).toBe('running');
    expect(await lane.find({name: 'n', ids: new Set(['p', 'q']), since, others: new Set(['running'])})).toBeUndefined();
    expect(await lane.find({name: 'n', ids: new Set(['p']), since, others: new Set()})).toBeUndefined();
    expect(heard.some(({path}) => path.includes('earlier'))).toBe(false);
  });

  it('can be cancelled', async () => {
    const {url, heard} = await serving({
      [`POST ${PATH}/msgbatch_1/cancel`]: {...batch, processing_status: 'canceling'},
    });
    await laneAt(url).cancel('msgbatch_1');
    expect(heard).toHaveLength(1);
  });

  it('that are refused are refused with the status', async () => {
    const body = {type: 'error', error: {type: 'rate_limit_error', message: 'no'}};
    const {url} = await serving({[`POST ${PATH}`]: {status: 429, headers: {'retry-after': '7'}, body}});
    const error = await failureOf(laneAt(url).submit({name: 'n', lines: ['{}']}));
    expect(error).toMatchObject({status: 429, retryable: true, retryAfter: 7000});
  });
});
