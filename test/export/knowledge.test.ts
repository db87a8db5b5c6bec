import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema} from 'hyparquet';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {InputError, KnowledgeError} from '../../src/errors.ts';
import {exportChat, exportRecords} from '../../src/export/knowledge.ts';
import type {Answers} from '../../src/knowledge/answers.ts';
import {saveKnowledge} from '../../src/knowledge/files.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import type {Detail} from '../../src/teacher.ts';

const classes = ['ham', 'spam', 'list'];
const texts = ['Buy now — "cheap"!\n', 'See you at 5, $& $1', ''];
const count = texts.length;
const logs = (...probabilities: number[]): Float32Array => Float32Array.from(probabilities, Math.log);

const about = (detail: Detail, answers: Answers): Knowledge => ({
  source: {access: 'gray-box', identity: {model: 'm1'}},
  classes,
  detail,
  inputs: {kind: 'text', count, texts},
  answers,
});
const labels = about({kind: 'label'}, {kind: 'label', count, labels: Int32Array.of(1, 0, 2)});
const votes = about({kind: 'votes'}, {kind: 'votes', count, counts: Uint32Array.of(1, 4, 0, 5, 0, 0, 0, 2, 3)});
const whole = about(
  {kind: 'log-probabilities'},
  {kind: 'log-probabilities', count, logProbabilities: logs(0.2, 0.7, 0.1, 1, 0, 0, 0.25, 0.25, 0.5)},
);
const logits = about(
  {kind: 'logits', features: []},
  {kind: 'logits', count, logits: Float32Array.of(1, 2, 3, 0, 0, 0, 5, -5, 0), features: {}},
);
const top = about(
  {kind: 'top-k', k: 2},
  {
    ...{kind: 'top-k', count, k: 2, classes: Int32Array.of(1, 0, 0, -1, 2, 1)},
    logProbabilities: Float32Array.of(...logs(0.7, 0.2), ...logs(0.9), Number.NEGATIVE_INFINITY, ...logs(0.5, 0.3)),
    rest: Float32Array.of(0.1, 0.1, 0.2),
  },
);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-export-'));
});
afterEach(async () => {
  await rm(folder, {recursive: true});
});

type Row = Record<string, unknown>;

async function linesOf(knowledge: Knowledge, options: {readonly top?: number} = {}): Promise<Row[]> {
  const path = join(folder, 'records.jsonl');
  expect(await exportRecords(path, knowledge, options)).toBe(count);
  return parse(await readFile(path, 'utf8'));
}

const parse = (lines: string): Row[] =>
  lines
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Row);

async function rowsOf(knowledge: Knowledge, options: {readonly top?: number} = {}): Promise<Row[]> {
  const path = join(folder, 'records.parquet');
  expect(await exportRecords(path, knowledge, options)).toBe(knowledge.inputs.count);
  return parquetReadObjects({file: await asyncBufferFromFile(path)});
}

