import {mkdtemp, readdir, readFile, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {PbfReader} from 'pbf';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {readGraph} from '../../../adapters/_onnx/graph.ts';
import {startEngine} from '../../../src/engine/engine.ts';
import {layers} from '../../../src/engine/tf.ts';
import {InputError} from '../../../src/errors.ts';
import {exportOnnx} from '../../../src/export/onnx/export.ts';
import {quantise, restored} from '../../../src/export/onnx/weights.ts';
import {hashedNgrams} from '../../../src/student/hashed-ngrams.ts';
import {makeStudent} from '../../../src/student/make-student.ts';
import type {Student} from '../../../src/student/student.ts';
import {withVectors} from '../../../src/student/vectors.ts';
import {weightsHash} from '../../../src/student/weights-hash.ts';
import {packageVersion} from '../../../src/version.ts';
import {smallStudent} from '../../student/examples.ts';
import {STUDENTS} from './students.ts';

let folder: string;
beforeAll(startEngine);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-onnx-'));
});
afterEach(() => rm(folder, {recursive: true}));

const classes = ['a', 'b'];
const texts = {classes, kind: 'text', inputShape: [], preprocessing: {}} as const;
const small = (): Student => hashedNgrams({buckets: 64, units: []})(texts, 1);

async function metadataOf(path: string): Promise<Readonly<Record<string, string>>> {
  const entries = new PbfReader(await readFile(path)).readFields<[string, string][]>((tag, found, from) => {
    if (tag !== 14) return;
    const entry = from.readMessage<string[]>((field, values, value) => {
      values[field - 1] = value.readString();
    }, []);
    found.push(entry as [string, string]);
  }, []);
  return Object.fromEntries(entries);
}

