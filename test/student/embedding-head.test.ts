import {cp, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {openEncoder} from '../../src/encoder/open.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {type EmbeddingHeadOptions, embeddingHead} from '../../src/student/embedding-head.ts';
import {loadStudent, saveStudent} from '../../src/student/files.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {forgetEmbeddings, readInputs} from '../../src/student/read-inputs.ts';
import type {Student, Task} from '../../src/student/student.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {adam} from '../../src/train/optimizer.ts';
import {train} from '../../src/train/train.ts';
import {peerOrSkip} from '../adapters/peer.ts';
import {testTeacher} from '../teacher-suite.ts';
import {images, imageTask, parameters} from './examples.ts';

const model = join(import.meta.dirname, '../fixtures/tiny-model/cls');
/** What PyTorch answers, see `test/adapters/transformers.test.ts`. */
const expected = JSON.parse(await readFile(join(model, '../cls-expected.json'), 'utf8')) as {
  readonly answers: readonly {
    readonly text: string;
    readonly 'last hidden state': {readonly mean: readonly number[]};
  }[];
};

const task: Task = {classes: ['good', 'bad'], kind: 'text', inputShape: [], preprocessing: {}};
const texts = ['great fun film', 'a great movie', 'I loved it', 'terrible movie', 'an awful film', 'I hated it'];
const inputs = {kind: 'text', count: texts.length, texts} as const;
const labels = Int32Array.from(texts, (_, row) => (row < texts.length / 2 ? 0 : 1));

const missing = await peerOrSkip('@huggingface/transformers');
let folder: string;
let copies = 0;

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
});
afterAll(() => rm(folder, {recursive: true}));

const head = (options: Partial<EmbeddingHeadOptions> = {}, seed = 1): Student =>
  embeddingHead({model, output: 'hidden_states.2', ...options})(task, seed);

async function copyOfModel(): Promise<string> {
  const copy = join(folder, String(copies++));
  await cp(model, copy, {recursive: true});
  return copy;
}

async function trained(): Promise<Student> {
  const student = head({units: [8]});
  const knowledge = trueLabels({inputs, labels}, task.classes);
  const options = {losses: [hardLabels()], seed: 1, epochs: 20, batchSize: 3, optimizer: adam({learningRate: 0.02})};
  for await (const _ of train(student, knowledge, options));
  return student;
}

const tensorsOf = async (...of: Parameters<typeof readInputs>) => (await readInputs(...of)) as TensorInputs;

describe('embeddingHead', () => {
  it('is a plain linear model of an embedding, and knows the frozen one by its hash', () => {
    const student = head();
    expect(student.model.layers.map(({name}) => name)).toEqual(['input', 'logits']);
    expect(parameters(student).all).toBe(64 * 2 + 2);
    const named = (options: Partial<EmbeddingHeadOptions>) => head(options).model.layers.map(({name}) => name);
    expect(named({units: [8]})).toEqual(['input', 'dense_1', 'dropout_1', 'logits']);
    expect(named({units: [8], dropout: 0})).toEqual(['input', 'dense_1', 'logits']);
    expect(student.reading).toEqual({
      kind: 'embeddings',
      path: model,
      file: 'onnx/model.onnx',
      model: expect.stringMatching(/^[0-9a-f]{64}$/),
      output: 'hidden_states.2',
      dimensions: 64,
      tokens: 256,
      length: 10000,
    });
  });

  it('refuses numbers, a folder without a model, and options that are out of range', async () => {
    await expect(predictLogits(head(), images(1, [64]))).rejects.toThrow('reads texts, but the inputs are tensors');
    expect(() => embeddingHead({model})(imageTask([28, 28, 1]), 1)).toThrow('reads texts, but the inputs are tensors');
    expect(() => head({model: folder})).toThrow(InputError);
    expect(() => head({model: folder})).toThrow("config.json can't be read. The folder of an encoder has");
    expect(() => head({file: 'other.onnx'})).toThrow("other.onnx can't be read");
    expect(() => embeddingHead({model, units: [0]})).toThrow('whole numbers of at least 1, got 0');
    expect(() => embeddingHead({model, units: [8], dropout: 1})).toThrow('at least 0 and below 1, got 1');
    expect(() => head({tokens: 0})).toThrow('`tokens` to be a whole number from 1');
  });
});

describe('a student on an encoder in safetensors', () => {
  const encoder = join(import.meta.dirname, '../fixtures/encoder/bert');

  it('needs no other package, and says the same after it was saved', async () => {
    const student = embeddingHead({model: encoder})(task, 1);
    expect(student.reading).toEqual({
      kind: 'embeddings',
      path: encoder,
      file: 'model.safetensors',
      model: expect.stringMatching(/^[0-9a-f]{64}$/),
      output: 'last_hidden_state',
      dimensions: 32,
      tokens: 12,
      length: 10000,
    });
    const opened = await openEncoder(encoder);
    expect((await tensorsOf(student, inputs)).data).toEqual(await opened.encode(texts));
    await opened.close();
    const logits = await predictLogits(student, inputs);
    const place = join(folder, 'on-safetensors');
    await saveStudent(place, student);
    expect(await predictLogits(await loadStudent(place), inputs)).toEqual(logits);
  });

  it('keeps the pooling, and a name in place of a folder', async () => {
    const student = embeddingHead({model: join(encoder, '../roberta')})(task, 1);
    expect(student.reading).toMatchObject({pooling: 'cls'});
    const place = join(folder, 'named');
    await saveStudent(place, student);
    vi.stubEnv('LIMBECK_ENCODER_DIR', join(folder, 'encoders'));
    const lost = await loadStudent(place, {embeddingModel: 'all-minilm-l6-v2'});
    await expect(predictLogits(lost, inputs)).rejects.toThrow('Run `limbeck encoder add all-minilm-l6-v2`.');
    await cp(join(encoder, '../roberta'), join(folder, 'encoders/all-minilm-l6-v2'), {recursive: true});
    const named = await loadStudent(place, {embeddingModel: 'all-minilm-l6-v2'});
    expect(named.reading).toMatchObject({path: 'all-minilm-l6-v2', pooling: 'cls'});
    expect(await predictLogits(named, inputs)).toEqual(await predictLogits(student, inputs));
    vi.unstubAllEnvs();
  });
});

