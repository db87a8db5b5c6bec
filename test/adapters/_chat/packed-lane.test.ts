import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, describe, expect, it} from 'vitest';
import {openai} from '../../../adapters/openai.ts';
import {openAsking} from '../../../src/ask/asking.ts';
import {askAll} from '../../../src/ask/batches.ts';
import {PendingError} from '../../../src/errors.ts';
import type {LabelAnswer, Outcome, Query} from '../../../src/teacher.ts';
import {type BatchServer, batchServer, laneIn} from '../batch-server.ts';
import {labelOf, objectText} from './pack-server.ts';

const classes = ['billing', 'fault', 'praise'];
const queries = Array.from({length: 20}, (_, index): Query => ({input: {kind: 'text', text: `Text ${index}.`}}));
const right = queries.map((_, index) => classes.indexOf(labelOf(`Text ${index}.`, classes)));
const labelsIn = (outcomes: readonly Outcome[]) =>
  outcomes.map(outcome => ('answer' in outcome ? (outcome.answer as LabelAnswer).label : outcome.error.message));

interface Line {
  readonly custom_id: string;
  readonly body: {readonly messages: readonly {readonly content: string}[]};
}

interface PackedBatches extends BatchServer {
  /** The texts of each line, batch by batch. */
  readonly batches: (readonly (readonly string[])[])[];
  /** The texts of each request outside a batch. */
  readonly alone: (readonly string[])[];
  /** @default true */
  hasEnded: boolean;
}

/** OpenAI's batches of a model that leaves out the first answer of every line about several texts. */
async function packedBatches(): Promise<PackedBatches> {
  const service: Omit<PackedBatches, keyof BatchServer> = {batches: [], alone: [], hasEnded: true};
  const {batches, alone} = service;
  const files: string[] = [];
  const completion = (body: Line['body'], isSpoilt: boolean) => {
    const items = Object.entries(JSON.parse(body.messages.at(-1)!.content) as Record<string, string>);
    const fields = items.map(([id, text]) => [id, labelOf(text, classes)] as const);
    const content = objectText(isSpoilt && items.length > 1 ? fields.slice(1) : fields);
    const usage = {prompt_tokens: 10, completion_tokens: 5};
    return {
      texts: items.map(([, text]) => text),
      reply: {choices: [{finish_reason: 'stop', message: {content}}], usage},
    };
  };
  const server = await batchServer(({method, path, body}) => {
    if (path === '/chat/completions') {
      const {texts, reply} = completion(JSON.parse(body) as Line['body'], false);
      alone.push(texts);
      return {body: reply};
    }
    if (path === '/files') {
      const sent = body.split(/\r?\n/).filter(line => line.startsWith('{"custom_id"'));
      const made = sent.map(line => {
        const {custom_id, body: asked} = JSON.parse(line) as Line;
        return {custom_id, ...completion(asked, true)};
      });
      batches.push(made.map(({texts}) => texts));
      // In another order than they were sent in.
      const results = made
        .reverse()
        .map(({custom_id, reply}) => ({custom_id, response: {status_code: 200, body: reply}}));
      files.push(results.map(result => JSON.stringify(result)).join('\n'));
      return {body: {id: `file-${files.length - 1}`}};
    }
    const [, number] = /-(\d+)/.exec(path) ?? [];
    if (path.startsWith('/files')) return {body: files[Number(number)]!};
    const of = number ?? String(files.length - 1);
    const isNew = method === 'POST' && number === undefined;
    const ended = {status: 'completed', output_file_id: `file-${of}`};
    const state = isNew || !service.hasEnded ? {status: 'in_progress'} : ended;
    return {body: {id: `batch-${of}`, created_at: 1, ...state}};
  });
  return Object.assign(service, server);
}

const folders: string[] = [];
afterAll(() => Promise.all(folders.map(folder => rm(folder, {recursive: true}))));

async function newFolder(): Promise<string> {
  folders.push(await mkdtemp(join(tmpdir(), 'limbeck-packed-lane-')));
  return folders.at(-1)!;
}

const teacherAt = (url: string) =>
  openai({model: 'm', classes, output: 'label', url, key: 'k', pack: 8, price: {perMillionInputTokens: 1}});

async function run(server: BatchServer, folder: string, detached: boolean) {
  const asking = await openAsking({
    ...{cache: join(folder, 'answers'), journal: join(folder, 'journal'), onNote: () => {}},
    lane: {detached, sleep: async () => {}},
  });
  const {teacher, ledger} = asking.open(teacherAt(server.url));
  try {
    return {outcomes: await askAll(teacher, queries), ledger: ledger.snapshot()};
  } finally {
    await asking.close();
  }
}

describe('packs in a batch', () => {
  it('are its lines, and an input whose answer is missing has a line of its own in the next one', async () => {
    const server = await packedBatches();
    const {outcomes, ledger} = await run(server, await newFolder(), false);
    expect(labelsIn(outcomes)).toEqual(right);
    expect(server.alone).toEqual([['Text 0.']]);
    expect(server.batches.map(batch => batch.map(line => line.length))).toEqual([
      [8, 8, 3],
      [1, 1, 1],
    ]);
    // One alone, and six lines of batches.
    expect(ledger).toMatchObject({calls: 7, bought: 20, inputTokens: 70});
  });

  it('are collected by a later run', async () => {
    const [server, folder] = [await packedBatches(), await newFolder()];
    server.hasEnded = false;
    const {outcomes} = await run(server, folder, true);
    expect(outcomes.filter(outcome => 'error' in outcome && outcome.error instanceof PendingError)).toHaveLength(19);
    expect(labelsIn(outcomes)[1]).toContain('of 3 requests is under way');
    server.hasEnded = true;
    const {outcomes: collected} = await run(server, folder, false);
    expect(labelsIn(collected)).toEqual(right);
    expect(server.batches.flat(2)).toHaveLength(19 + 3);
  });

  it('hold no image, and say so', () => {
    const lane = laneIn(teacherAt('http://127.0.0.1:9'));
    const image: Query = {input: {kind: 'image', mediaType: 'image/png', bytes: new Uint8Array([0x89])}};
    expect(lane.packs!([image, ...queries]).map(({rows}) => rows.length)).toEqual([8, 8, 4]);
    expect(() => lane.lineOf('a', image)).toThrow('Images are asked about alone, without `pack`.');
  });
});
