import {execFile} from 'node:child_process';
import {cp, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type TransformersOptions, transformers} from '../../adapters/transformers.ts';
import {predicate} from '../../src/questions.ts';
import type {Query} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {answers, expectClose, floats, messages} from './onnx-models.ts';
import {peerOrSkip} from './peer.ts';

const fixtures = join(import.meta.dirname, '../fixtures/tiny-model');
const path = join(fixtures, 'cls');
const states: TransformersOptions = {path, features: ['hidden_states.2']};

/** PyTorch's answers, written by `test/fixtures/tiny-model/export-onnx.py`. */
const expected = JSON.parse(await readFile(join(fixtures, 'cls-expected.json'), 'utf8')) as {
  readonly answers: readonly {
    readonly text: string;
    readonly logits: readonly number[];
    readonly 'last hidden state': Readonly<Record<'mean' | 'first' | 'last', readonly number[]>>;
  }[];
  readonly post_processor: object;
  readonly 'framed, cut to 8 tokens': readonly {readonly logits: readonly number[]}[];
};

const OTHER = 'multi_label_classification';

const queryOf = (text: string): Query => ({input: {kind: 'text', text}});
const queries = expected.answers.map(({text}) => queryOf(text));
const [number] = floats([[1, 2]]);

const missing = await peerOrSkip('@huggingface/transformers');
let folder: string;
let copies = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
});
afterAll(() => rm(folder, {recursive: true}));

/** A copy of the model with one of its JSON files changed. */
async function changed(file: string, change: object): Promise<string> {
  const copy = join(folder, String(copies++));
  await cp(path, copy, {recursive: true});
  const content = JSON.parse(await readFile(join(copy, file), 'utf8')) as object;
  await writeFile(join(copy, file), JSON.stringify({...content, ...change}));
  return copy;
}

describe.skipIf(missing !== undefined)(`transformers${missing ? ` (${missing})` : ''}`, () => {
  testTeacher({it, teacher: () => transformers(states), queries, badQuery: number!});

  it('gives the logits that PyTorch gives, in one batch of texts of all lengths', async () => {
    const given = answers(await (await transformers({path})).ask(queries));
    for (const [row, {logits}] of given.entries()) expectClose(logits, expected.answers[row]!.logits, 1e-5);
  });

  describe('a multi-label classifier', () => {
    const tags = ['good', 'bad', 'odd'].map(name => predicate(name, `Is it ${name}?`));
    const asked = queries.flatMap(query => tags.map(question => ({...query, question})));
    const make = async () =>
      transformers({...states, path: await changed('config.json', {problem_type: OTHER}), questions: tags});

    testTeacher({
      it,
      teacher: make,
      queries: asked,
      badQuery: {...number!, question: tags[0]},
      skip: {identity: 'each is another copy'},
    });

    it('answers a predicate for each of its classes, with features', async () => {
      const teacher = await make();
      for (const [row, {logits, features}] of answers(await teacher.ask(asked, {detail: teacher.detail})).entries()) {
        const {logits: all, 'last hidden state': state} = expected.answers[Math.floor(row / 3)]!;
        expectClose(logits, [0, all[row % 3]!], 1e-5);
        expectClose(features['hidden_states.2']!.values, state.mean, 1e-5);
      }
    });
  });

  it.each(['mean', 'first', 'last'] as const)('pools the states of tokens: %s', async pooling => {
    const teacher = await transformers({...states, pooling});
    const given = answers(await teacher.ask(queries, {detail: teacher.detail}));
    for (const [row, {features}] of given.entries()) {
      expect(features['hidden_states.2']!.shape).toEqual([64]);
      expectClose(features['hidden_states.2']!.values, expected.answers[row]!['last hidden state'][pooling], 1e-5);
    }
  });

  it('gives inner tensors too', async () => {
    const teacher = await transformers({path, features: ['linear_12', 'tanh']});
    const given = answers(await teacher.ask(queries, {detail: teacher.detail}));
    for (const {features} of given) {
      expectClose(features['tanh']!.values, [...features['linear_12']!.values.map(Math.tanh)], 1e-6);
    }
  });

  it('says of a tensor whose size depends on the length of the text', async () => {
    const teacher = await transformers({path, features: ['val_140']});
    const [said] = messages(await teacher.ask(queries.slice(0, 1), {detail: teacher.detail}));
    expect(said).toBe(
      'Teacher transformers cls: Feature `val_140`: its shape [1, 2, 7, 7] is neither [texts, width] nor [texts, tokens, width].',
    );
  });

  it('cuts a long text before the tokens that end every text, as transformers does', async () => {
    const copy = await changed('tokenizer.json', {post_processor: expected.post_processor});
    const given = answers(await (await transformers({path: copy, maxTokens: 8})).ask(queries));
    for (const [row, {logits}] of given.entries()) {
      expectClose(logits, expected['framed, cut to 8 tokens'][row]!.logits, 1e-5);
    }
  });

  it('lets a text without tokens, and numbers, fail alone', async () => {
    const teacher = await transformers({path});
    const said = messages(await teacher.ask([queryOf(''), queries[0]!, number!]));
    expect(said).toEqual([
      'Teacher transformers cls: The text has no tokens.',
      undefined,
      'Teacher transformers cls: The model takes texts, got numbers.',
    ]);
    expect(messages(await teacher.ask([queryOf('')]))).toEqual([said[0]]);
  });

  it('runs two models at once', async () => {
    const teachers = [await transformers({path}), await transformers({path, name: 'other'})];
    const [first, second] = await Promise.all(teachers.map(teacher => teacher.ask(queries)));
    expect(first).toEqual(second);
    expect(answers(first!)).toHaveLength(queries.length);
  });

  it('fetches nothing, writes nothing, and lets the process end by itself', async () => {
    const program = `
      globalThis.fetch = address => { throw new Error('fetched ' + address); };
      const {transformers} = await import(${JSON.stringify(join(import.meta.dirname, '../../adapters/transformers.ts'))});
      const teacher = await transformers(${JSON.stringify({path})});
      const [{answer}] = await teacher.ask([{input: {kind: 'text', text: 'great fun film'}}]);
      console.log(teacher.classes[answer.logits.indexOf(Math.max(...answer.logits))]);`;
    const flags = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const {stdout, stderr} = await promisify(execFile)(process.execPath, flags, {timeout: 30_000});
    expect({stdout, stderr}).toEqual({stdout: 'positive\n', stderr: ''});
  });
});