describe('records of knowledge', () => {
  it('are texts with the names of their labels, in order', async () => {
    const expected = [
      {text: texts[0], label: 'spam'},
      {text: texts[1], label: 'ham'},
      {text: '', label: 'list'},
    ];
    expect(await linesOf(labels)).toEqual(expected);
    expect(await rowsOf(labels)).toEqual(expected);
  });

  it('hold probabilities by class, the most probable first, to the digits of a 32-bit float', async () => {
    const [first, second, third] = await linesOf(whole);
    expect(JSON.stringify(first)).toBe(
      `{"text":${JSON.stringify(texts[0])},"label":"spam","probabilities":{"spam":0.7,"ham":0.2,"list":0.1}}`,
    );
    expect(second).toEqual({text: texts[1], label: 'ham', probabilities: {ham: 1, spam: 0, list: 0}});
    expect(third).toEqual({text: '', label: 'list', probabilities: {list: 0.5, ham: 0.25, spam: 0.25}});
  });

  it('make probabilities of logits', async () => {
    const [, even, sure] = await linesOf(logits);
    expect(even).toMatchObject({probabilities: {ham: 0.3333333, spam: 0.3333333, list: 0.3333333}});
    const total = Math.exp(5) + Math.exp(-5) + 1;
    expect((sure!['probabilities'] as Row)['list']).toBeCloseTo(1 / total, 7);
  });

  it('name the classes that the teacher named, and how much is left for the others', async () => {
    expect(await linesOf(top)).toEqual([
      {text: texts[0], label: 'spam', probabilities: {spam: 0.7, ham: 0.2}, rest: 0.1},
      {text: texts[1], label: 'ham', probabilities: {ham: 0.9}, rest: 0.1},
      {text: '', label: 'list', probabilities: {list: 0.5, spam: 0.3}, rest: 0.2},
    ]);
  });

  it('name fewer classes if fewer are wanted', async () => {
    expect(await linesOf(whole, {top: 1})).toMatchObject([
      {probabilities: {spam: 0.7}, rest: 0.3},
      {probabilities: {ham: 1}, rest: 0},
      {probabilities: {list: 0.5}, rest: 0.5},
    ]);
  });

  it('hold the log-probabilities of a table as 32-bit floats, with one of probability 0 too', async () => {
    expect(await rowsOf(whole)).toEqual([
      {
        ...{text: texts[0], label: 'spam', classes: ['spam', 'ham', 'list']},
        ...{log_probabilities: [...logs(0.7, 0.2, 0.1)], rest: 0},
      },
      {
        ...{text: texts[1], label: 'ham', classes: ['ham', 'spam', 'list']},
        ...{log_probabilities: [0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], rest: 0},
      },
      {
        ...{text: '', label: 'list', classes: ['list', 'ham', 'spam']},
        ...{log_probabilities: [...logs(0.5, 0.25, 0.25)], rest: 0},
      },
    ]);
    expect((await rowsOf(top))[1]).toEqual({
      ...{text: texts[1], label: 'ham', classes: ['ham']},
      ...{log_probabilities: [...logs(0.9)], rest: Math.fround(0.1)},
    });
  });

  it('hold votes by class', async () => {
    expect((await linesOf(votes))[0]).toEqual({text: texts[0], label: 'spam', votes: {ham: 1, spam: 4, list: 0}});
    expect((await rowsOf(votes))[2]).toEqual({text: '', label: 'list', classes, votes: [0, 2, 3]});
  });

  it('say in a table who answered, and type every column', async () => {
    const path = join(folder, 'records.parquet');
    await exportRecords(path, top);
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(path));
    expect(metadata.key_value_metadata).toEqual([
      {key: 'limbeck.source', value: JSON.stringify(top.source)},
      {key: 'limbeck.classes', value: JSON.stringify(classes)},
    ]);
    const columns = parquetSchema(metadata).children.map(({element: {name, type, converted_type}}) => [
      name,
      type ?? converted_type,
    ]);
    expect(columns).toEqual([
      ['text', 'BYTE_ARRAY'],
      ['label', 'BYTE_ARRAY'],
      ['classes', 'LIST'],
      ['log_probabilities', 'LIST'],
      ['rest', 'FLOAT'],
    ]);
  });

  it.each(['jsonl', 'jsonl.gz', 'parquet'])(
    'come from a file larger than one reading as %s, each once',
    async ending => {
      const many = Array.from({length: 2345}, (_, index) => `text ${index}`);
      const inputs = {kind: 'text', count: many.length, texts: many} as const;
      const answers = {
        kind: 'label',
        count: many.length,
        labels: Int32Array.from(many, (_, index) => index % 3),
      } as const;
      await saveKnowledge(join(folder, 'many.safetensors'), {...labels, inputs, answers});
      const knowledge = await openKnowledge(join(folder, 'many.safetensors'));
      const path = join(folder, `many.${ending}`);
      expect(await exportRecords(path, knowledge)).toBe(2345);
      await knowledge.close();
      expect(await readBack(path)).toEqual(many.map((text, index) => ({text, label: classes[index % 3]})));
    },
  );

  it.each(['jsonl', 'parquet'])('are an empty file that reads as %s if there are none', async ending => {
    const inputs = {kind: 'text', count: 0, texts: []} as const;
    const none = {...labels, inputs, answers: {kind: 'label', count: 0, labels: new Int32Array()} as const};
    const path = join(folder, `none.${ending}`);
    expect(await exportRecords(path, none)).toBe(0);
    expect(await readBack(path)).toEqual([]);
  });
});