describe('exportOnnx', () => {
  it('writes the model, its test vectors, and for texts the functions that read them', async () => {
    const path = join(folder, '2-my student.onnx');
    const {files, bytes, int8} = await exportOnnx(path, small());
    const names = [
      '2-my student.onnx',
      '2-my student.test-vectors.json',
      '_2_my_student_texts.py',
      '_2_my_student_texts.mjs',
    ];
    expect(files).toEqual(names.map(name => join(folder, name)));
    expect((await readdir(folder)).sort()).toEqual(names.toSorted());
    expect((await stat(path)).size).toBe(bytes);
    expect(int8).toBeUndefined();
    const {files: others} = await exportOnnx(join(folder, 'image.onnx'), smallStudent());
    expect(others).toEqual(['image.onnx', 'image.test-vectors.json'].map(name => join(folder, name)));
  });

  it('names inputs and outputs, one of each kind for each head', async () => {
    const path = join(folder, 'heads.onnx');
    await exportOnnx(path, STUDENTS['several heads']!());
    const {inputs, outputs} = readGraph(await readFile(path))!;
    expect(inputs).toEqual([{name: 'buckets', elementType: 6, shape: [undefined, undefined]}]);
    expect(outputs.map(({name, shape}) => [name, shape?.[1]])).toEqual([
      ...[
        ['topic.logits', 3],
        ['topic.probabilities', 3],
      ],
      ...[
        ['is urgent.logits', 2],
        ['is urgent.probabilities', 2],
      ],
      ...[
        ['mood.logits', 4],
        ['mood.probabilities', 4],
      ],
    ]);
  });

  it('gives vectors of length 1 as `embedding`, if the student gives vectors', async () => {
    const path = join(folder, 'vectors.onnx');
    const student = withVectors(hashedNgrams({buckets: 64, units: []}), 3)({...texts, classes: []}, 1);
    const {int8} = await exportOnnx(path, student, {int8: true});
    expect(int8).not.toHaveProperty('sameClass');
    const {outputs} = readGraph(await readFile(path))!;
    expect(outputs.map(({name, shape}) => [name, shape?.[1]])).toEqual([['embedding', 3]]);
    const metadata = await metadataOf(path);
    expect(metadata).toMatchObject({'limbeck.output': 'vector'});
    expect(metadata).not.toHaveProperty('limbeck.heads');
    const {vectors} = JSON.parse(await readFile(join(folder, 'vectors.test-vectors.json'), 'utf8')) as {
      readonly vectors: readonly {readonly text: string; readonly embedding: readonly number[]}[];
    };
    const lengths = vectors.map(({embedding}) => Math.hypot(...embedding));
    // The first text is empty, and has no direction.
    expect(lengths[0]).toBe(0);
    for (const length of lengths.slice(1)) expect(length).toBeCloseTo(1, 5);
    expect(await readFile(join(folder, 'vectors_texts.py'), 'utf8')).toContain('embedding = session.run(["embedding"]');
  });

  it('keeps in the metadata what a program must know, and no path of this machine', async () => {
    const path = join(folder, 'student.onnx');
    const guarantee = {agreement: 0.9, confidence: 0.95, answers: 40, disagreements: 1, localShare: 0.5, bound: 0.09};
    const student = {...small(), calibration: {temperature: 1.25, threshold: 0.5, guarantee}};
    await exportOnnx(path, student, {madeBy: {recipe: 'mails', teacher: {models: ['gpt']}}});
    const metadata = await metadataOf(path);
    expect(JSON.parse(metadata['limbeck.heads']!)).toEqual([
      {classes, temperature: 1.25, threshold: 0.5, guarantee, logits: 'logits', probabilities: 'probabilities'},
    ]);
    expect(metadata['limbeck.weights']).toBe(weightsHash(student));
    expect(JSON.parse(metadata['limbeck.reading']!)).toEqual(student.reading);
    expect(JSON.parse(metadata['limbeck.madeBy']!)).toEqual({recipe: 'mails', teacher: {models: ['gpt']}});
    expect(
      new PbfReader(await readFile(path)).readFields<string[]>((tag, found, from) => {
        if (tag === 2 || tag === 3) found.push(from.readString());
      }, []),
    ).toEqual(['limbeck', packageVersion()]);
    await exportOnnx(path, STUDENTS['embeddingHead']!());
    const {path: _, file: __, ...reading} = STUDENTS['embeddingHead']!().reading as {path: string; file: string};
    expect(JSON.parse((await metadataOf(path))['limbeck.reading']!)).toEqual(reading);
    const heads = STUDENTS['several heads']!();
    await exportOnnx(path, heads);
    const named = JSON.parse((await metadataOf(path))['limbeck.heads']!) as {question: object; temperature: number}[];
    expect(named.map(({question}) => question)).toEqual(heads.heads!.map(({question}) => question));
    expect(named.map(({temperature}) => temperature)).toEqual([1.7, 1, 1]);
  });

  it('says what 8 bits cost, and leaves the weights of the student as they are', async () => {
    const student = STUDENTS['hashedNgrams']!();
    const before = weightsHash(student);
    const {bytes} = await exportOnnx(join(folder, 'whole.onnx'), student);
    const {bytes: less, int8} = await exportOnnx(join(folder, 'small.onnx'), student, {int8: true});
    expect(int8).toMatchObject({bytesBefore: bytes, inputs: 24});
    expect(less / bytes).toBeLessThan(0.27);
    expect(int8!.greatestDifference).toBeGreaterThan(0);
    expect(int8!.greatestDifference).toBeLessThan(0.05);
    expect(int8!.sameClass).toBeLessThanOrEqual(24);
    expect(weightsHash(student)).toBe(before);
  });

  const {dense, permute, embedding, flatten, conv2d, batchNormalization} = layers.layers;
  it.each<[string, () => Student, RegExp]>([
    [
      'a layer of another kind',
      () => own([4, 2], [permute({dims: [2, 1], name: 'turned'}), flatten(), dense({units: 2})]),
      /`turned`.*`Permute`/,
    ],
    [
      'a masked embedding',
      () =>
        own([4], [embedding({inputDim: 5, outputDim: 2, maskZero: true, name: 'words'}), flatten(), dense({units: 2})]),
      /`words`.*masked/,
    ],
    [
      'channels first',
      () =>
        own(
          [2, 6, 6],
          [
            conv2d({filters: 2, kernelSize: 2, dataFormat: 'channelsFirst', name: 'turned'}),
            flatten(),
            dense({units: 2}),
          ],
        ),
      /`turned`.*channels first/,
    ],
    [
      'another axis',
      () => own([3, 4], [batchNormalization({axis: 1, name: 'norm'}), flatten(), dense({units: 2})]),
      /`norm`.*axis 1/,
    ],
    ['another activation', () => own([3], [dense({units: 2, activation: 'swish', name: 'odd'})]), /`odd`.*`swish`/],
    [
      'buckets before another layer than a dense one',
      () => ({...own([64], [batchNormalization({name: 'first'}), dense({units: 2})]), reading: small().reading!}),
      /`first`.*only a dense layer/,
    ],
    ['preprocessed buckets', () => ({...small(), preprocessing: {scale: 2}}), /preprocesses the vectors of texts/],
  ])('refuses %s, and names it', async (_, make, message) => {
    const refused = exportOnnx(join(folder, 'x.onnx'), make());
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(message);
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a file of another name, and one that can not be written', async () => {
    await expect(exportOnnx(join(folder, 'student.bin'), small())).rejects.toThrow('End its name in .onnx');
    await expect(exportOnnx(join(folder, 'no/such.onnx'), small())).rejects.toThrow(/no\/such\.onnx can't be written/);
  });
});

function own(shape: readonly number[], steps: readonly layers.layers.Layer[]): Student {
  const inputs = layers.input({shape: [...shape]});
  const outputs = steps.reduce<unknown>((value, step) => step.apply(value as layers.SymbolicTensor), inputs);
  const model = layers.model({inputs, outputs: outputs as layers.SymbolicTensor});
  return makeStudent({model, classes, preprocessing: {}, output: 'logits'});
}

describe('weights in 8 bits', () => {
  it('differ from their own by half a step at most, of 127 up to the greatest of their output', () => {
    const weights = fc.array(fc.array(fc.float({noNaN: true, min: -1000, max: 1000}), {minLength: 3, maxLength: 3}), {
      minLength: 1,
    });
    fc.assert(
      fc.property(weights, rows => {
        const values = Float32Array.from(rows.flat());
        const quantised = quantise({values, shape: [rows.length, 3]});
        for (const [index, value] of restored(quantised).entries()) {
          const greatest = Math.max(...rows.map(row => Math.abs(row[index % 3]!)));
          expect(Math.abs(value - values[index]!)).toBeLessThanOrEqual(Math.max(greatest / 127, 2 ** -126) * 0.5001);
          expect(quantised.values[index]).toBeGreaterThanOrEqual(-127);
        }
      }),
    );
  });
});
