import {mkdtemp, rm} from 'node:fs/promises';
import {createServer, type RequestListener} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeEach, describe, expect, it} from 'vitest';
import type {ChatOptions} from '../../../adapters/_chat/chat.ts';
import {openInference} from '../../../adapters/open-inference.ts';
import {openai} from '../../../adapters/openai.ts';
import {openAsking} from '../../../src/ask/asking.ts';
import {type PatientService, readDuration} from '../../../src/service-features.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {freePort} from '../../free-port.ts';
import {startGrpc, writeReply} from '../grpc-service.ts';
import {floats} from '../replay.ts';
import {started} from './network-servers.ts';

const query = {input: {kind: 'text', text: 'a text'}} as const;
const ham = {answer: {kind: 'label', label: 0}};
const completion = {choices: [{message: {content: '{"label": "ham"}'}}]};

const teacherAt = (port: number, options: Partial<ChatOptions> = {}) =>
  openai({url: `http://127.0.0.1:${port}/v1`, model: 'm', classes: ['ham', 'spam'], output: 'label', ...options});

/** Starts a server that sends these replies, in order, and the last one for ever. */
async function serverOf(...replies: readonly (readonly [status: number, body: object])[]) {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    const [status, body] = replies[Math.min(asked.push(request.url!), replies.length) - 1]!;
    request.resume().on('end', () => {
      response.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(body));
    });
  };
  const {port} = await started(createServer(listener));
  return {port, asked};
}

const LLAMA_LOADING = {error: {message: 'Loading model', type: 'unavailable_error', code: 503}};

let notes: string[];
beforeEach(() => {
  notes = [];
});

function patient<T extends Teacher>(teacher: T, wait?: number): T {
  (teacher.service as PatientService).waitFor!({wait, onWait: note => notes.push(note)});
  return teacher;
}

describe('a server that is still loading', () => {
  it('is waited for while it refuses connections, with one line', async () => {
    const port = await freePort();
    const asked = Promise.all([1, 2].map(() => patient(teacherAt(port, {wait: '10s'})).ask([query])));
    setTimeout(
      () =>
        createServer((_, response) => response.end(JSON.stringify(completion)))
          .listen(port)
          .unref(),
      600,
    );
    expect(await asked).toEqual([[ham], [ham]]);
    expect(notes[0]).toBe(
      `Teacher openai m at http://127.0.0.1:${port}/v1 is still loading: nothing answers yet. Waiting for up to 10 s.`,
    );
    expect(notes).toHaveLength(2);
  });

  it.each([
    ['llama.cpp', 503, LLAMA_LOADING],
    ['Hugging Face', 503, {error: 'Model m is currently loading', estimated_time: 20}],
    ['Ollama', 500, {error: 'llm server loading model'}],
    ['any server', 503, {}],
  ])('is waited for while it answers as %s does, and the exchange sees the answer alone', async (_, status, body) => {
    const {port, asked} = await serverOf([status, body], [status, body], [200, completion]);
    const seen: number[] = [];
    const outcomes = await patient(teacherAt(port), 10_000).ask([query], {
      exchange: async (_, send) => {
        const reply = await send();
        seen.push(reply.status);
        return reply;
      },
    });
    expect(outcomes).toEqual([ham]);
    expect([seen, asked.length, notes.length]).toEqual([[200], 3, 1]);
  });

  it('that has answered is loaded, so that a later 503 alone is a refusal', async () => {
    const {port} = await serverOf([200, completion], [503, {error: 'busy'}]);
    const teacher = patient(teacherAt(port), 10_000);
    await teacher.ask([query]);
    await expect(teacher.ask([query])).rejects.toMatchObject({status: 503, retryable: true});
    expect(notes).toEqual([]);
  });

  it('is given up after the time, with the options that give more', async () => {
    const {port} = await serverOf([503, LLAMA_LOADING]);
    const asked = teacherAt(port, {wait: 700}).ask([query]);
    await expect(asked).rejects.toMatchObject({retryable: false});
    await expect(asked).rejects.toThrow(
      'It was still loading after 1 s: it answers 503. See its own log, or wait longer (`--wait`, `wait`).',
    );
  });

  it('is no reason to wait on after an abort', async () => {
    const {port} = await serverOf([503, LLAMA_LOADING]);
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 300);
    const {signal} = controller;
    await expect(teacherAt(port, {wait: '1h'}).ask([query], {signal})).rejects.toBe(reason);
  });

  it('is named with the option if nobody waits', async () => {
    const {port} = await serverOf([503, LLAMA_LOADING]);
    const advice = 'If it is still loading, `--wait 10m` waits for it.';
    await expect(teacherAt(port).ask([query])).rejects.toThrow(advice);
    await expect(teacherAt(await freePort()).ask([query])).rejects.toThrow(advice);
  });

  it('of Open Inference is asked whether it is ready before it gets a query', async () => {
    const reply = {outputs: [{name: 'y', datatype: 'FP32', shape: [1, 2], data: [1, 2]}]};
    const {port, asked} = await serverOf([400, {}], [400, {}], [200, {}], [200, {extensions: []}], [200, reply]);
    const url = `http://127.0.0.1:${port}`;
    const teacher = openInference({url, model: 'm', classes: ['ham', 'spam'], output: {logits: 'y'}, wait: '10s'});
    expect(await teacher.ask([floats(1)])).toMatchObject([{answer: {kind: 'logits'}}]);
    expect(asked).toEqual([...Array(3).fill('/v2/health/ready'), '/v2', '/v2/models/m/infer']);
  });

  it('is waited for over gRPC, too', async () => {
    const port = await freePort();
    const url = `grpc://127.0.0.1:${port}`;
    const teacher = openInference({url, model: 'm', classes: ['ham', 'spam'], output: {logits: 'y'}, wait: '20s'});
    const asked = patient(teacher).ask([floats(1)]);
    await new Promise(resolve => setTimeout(resolve, 400));
    const {server} = await startGrpc((_, reply) => reply(null, writeReply([1, 2], Float32Array.of(1, 2))), port);
    expect(await asked).toMatchObject([{answer: {kind: 'logits'}}]);
    expect(notes[0]).toContain('nothing answers yet');
    server.forceShutdown();
  });
});

describe('a run that waits', () => {
  let folder: string;
  afterAll(() => rm(folder, {recursive: true}));

  it('counts and keeps the answer alone', async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-waiting-'));
    const {port, asked} = await serverOf([503, {}], [503, {}], [200, completion]);
    const asking = await openAsking({
      ...{cache: join(folder, 'answers'), journal: join(folder, 'journal'), wait: 10_000},
      onNote: note => notes.push(note),
    });
    const {teacher} = asking.open(teacherAt(port));
    expect(await teacher.ask([query])).toEqual([ham]);
    expect([asked.length, asking.spent.calls, notes.filter(note => note.includes('still loading')).length]).toEqual([
      3, 1, 1,
    ]);
    await asking.close();
  });
});

describe('readDuration', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1.5 h', 5_400_000],
    ['soon', undefined],
    ['10', undefined],
  ])('reads %s as %s', (text, milliseconds) => expect(readDuration(text)).toBe(milliseconds));

  it('is what `wait` of an adapter takes', () => {
    expect(() => teacherAt(1, {wait: 'soon'})).toThrow(
      '`wait` is no duration: soon. Give milliseconds, or a text such as "10m".',
    );
  });
});
