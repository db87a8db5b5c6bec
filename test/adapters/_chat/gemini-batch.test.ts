import {describe, expect, it} from 'vitest';
import {type GeminiOptions, gemini} from '../../../adapters/gemini.ts';
import type {BatchService} from '../../../src/service-features.ts';
import {errorIn, laneIn, replyIn, resultsOf, serving} from '../batch-server.ts';
import {floats, text} from '../replay.ts';

const key = 'AIza-very-secret';
const teacherAt = (url: string, rest: Partial<GeminiOptions<'label'>> = {}) =>
  gemini({url, model: 'gemini-2.5-flash', classes: ['praise', 'complaint'], output: 'label', key, ...rest});
const laneAt = (url: string) => laneIn(teacherAt(url));
const [a, b] = ['a', 'b'].map(letter => letter.repeat(64)) as [string, string];
const since = new Date('2026-11-25T11:01:50Z');

/** An operation as the reference of the interface describes it. */
const operation = (state: string, changes: object = {}, metadata: object = {}) => ({
  name: 'batches/abc123',
  metadata: {
    '@type': 'type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch',
    model: 'models/gemini-2.5-flash',
    displayName: 'limbeck-1',
    createTime: '2026-11-25T11:01:51Z',
    batchStats: {requestCount: '4', successfulRequestCount: '1', failedRequestCount: '1'},
    state,
    name: 'batches/abc123',
    ...metadata,
  },
  ...changes,
});

describe('Gemini’s batches', () => {
  it('go up as the very requests that go out one by one, under our name', async () => {
    const candidate = {content: {parts: [{text: 'praise'}]}, finishReason: 'STOP'};
    const server = await serving({
      'POST /models/gemini-2.5-flash:batchGenerateContent': operation('BATCH_STATE_PENDING'),
      'POST /models/gemini-2.5-flash:generateContent': {candidates: [candidate]},
    });
    const teacher = teacherAt(server.url);
    const lane = laneIn(teacher);
    const queries = [text('good'), text('bad')];
    const lines = queries.map((query, row) => lane.lineOf([a, b][row]!, query));
    expect(await lane.submit({name: 'limbeck-1', lines})).toBe('batches/abc123');
    await teacher.ask(queries);
    const [created, ...alone] = server.heard;
    const requests = [a, b].map((id, row) => ({request: JSON.parse(alone[row]!.body) as object, metadata: {key: id}}));
    expect(JSON.parse(created!.body)).toEqual({batch: {displayName: 'limbeck-1', inputConfig: {requests: {requests}}}});
    expect(created!.headers['x-goog-api-key']).toBe(key);
  });

  it('hold no tensor, and are none of Vertex', () => {
    expect(() => laneAt('http://127.0.0.1:9').lineOf(a, floats(1))).toThrow('It reads texts');
    const vertex = teacherAt(
      'https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google',
    );
    expect((vertex.service as BatchService).lane).toBeUndefined();
  });

  it.each([
    ['BATCH_STATE_PENDING', false],
    ['BATCH_STATE_RUNNING', false],
    ['BATCH_STATE_SUCCEEDED', true],
    ['JOB_STATE_PARTIALLY_SUCCEEDED', true],
    ['BATCH_STATE_CANCELLED', true],
    ['BATCH_STATE_EXPIRED', true],
  ])('in %s have ended: %s', async (state, isEnded) => {
    const {url} = await serving({'GET /batches/abc123': operation(state)});
    expect(await laneAt(url).poll('batches/abc123')).toEqual({isEnded, done: 2});
  });

  it('that fail as a whole say so, and whether a retry can help', async () => {
    const error = {code: 8, message: `secret ${key}`, status: 'RESOURCE_EXHAUSTED'};
    const full = await serving({'GET /batches/abc123': operation('BATCH_STATE_FAILED', {done: true, error})});
    const {failure, isEnded} = await laneAt(full.url).poll('batches/abc123');
    expect({failure, isEnded}).toMatchObject({failure: {status: 429, retryable: true}, isEnded: true});
    expect(failure!.message).not.toContain(key);
    const wrong = await serving({'GET /batches/abc123': operation('BATCH_STATE_FAILED')});
    expect((await laneAt(wrong.url).poll('batches/abc123')).failure).toMatchObject({retryable: false});
  });

  it.each(['response', 'metadata'])('come down by key, wherever the output stands: in `%s`', async where => {
    const reply = {candidates: [{content: {parts: [{text: 'praise'}]}, finishReason: 'STOP'}]};
    const inlinedResponses = {
      inlinedResponses: [
        {response: reply, metadata: {key: b}},
        {error: {code: 14, message: `secret ${key}`}, metadata: {key: 'busy'}},
        {error: {code: 3, message: 'no', status: 'INVALID_ARGUMENT'}, metadata: {key: 'wrong'}},
        {response: reply},
      ],
    };
    const done = {done: true, ...(where === 'response' && {response: {inlinedResponses}})};
    const metadata = where === 'metadata' ? {output: {inlinedResponses}} : {};
    const {url} = await serving({'GET /batches/abc123': operation('BATCH_STATE_SUCCEEDED', done, metadata)});
    const results = await resultsOf(laneAt(url), 'batches/abc123');
    // The last result has no key, and its index does not identify it.
    expect([...results.keys()]).toEqual([b, 'busy', 'wrong']);
    expect(JSON.parse(replyIn(results.get(b)).body)).toEqual(reply);
    expect(errorIn(results.get('busy'))).toMatchObject({status: 503, retryable: true});
    expect(errorIn(results.get('wrong'))).toMatchObject({status: 400, retryable: false});
    expect(errorIn(results.get('busy')).message).not.toContain(key);
  });

  it('are found by our name on any page, and not sought beyond the time they could be of', async () => {
    const other = operation('BATCH_STATE_RUNNING', {name: 'batches/other'}, {displayName: 'x'});
    const old = operation(
      'BATCH_STATE_RUNNING',
      {name: 'batches/old'},
      {displayName: 'y', createTime: '2026-11-23T11:01:51Z'},
    );
    const {url, heard} = await serving({
      'GET /batches?pageSize=100': {operations: [other], nextPageToken: 't=1'},
      'GET /batches?pageSize=100&pageToken=t%3D1': {
        operations: [operation('BATCH_STATE_RUNNING'), old],
        nextPageToken: 'u',
      },
    });
    const lane = laneAt(url);
    expect(await lane.find({name: 'limbeck-1', ids: new Set(), since, others: new Set()})).toBe('batches/abc123');
    expect(await lane.find({name: 'limbeck-2', ids: new Set(), since, others: new Set()})).toBeUndefined();
    expect(heard).toHaveLength(4);
  });

  it('can be cancelled', async () => {
    const {url, heard} = await serving({'POST /batches/abc123:cancel': {}});
    await laneAt(url).cancel('batches/abc123');
    expect(heard).toHaveLength(1);
  });
});