describe('conversations of knowledge', () => {
  it('are what the user and the assistant say, the text as it is', async () => {
    const path = join(folder, 'chat.jsonl');
    expect(await exportChat(path, whole)).toBe(count);
    expect(parse(await readFile(path, 'utf8'))[1]).toEqual({
      messages: [
        {role: 'user', content: 'See you at 5, $& $1'},
        {role: 'assistant', content: 'ham'},
      ],
    });
  });

  it.each(['jsonl', 'jsonl.gz', 'parquet'])('hold the prompt and what the system says, as %s', async ending => {
    const path = join(folder, `chat.${ending}`);
    await exportChat(path, labels, {prompt: 'Sort this:\n{text}\n', system: 'Answer by one word.'});
    expect((await readBack(path))[1]).toEqual({
      messages: [
        {role: 'system', content: 'Answer by one word.'},
        {role: 'user', content: 'Sort this:\nSee you at 5, $& $1\n'},
        {role: 'assistant', content: 'ham'},
      ],
    });
  });

  it('need a placeholder for the text', async () => {
    await expect(exportChat(join(folder, 'x.jsonl'), labels, {prompt: 'Sort this.'})).rejects.toThrow(
      'Expected `prompt` to contain {text}',
    );
  });
});

describe('what can’t be exported', () => {
  it('is a name of no format, tensors, and probabilities of answers that have none', async () => {
    const tensors = {kind: 'tensor', dtype: 'uint8', shape: [1], count, data: new Uint8Array(count)} as const;
    await expect(exportRecords(join(folder, 'x.csv'), labels)).rejects.toThrow('End its name in .jsonl');
    await expect(exportRecords(join(folder, 'x.jsonl'), {...labels, inputs: tensors})).rejects.toThrow('only texts');
    await expect(exportRecords(join(folder, 'x.jsonl'), labels, {top: 2})).rejects.toThrow(InputError);
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves what stood there, and no half of a file', async () => {
    await writeFile(join(folder, 'x.jsonl'), 'before');
    const broken = {
      ...{source: labels.source, classes, detail: labels.detail, count: 2000},
      readInputs: async (rows: ArrayLike<number>) => {
        if (rows.length > 0 && rows[0] !== 0) throw new KnowledgeError('The file is cut short.');
        return {kind: 'text', count: rows.length, texts: Array.from(rows, String)} as const;
      },
      readAnswers: async (rows: ArrayLike<number>) =>
        ({kind: 'label', count: rows.length, labels: new Int32Array(rows.length)}) as const,
      close: async () => {},
    };
    await expect(exportRecords(join(folder, 'x.jsonl'), broken)).rejects.toThrow(/^The file is cut short\.$/);
    expect(await readdir(folder)).toEqual(['x.jsonl']);
    expect(await readFile(join(folder, 'x.jsonl'), 'utf8')).toBe('before');
  });

  it('is what has no folder to stand in', async () => {
    await expect(exportRecords(join(folder, 'none', 'x.jsonl'), labels)).rejects.toThrow(
      /none.x\.jsonl can't be written/,
    );
  });
});

async function readBack(path: string): Promise<Row[]> {
  if (path.endsWith('.parquet')) return parquetReadObjects({file: await asyncBufferFromFile(path)});
  const bytes = await readFile(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text === '' ? [] : parse(text);
}