describe('what transformers says of a model before it is loaded', () => {
  it('takes the classes of the model, or those that are given', async () => {
    expect((await transformers({path})).classes).toEqual(['positive', 'negative', 'neutral']);
    expect((await transformers({path, classes: ['+', '-', '0']})).classes).toEqual(['+', '-', '0']);
  });

  it('has in its identity what changes answers, and nothing else', async () => {
    const {identity} = await transformers({path});
    const same = {
      path: await changed('config.json', {}),
      name: 'mine',
      threads: 1,
      maxBatch: 7,
      pooling: 'last',
    } as const;
    expect((await transformers({...same, path})).identity).toEqual(identity);
    const others: TransformersOptions[] = [
      states,
      {...states, pooling: 'last'},
      {path, maxTokens: 8},
      {path: await changed('tokenizer.json', {post_processor: expected.post_processor})},
      {path: await changed('tokenizer_config.json', {model_max_length: 16})},
      {path: await changed('config.json', {max_position_embeddings: 16})},
    ];
    const identities = await Promise.all(others.map(async options => (await transformers(options)).identity));
    expect(new Set([identity, ...identities].map(each => JSON.stringify(each))).size).toBe(7);
  });

  it.each<[string, Partial<TransformersOptions>, string]>([
    [
      'no folder',
      {path: '/nowhere'},
      "config.json can't be read. Check `path`, a folder with a model and its tokenizer.",
    ],
    [
      'no model',
      {path: join(fixtures, 'lm'), classes: ['a', 'b']},
      'has no onnx/model.onnx or model.onnx. Export the model to ONNX',
    ],
    ['no such file', {file: 'onnx/model_q8.onnx'}, 'has no onnx/model_q8.onnx.'],
    ['a model of another kind', {file: 'config.json'}, 'is not an ONNX model'],
    ['a model of other inputs', {file: '../../onnx/iris.onnx'}, 'needs `X`, which a text does not give'],
    ['other classes', {classes: ['yes', 'no']}, 'gives 3 values for each input, but there are 2 classes.'],
    ['no such feature', {features: ['last']}, 'has no tensor `last`. Its outputs are `logits`, `hidden_states.0`'],
    ['no tokens', {maxTokens: 0}, 'Expected `maxTokens` to be a whole number above 0, got 0.'],
  ])('refuses %s', async (_, change, message) => {
    await expect(transformers({path, ...change})).rejects.toThrow(message);
  });

  it.each<[string, object, string]>([
    ['several answers at once', {problem_type: 'multi_label_classification'}, 'is one of multi label classification'],
    [
      'classes that are not numbered',
      {id2label: {a: 'x', b: 'y'}},
      'does not number its classes from 0. Give `classes`.',
    ],
    ['a single score', {id2label: {0: 'score'}}, 'gives one score and chooses among no classes.'],
    ['a damaged configuration', {id2label: 'none'}, 'is not the configuration of a model. Save the model again.'],
    ['a model that names no classes', {id2label: undefined}, 'does not name its classes. Give `classes`.'],
  ])('refuses %s', async (_, change, message) => {
    await expect(transformers({path: await changed('config.json', change)})).rejects.toThrow(message);
  });
});
