import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {Inputs} from '../../src/data/inputs.ts';
import {KnowledgeError} from '../../src/errors.ts';
import {loadKnowledge, saveKnowledge} from '../../src/knowledge/files.ts';
import {type Tensor, writeTensors} from '../../src/knowledge/safetensors.ts';
import {cases, knowledgeOf, readWhole} from './knowledge-cases.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-knowledge-'));
  path = join(folder, 'digits.safetensors');
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

const [labels] = cases as [(typeof cases)[number]];

describe('knowledge on disk', () => {
  it.each(cases)('comes back bit for bit: %o', async (...parts) => {
    const knowledge = knowledgeOf(parts);
    await saveKnowledge(path, knowledge);
    expect(await loadKnowledge(path)).toEqual(knowledge);
    expect(await readWhole(path)).toEqual(knowledge);
  });

  it('says which inputs are set apart to calibrate, and refuses one that is not there', async () => {
    const knowledge = {...knowledgeOf(labels), calibrationInputs: [1]};
    await saveKnowledge(path, knowledge);
    expect(await loadKnowledge(path)).toEqual(knowledge);
    await saveKnowledge(path, {...knowledge, calibrationInputs: []});
    expect((await loadKnowledge(path)).calibrationInputs).toEqual([]);
    await saveKnowledge(path, {...knowledge, calibrationInputs: [0, 2]});
    await expect(loadKnowledge(path)).rejects.toThrow('it sets input 2 apart, and it holds 2');
  });

  it('says how many inputs were left without an answer', async () => {
    const knowledge = {...knowledgeOf(labels), unanswered: 3};
    await saveKnowledge(path, knowledge);
    expect(await loadKnowledge(path)).toEqual(knowledge);
    expect(await readWhole(path)).toEqual(knowledge);
  });

  it('says how many versions of each input there are, and nothing if there is one', async () => {
    const knowledge = {...knowledgeOf(labels), versions: 2};
    await saveKnowledge(path, knowledge);
    expect(await loadKnowledge(path)).toEqual(knowledge);
    expect(await readWhole(path)).toEqual(knowledge);
    await saveKnowledge(path, {...knowledge, versions: 1});
    expect(await readFile(path, 'latin1')).not.toContain('versions');
    await saveKnowledge(path, {...knowledge, versions: 3});
    const misfit = 'its 2 rows are not 3 versions of each input';
    await expect(loadKnowledge(path)).rejects.toThrow(misfit);
    await expect(readWhole(path)).rejects.toThrow(misfit);
  });

  it('comes back if it holds no rows', async () => {
    const inputs: Inputs = {kind: 'text', count: 0, texts: []};
    const knowledge = knowledgeOf([inputs, {kind: 'label'}, {kind: 'label', count: 0, labels: new Int32Array()}]);
    await saveKnowledge(path, knowledge);
    expect(await loadKnowledge(path)).toEqual(knowledge);
  });

  it('is loaded from a file that the Python package safetensors wrote', async () => {
    const file = fileURLToPath(new URL('../fixtures/knowledge/python.safetensors', import.meta.url));
    expect(await loadKnowledge(file)).toEqual({
      source: {access: 'white-box', identity: {weights: 'sha256:0123'}},
      classes: ['yes', 'no'],
      detail: {kind: 'logits', features: ['pool/out']},
      inputs: {kind: 'text', count: 3, texts: ['good', '', 'naïve 🌱']},
      answers: {
        kind: 'logits',
        count: 3,
        logits: Float32Array.of(1.5, -2, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.1),
        features: {'pool/out': {shape: [2, 2], values: Float32Array.from({length: 12}, (_, index) => index)}},
      },
    });
  });

  it('is written as the format says: length, header padded to 8 bytes, tensors without holes', async () => {
    await saveKnowledge(path, knowledgeOf(labels));
    const file = await readFile(path);
    const length = Number(file.readBigUInt64LE());
    expect(length % 8).toBe(0);
    const header = JSON.parse(file.subarray(8, 8 + length).toString());
    expect(header.__metadata__).toEqual({
      format: 'limbeck.knowledge/1',
      source:
        '{"access":"gray-box","identity":{"service":"made up","labels":["α","b","c"],"nested":{"temperature":0,"stop":null}}}',
      classes: '["α","b","c"]',
      detail: '{"kind":"label"}',
    });
    expect(header['texts.offsets']).toEqual({dtype: 'I64', shape: [3], data_offsets: [0, 24]});
    expect(header.labels).toEqual({dtype: 'I32', shape: [2], data_offsets: [24, 32]});
    expect(header.texts.data_offsets).toEqual([32, file.length - 8 - length]);
    expect(file.readInt32LE(8 + length + 24)).toBe(1);
  });

  it('replaces an older file in one step and leaves nothing else behind', async () => {
    await saveKnowledge(path, knowledgeOf(labels));
    await saveKnowledge(path, knowledgeOf(cases[1]!));
    expect((await loadKnowledge(path)).detail).toEqual({kind: 'votes'});
    const nowhere = join(path, 'x.safetensors');
    await expect(saveKnowledge(nowhere, knowledgeOf(labels))).rejects.toThrow(`${nowhere} can't be written: ENOTDIR`);
    // A folder of that name can't be replaced, which shows only when all is written.
    await expect(saveKnowledge(folder, knowledgeOf(labels))).rejects.toThrow(`${folder} can't be written: `);
    const beside = (await readdir(dirname(folder))).filter(name => name.startsWith(`${basename(folder)}.`));
    expect(beside).toEqual([]);
    expect(await readdir(folder)).toEqual(['digits.safetensors']);
  });
});