describe.skipIf(missing !== undefined)(`a student on embeddings${missing ? ` (${missing})` : ''}`, () => {
  it('reads the mean of the states that PyTorch gives, of length 1, whatever stands beside a text', async () => {
    const student = head();
    const given = expected.answers.map(({text}) => text);
    const {data, shape} = await tensorsOf(student, {kind: 'text', count: given.length, texts: given});
    expect(shape).toEqual([64]);
    for (const [row, {'last hidden state': states}] of expected.answers.entries()) {
      const norm = Math.hypot(...states.mean);
      for (const [place, value] of states.mean.entries()) expect(data[row * 64 + place]).toBeCloseTo(value / norm, 5);
    }
    // A setting of its own, so that nothing is known of the text yet.
    const alone = await tensorsOf(head({tokens: 255}), {kind: 'text', count: 1, texts: [given[1]!]});
    expect(alone.data).toEqual(data.subarray(64, 128));
  });

  it('reads zeros of a text without tokens, and no further than its length and its tokens', async () => {
    const rows = async (options: Partial<EmbeddingHeadOptions>, ...of: string[]) =>
      (await tensorsOf(head(options), {kind: 'text', count: of.length, texts: of})).data;
    expect((await rows({}, '')).every(value => value === 0)).toBe(true);
    expect(await rows({length: 6}, 'a film and more')).toEqual(await rows({}, 'a film'));
    const long = 'not bad, not good '.repeat(10);
    expect(await rows({tokens: 5}, long)).not.toEqual(await rows({}, long));
    expect(await rows({tokens: 5}, long)).toEqual(await rows({tokens: 5}, `${long} and more`));
  });

  it('learns texts, ends with the same bits in a second run, and says the same after it was saved', async () => {
    const student = await trained();
    const logits = await predictLogits(student, inputs);
    for (const [row, label] of labels.entries()) {
      expect(logits[row * 2 + label]).toBeGreaterThan(logits[row * 2 + 1 - label]!);
    }
    expect(weightsHash(await trained())).toBe(weightsHash(student));
    const place = join(folder, 'student');
    await saveStudent(place, student);
    const loaded = await loadStudent(place);
    expect(loaded.reading).toEqual(student.reading);
    expect(await predictLogits(loaded, inputs)).toEqual(logits);
  });

  it('sends each text through the model once', async () => {
    const copy = await copyOfModel();
    const student = head({model: copy});
    const logits = await predictLogits(student, inputs);
    await rm(copy, {recursive: true});
    expect(await predictLogits(student, inputs)).toEqual(logits);
    // An encoder would hear the signal.
    const signal = AbortSignal.abort(new Error('Enough.'));
    await readInputs(student, inputs, signal);
    forgetEmbeddings();
    await expect(readInputs(student, inputs, signal)).rejects.toThrow('Enough.');
  });

  it('hears a signal between texts', async () => {
    const many = Array.from({length: 200}, (_, index) => `film number ${index}`);
    const asked = [
      (signal: AbortSignal) => predictLogits(head({length: 100}), {kind: 'text', count: 200, texts: many}, {signal}),
      (signal: AbortSignal) =>
        asTeacher(head({length: 101})).ask(
          many.map(text => ({input: {kind: 'text', text}})),
          {signal},
        ),
    ];
    for (const ask of asked) {
      const stop = new AbortController();
      const asking = ask(stop.signal);
      setImmediate(() => stop.abort(new Error('Enough.')));
      await expect(asking).rejects.toThrow('Enough.');
    }
  });

  it('finds its model where it was moved to, and refuses another', async () => {
    const [place, first, moved, other] = [
      join(folder, 'travelled'),
      await copyOfModel(),
      await copyOfModel(),
      await copyOfModel(),
    ];
    const student = head({model: first});
    const logits = await predictLogits(student, inputs);
    await saveStudent(place, student);
    await rm(first, {recursive: true});
    const loaded = await loadStudent(place, {embeddingModel: moved});
    expect(await predictLogits(loaded, inputs)).toEqual(logits);
    expect(asTeacher(loaded).identity).toEqual(asTeacher(student).identity);
    await writeFile(join(other, 'config.json'), `${await readFile(join(other, 'config.json'), 'utf8')}\n`);
    const mistaken = await loadStudent(place, {embeddingModel: other});
    await expect(predictLogits(mistaken, inputs)).rejects.toThrow('is not the one that the student was trained with');
    expect(asTeacher(head({model: other})).identity).not.toEqual(asTeacher(student).identity);
  });

  it('names the tensors that there are where the one asked for is none of states', async () => {
    const read = (output: string) => readInputs(head({output}), inputs);
    await expect(read('last_hidden_state')).rejects.toThrow(/gives no `last_hidden_state`\. It gives: logits, hidden/);
    await expect(read('logits')).rejects.toThrow('`logits` of the model in');
  });
});

describe.skipIf(missing !== undefined)('asTeacher of a student on embeddings', () => {
  testTeacher({
    it,
    teacher: () => asTeacher(head()),
    queries: texts.slice(0, 5).map(text => ({input: {kind: 'text', text}})),
    badQuery: {input: {kind: 'tensor', dtype: 'float32', shape: [1], data: Float32Array.of(1)}},
  });
});
