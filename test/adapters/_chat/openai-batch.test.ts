import {describe, expect, it} from 'vitest';
import {type OpenAiOptions, openai} from '../../../adapters/openai.ts';
import type {BatchService} from '../../../src/service-features.ts';
import {errorIn, failureOf, laneIn, lines, recordedServer, replyIn, resultsOf, serving} from '../batch-server.ts';
import {floats, text} from '../replay.ts';

const key = 'sk-very-secret';
const classes = ['praise', 'complaint'];
const teacherAt = (url: string, rest: Partial<OpenAiOptions<'label'>> = {}) =>
  openai({url, model: 'gpt-4o-mini', classes, output: 'label', key, ...rest});
const laneAt = (url: string, rest: Partial<OpenAiOptions<'label'>> = {}) => laneIn(teacherAt(url, rest));
const [a, b, c] = ['a', 'b', 'c'].map(letter => letter.repeat(64)) as [string, string, string];

const batch = {id: 'batch_1', status: 'in_progress', created_at: 1_795_604_515, request_counts: null};
const state = (changes: object) => ({...batch, ...changes});

describe('OpenAI’s batches', () => {
  it('go up as a file of the very requests that go out one by one', async () => {
    const server = await serving({
      'POST /files': {id: 'file-1'},
      'POST /batches': batch,
      'POST /chat/completions': {choices: [{finish_reason: 'stop', message: {content: 'praise'}}]},
    });
    const teacher = teacherAt(server.url);
    const lane = laneIn(teacher);
    const queries = [text('good'), text('bad\u2028"worse"')];
    const id = await lane.submit({
      name: 'limbeck-1',
      lines: [lane.lineOf(a, queries[0]!), lane.lineOf(b, queries[1]!)],
    });
    expect(id).toBe('batch_1');
    await teacher.ask(queries);
    const [upload, created, ...alone] = server.heard;
    const form = await new Response(upload!.body, {
      headers: {'content-type': String(upload!.headers['content-type'])},
    }).formData();
    expect(form.get('purpose')).toBe('batch');
    const file = form.get('file') as File;
    expect(file.name).toBe('limbeck-1.jsonl');
    const sent = (await file.text()).trimEnd().split('\n');
    const bodies = alone.map(({body}) => JSON.parse(body) as object);
    expect(sent.map(line => JSON.parse(line) as object)).toEqual(
      [a, b].map((custom_id, row) => ({custom_id, method: 'POST', url: '/v1/chat/completions', body: bodies[row]})),
    );
    expect(JSON.parse(created!.body)).toEqual({
      input_file_id: 'file-1',
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: {limbeck: 'limbeck-1'},
    });
    expect(server.heard.every(({headers}) => headers.authorization === `Bearer ${key}`)).toBe(true);
  });

  it('go to Responses if the teacher uses that protocol, and nowhere if it is an Azure deployment', () => {
    const line = laneAt('http://127.0.0.1:9/v1', {api: 'responses'}).lineOf(a, text('good'));
    expect(JSON.parse(line)).toMatchObject({url: '/v1/responses', body: {input: 'good', store: false}});
    const {service} = teacherAt('http://127.0.0.1:9/openai/deployments/d', {apiVersion: '2024-10-21'});
    expect((service as BatchService).lane).toBeUndefined();
  });

  it('hold no tensor', () => {
    expect(() => laneAt('http://127.0.0.1:9').lineOf(a, floats(1))).toThrow('It reads texts');
  });

  it('come down as a real server’s were recorded, from the file of replies and that of errors', async () => {
    const server = await recordedServer('openai', 'llmock-batch-200');
    const lane = laneAt(server.url);
    const found = await lane.find({
      name: 'limbeck-recorded',
      ids: new Set(),
      since: new Date('2026-11-25T11:00:00Z'),
      others: new Set(),
    });
    expect(found).toBe('batch_fefc5140abc547408eed67f6');
    expect(await lane.poll(found!)).toEqual({isEnded: false, done: 0});
    expect(await lane.poll(found!)).toEqual({isEnded: true, done: 3});
    const results = await resultsOf(lane, found!);
    expect([...results.keys()].sort()).toEqual([a, b, c]);
    const reply = replyIn(results.get(a));
    expect(reply).toMatchObject({status: 200, headers: {'x-request-id': 'e907e08abc1545d9b82de25259ab563b'}});
    expect(JSON.parse(reply.body)).toMatchObject({choices: [{message: {content: 'Mock response from gpt-4o-mini.'}}]});
    expect(errorIn(results.get(c)).retryable).toBe(false);
    expect(errorIn(results.get(c)).message).toContain('(unsupported_endpoint)');
  });

  it.each([
    ['validating', false],
    ['in_progress', false],
    ['finalizing', false],
    ['cancelling', false],
    ['completed', true],
    ['expired', true],
    ['cancelled', true],
    ['failed', true],
  ])('that are %s have ended: %s', async (status, isEnded) => {
    const counts = {total: 4, completed: 2, failed: 1};
    const {url} = await serving({'GET /batches/batch_1': state({status, request_counts: counts, error_file_id: 'f'})});
    expect(await laneAt(url).poll('batch_1')).toEqual({isEnded, done: 3});
  });

  it('say of each request what one by one its status would say', async () => {
    const response = (status_code: number, body: object) => ({status_code, request_id: null, body});
    const refused = (code: string) => ({error: {message: `secret ${key}`, type: 'x', code}});
    const rows = lines(
      {custom_id: 'late', response: null, error: {code: 'batch_expired', message: 'no'}},
      {custom_id: 'stopped', response: null, error: {code: 'batch_cancelled', message: 'no'}},
      {custom_id: 'long', response: response(400, refused('context_length_exceeded'))},
      {custom_id: 'busy', response: response(429, refused('rate_limit_exceeded'))},
      {custom_id: 'broken', response: response(500, refused('server_error'))},
    );
    const {url} = await serving({
      'GET /batches/batch_1': state({status: 'expired', output_file_id: null, error_file_id: 'file-e'}),
      'GET /files/file-e/content': {body: rows},
    });
    const results = await resultsOf(laneAt(url), 'batch_1');
    const told = Array.from(results, ([id, result]) => {
      const {status, retryable, message} = errorIn(result);
      expect(message).not.toContain(key);
      return [id, status, retryable];
    });
    expect(told).toEqual([
      ['late', undefined, true],
      ['stopped', undefined, true],
      ['long', 400, false],
      ['busy', 429, true],
      ['broken', 500, true],
    ]);
  });

  it('that are refused as a whole say so, and whether a retry can help', async () => {
    const failed = (code: string) => state({status: 'failed', errors: {data: [{code, message: `secret ${key}`}]}});
    const full = await serving({'GET /batches/batch_1': failed('token_limit_exceeded')});
    expect((await laneAt(full.url).poll('batch_1')).failure).toMatchObject({status: 429, retryable: true});
    const echo = await serving({'GET /batches/batch_1': failed(key.replaceAll('-', '_'))});
    const told = (await laneAt(echo.url, {key: key.replaceAll('-', '_')}).poll('batch_1')).failure;
    expect(told!.message).toContain('(without a code)');
    const wrong = await serving({'GET /batches/batch_1': failed('invalid_json_line')});
    const {failure} = await laneAt(wrong.url).poll('batch_1');
    expect(failure).toMatchObject({retryable: false});
    expect(failure!.message).toContain('(invalid_json_line)');
    expect(failure!.message).not.toContain(key);
  });

  it('are found by our name on any page, and not sought beyond the time they could be of', async () => {
    const old = state({id: 'batch_old', created_at: 1_795_500_000});
    const pages = {
      'GET /batches?limit=100': {data: [state({id: 'batch_9'})], has_more: true},
      'GET /batches?limit=100&after=batch_9': {
        data: [state({id: 'batch_8', metadata: {limbeck: 'n'}})],
        has_more: true,
      },
      'GET /batches?limit=100&after=batch_8': {data: [old], has_more: true},
    };
    const {url, heard} = await serving(pages);
    const since = new Date(1_795_604_515_000);
    const lane = laneAt(url);
    expect(await lane.find({name: 'n', ids: new Set(), since, others: new Set()})).toBe('batch_8');
    expect(await lane.find({name: 'm', ids: new Set(), since, others: new Set()})).toBeUndefined();
    expect(heard).toHaveLength(5);
  });

  it('can be cancelled', async () => {
    const {url, heard} = await serving({'POST /batches/batch_1/cancel': state({status: 'cancelling'})});
    await laneAt(url).cancel('batch_1');
    expect(heard).toHaveLength(1);
  });

  it('whose results break off are to be fetched again', async () => {
    const row = lines({custom_id: a, response: {status_code: 200, body: {}}});
    const {url} = await serving({
      'GET /batches/batch_1': state({status: 'completed', output_file_id: 'file-o'}),
      'GET /files/file-o/content': {body: `${row}\n`, breaksOff: true},
    });
    expect(await failureOf(resultsOf(laneAt(url), 'batch_1'))).toMatchObject({retryable: true});
  });

  it('hold no reply that is longer than the limit', async () => {
    const row = lines({custom_id: a, response: {status_code: 200, body: {text: 'x'.repeat(500)}}});
    const {url} = await serving({
      'GET /batches/batch_1': state({status: 'completed', output_file_id: 'file-o'}),
      'GET /files/file-o/content': {body: row},
    });
    const error = await failureOf(resultsOf(laneAt(url, {maxReply: 100}), 'batch_1'));
    expect(error).toMatchObject({retryable: false, message: expect.stringContaining('Raise `maxReply`')});
  });

  it('are told apart from a service that has no batches', async () => {
    const {url} = await serving({});
    const error = await failureOf(laneAt(url).submit({name: 'n', lines: ['{}']}));
    expect(error.message).toContain('no batch lane at this address');
    for (const body of [{hello: 1}, state({id: '../../elsewhere?'})]) {
      const odd = await serving({'GET /batches/batch_1': {body}});
      expect((await failureOf(laneAt(odd.url).poll('batch_1'))).message).toContain('can’t be read');
    }
  });
});
