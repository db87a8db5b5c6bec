import {cp, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {openai} from '../../adapters/openai.ts';
import {openAsking} from '../../src/ask/asking.ts';
import {askAll} from '../../src/ask/batches.ts';
import type {TextInputs} from '../../src/data/inputs.ts';
import {randomInteger, seededRandom} from '../../src/data/random.ts';
import {openStoreAt} from '../../src/store/store.ts';
import {type AskingWay, planWays} from '../../src/study/ways.ts';
import type {Query, Teacher} from '../../src/teacher.ts';
import {batchServer} from '../adapters/batch-server.ts';
import {fakeTeacher} from '../ask/fake-teacher.ts';

const classes = Array.from({length: 30}, (_, index) => `class number ${index}`);
const price = {perMillionInputTokens: 2, perMillionOutputTokens: 8};
const PACK = 16;

/** Messages of 3 to 40 words. */
const texts = (() => {
  const random = seededRandom(1, 'texts');
  const words = ['please', 'my', 'card', 'invoice', 'was', 'charged', 'twice', 'unbelievable', 'ok', 'transfer', 'a'];
  return Array.from({length: 340}, (_, index) => {
    const count = randomInteger(random, 3, 40);
    return `${index} ${Array.from({length: count}, () => words[randomInteger(random, 0, words.length - 1)]).join(' ')}`;
  });
})();
/** Inputs of a probe are among those of the run. */
const probed = texts.slice(0, 32);
const inputsOf = (some: readonly string[]): TextInputs => ({kind: 'text', count: some.length, texts: some});
const queriesOf = (some: readonly string[]): Query[] => some.map(text => ({input: {kind: 'text', text}}));

/** As tokenizers do: a token for at most five letters, and for each other sign. */
const tokensIn = (text: string): number => text.match(/\p{L}{1,5}|\p{N}{1,3}|[^\p{L}\p{N}\s]/gu)?.length ?? 0;

interface Body {
  readonly messages: readonly {readonly content: string}[];
  readonly response_format: {readonly json_schema: {readonly schema: {readonly $defs?: object}}};
}

function completionOf({messages, response_format}: Body): object {
  const schema = response_format.json_schema.schema;
  const ids = schema.$defs ? Object.keys(JSON.parse(messages.at(-1)!.content) as object) : ['label'];
  const content = JSON.stringify(Object.fromEntries(ids.map(id => [id, classes[3]])));
  const prompt = tokensIn(messages.map(message => message.content).join(' ')) + tokensIn(JSON.stringify(schema));
  return {
    choices: [{finish_reason: 'stop', message: {content}}],
    usage: {prompt_tokens: prompt, completion_tokens: tokensIn(content) + 1},
  };
}

/** A model in OpenAI's protocol, with batches. */
async function startModel(): Promise<string> {
  const files: string[] = [];
  const {url} = await batchServer(({path, body}) => {
    if (path === '/chat/completions') return {body: completionOf(JSON.parse(body) as Body)};
    if (path === '/files') {
      const lines = body.split(/\r?\n/).filter(line => line.startsWith('{"custom_id"'));
      const results = lines.map(line => {
        const {custom_id, body: asked} = JSON.parse(line) as {readonly custom_id: string; readonly body: Body};
        return JSON.stringify({custom_id, response: {status_code: 200, body: completionOf(asked)}});
      });
      files.push(results.join('\n'));
      return {body: {id: `file-${files.length - 1}`}};
    }
    const [, number] = /-(\d+)/.exec(path) ?? [];
    if (path.startsWith('/files')) return {body: files[Number(number)]!};
    const of = number ?? String(files.length - 1);
    return {body: {id: `batch-${of}`, created_at: 1, status: 'completed', output_file_id: `file-${of}`}};
  });
  return url;
}

let url: string;
let folder: string;
beforeAll(async () => {
  url = await startModel();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-ways-'));
});
afterAll(() => rm(folder, {recursive: true}));

const teacherWith = (pack: number): Teacher =>
  openai({model: 'm', classes, output: 'label', url, key: 'k', pack, price, structured: true});

/** @returns what was paid, in US dollars */
async function ask(name: string, pack: number, some: readonly string[], byBatches = false): Promise<number> {
  const asking = await openAsking({
    ...{cache: join(folder, name), journal: join(folder, `${name}-journal`), onNote: () => {}},
    ...(byBatches && {lane: {sleep: async () => {}}}),
  });
  const {teacher, ledger} = asking.open(teacherWith(pack));
  const outcomes = await askAll(teacher, queriesOf(some));
  await asking.close();
  expect(outcomes.filter(outcome => 'error' in outcome)).toEqual([]);
  return ledger.snapshot().usd!;
}

describe('the ways to ask a language model', () => {
  it('are planned to within 3 % of what they then cost, after a probe of 32 inputs', async () => {
    for (const pack of [1, PACK]) await ask('probe', pack, probed);
    const store = openStoreAt(join(folder, 'probe'));
    const ways = await planWays(teacherWith(PACK), inputsOf(texts), {store, byBatches: false});
    await store.close();
    expect(ways.map(({pack, byBatches, isPlanned}) => [pack, byBatches, isPlanned])).toEqual([
      [1, false, false],
      [1, true, false],
      [PACK, false, true],
      [PACK, true, false],
    ]);
    const spent: number[] = [];
    for (const {pack, byBatches} of ways) {
      await cp(join(folder, 'probe'), join(folder, `${pack} ${byBatches}`));
      spent.push(await ask(`${pack} ${byBatches}`, pack, texts, byBatches));
    }
    for (const [index, {usd, keptReplies}] of ways.entries()) {
      expect(keptReplies).toBeGreaterThan(0);
      // The first request of a batch lane goes alone, at its full price.
      expect(Math.abs(usd!.expected / spent[index]! - 1)).toBeLessThan(0.03);
    }
    const cheapest = Math.min(...spent);
    expect(spent.at(-1)).toBe(cheapest);
  });

  it('are shown for a recipe without packs, too, and only where there are several', async () => {
    const store = openStoreAt(join(folder, 'nothing'));
    const waysOf = (teacher: Teacher, inputs = inputsOf(texts)): Promise<readonly AskingWay[]> =>
      planWays(teacher, inputs, {store, byBatches: true});
    expect((await waysOf(teacherWith(1))).map(({pack, isPlanned}) => [pack, isPlanned])).toEqual([
      [1, false],
      [1, true],
      [16, false],
      [16, false],
    ]);
    expect(await waysOf(fakeTeacher({access: 'black-box', detail: {kind: 'label'}}, () => []))).toEqual([]);
    await store.close();
  });
});