describe('a file that is not knowledge', () => {
  /** A good file, changed. */
  async function spoil(change: (file: Buffer) => Buffer): Promise<void> {
    await saveKnowledge(path, knowledgeOf(cases[1]!));
    await writeFile(path, change(await readFile(path)));
  }

  const replaced = (from: string, to: string) => () =>
    spoil(file => Buffer.from(file.toString('latin1').replace(from, to), 'latin1'));

  it.each([
    ['is not there', async () => {}, 'ENOENT'],
    ['is empty', () => writeFile(path, ''), 'it ends too early'],
    ['is cut short', () => spoil(file => file.subarray(0, -1)), 'its tensors need 30 bytes and it holds 29'],
    ['is too long', () => spoil(file => Buffer.concat([file, Buffer.of(0)])), 'need 30 bytes and it holds 31'],
    ['is something else', () => writeFile(path, 'a'.repeat(100)), 'its header claims'],
    ['has no JSON in its header', () => spoil(file => file.fill('x', 8, 9)), 'not valid JSON'],
    ['has a type that is not known', replaced('"U32"', '"U99"'), 'its header is not valid'],
    ['has offsets that overlap', replaced('[0,24]', '[8,24]'), 'a hole or overlap at byte 8'],
    [
      'has a shape that does not fit its bytes',
      replaced('[2,3],"data_offsets"', '[2,4],"data_offsets"'),
      'tensor counts needs',
    ],
  ])('%s', async (_, prepare, reason) => {
    await prepare();
    const error = await loadKnowledge(path).catch((error: unknown) => error as Error);
    if (!(error instanceof KnowledgeError)) throw new Error('It was loaded.');
    await expect(readWhole(path)).rejects.toThrow(error.message);
    expect(error.message).toContain(`${path} can't be read as a safetensors file: `);
    expect(error.message).toContain(reason);
  });

  const metadata = {
    format: 'limbeck.knowledge/1',
    source: '{"access":"black-box","identity":{}}',
    classes: '["a","b"]',
    detail: '{"kind":"label"}',
  };
  const int32 = (...values: number[]): Tensor => ({
    dtype: 'I32',
    shape: [values.length],
    data: Int32Array.from(values),
  });
  const inputs: Tensor = {dtype: 'U8', shape: [2, 1], data: Uint8Array.of(1, 2)};
  const offsets = (...values: bigint[]): Tensor => {
    return {dtype: 'I64', shape: [values.length], data: BigInt64Array.from(values)};
  };
  const text: Tensor = {dtype: 'U8', shape: [2], data: Uint8Array.of(0x61, 0xff)};
  const topK = '{"kind":"top-k","k":1}';
  const pairs: Tensor = {dtype: 'I32', shape: [2, 1], data: Int32Array.of(0, 1)};

  it.each<[string, Partial<typeof metadata>, Record<string, Tensor>, string]>([
    ['another format', {format: 'limbeck.knowledge/2'}, {}, 'its metadata is not valid'],
    ['metadata that is not JSON', {classes: 'a,b'}, {}, 'Expected JSON'],
    ['a detail that is not known', {detail: '{"kind":"guess"}'}, {}, 'its metadata is not valid'],
    ['no inputs', {}, {labels: int32(0, 1)}, 'it has no tensor inputs'],
    ['no answers', {}, {inputs}, 'it has no tensor labels'],
    ['answers of another kind', {detail: '{"kind":"votes"}'}, {inputs, labels: int32(0, 1)}, 'it has no tensor counts'],
    ['more answers than inputs', {}, {inputs, labels: int32(0, 1, 1)}, 'tensor labels has shape [3], expected [2]'],
    ['a dimension too many', {}, {inputs, labels: pairs}, 'tensor labels has shape [2,1], expected [2]'],
    ['answers of another type', {}, {inputs, labels: inputs}, 'tensor labels is of type U8, expected I32'],
    ['inputs of a type that is none of ours', {}, {inputs: offsets(1n), labels: int32(0)}, 'expected U8 or I32 or F32'],
    ['a label that is no class', {}, {inputs, labels: int32(0, 2)}, 'tensor labels names class 2 of 2'],
    ['a label below 0', {}, {inputs, labels: int32(-1, 1)}, 'tensor labels names class -1 of 2'],
    [
      'top-k columns of two widths',
      {detail: topK},
      {inputs, classes: pairs, log_probabilities: inputs},
      'log_probabilities is of type U8',
    ],
    [
      'a missing feature',
      {detail: '{"kind":"logits","features":["x"]}'},
      {inputs, logits: {dtype: 'F32', shape: [2, 2], data: new Float32Array(4)}},
      'it has no tensor features/x',
    ],
    [
      'texts that end elsewhere',
      {},
      {texts: text, 'texts.offsets': offsets(0n, 1n), labels: int32(0)},
      'must rise from 0 to 2',
    ],
    [
      'texts out of order',
      {},
      {texts: text, 'texts.offsets': offsets(0n, 3n, 2n), labels: int32(0, 1)},
      'must rise from 0 to 2',
    ],
    [
      'texts that are not UTF-8',
      {},
      {texts: text, 'texts.offsets': offsets(0n, 1n, 2n), labels: int32(0, 1)},
      'text 1 is not UTF-8',
    ],
  ])('has %s', async (_, changes, tensors, reason) => {
    await writeTensors(path, {metadata: {...metadata, ...changes}, tensors: new Map(Object.entries(tensors))});
    const error = await loadKnowledge(path).catch((error: unknown) => error as Error);
    if (!(error instanceof KnowledgeError)) throw new Error('It was loaded.');
    // Row by row, some of it is found in other words.
    await expect(readWhole(path)).rejects.toThrow(new RegExp(`^${path} can't be (loaded|read)`));
    expect(error.message).toContain(`${path} can't be loaded as knowledge: `);
    expect(error.message).toContain(reason);
  });
});
