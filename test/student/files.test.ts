import {cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile} from 'node:fs/promises';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {replaceDirectory} from '../../src/data/files.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {loadStudent, saveStudent, weightsHash} from '../../src/student/files.ts';
import {lenet} from '../../src/student/lenet.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import {architectureHash} from '../../src/student/weights-hash.ts';
import {images, imageTask, smallStudent, tenClasses} from './examples.ts';

let folder: string;
let directory: string;

beforeAll(startEngine);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
  directory = join(folder, 'student');
});
afterEach(() => rm(folder, {recursive: true}));

describe('saveStudent and loadStudent', () => {
  it.each([
    ['mlp', () => smallStudent(), [4, 4, 1]],
    ['lenet', () => lenet({filters: [3, 4], units: 5})(imageTask([16, 16, 1]), 1), [16, 16, 1]],
    ['resnet', () => resnetCifar({depth: 20})(imageTask([8, 8, 3]), 1), [8, 8, 3]],
  ])('bring a %s back to the bit', async (_, make, shape) => {
    const student = make();
    await saveStudent(directory, student, {recipe: 'example'});
    const {model, ...loaded} = await loadStudent(directory);
    const {model: original, ...rest} = student;
    expect(loaded).toEqual(rest);
    expect(weightsHash({...loaded, model})).toBe(weightsHash(student));
    expect(architectureHash(model)).toBe(architectureHash(original));
    expect(model.layers.map(({name}) => name)).toEqual(original.layers.map(({name}) => name));
    const inputs = images(3, shape);
    expect(await predictLogits({...loaded, model}, inputs)).toEqual(await predictLogits(student, inputs));
  });

  it('keep how sure a student may be, with and without a guarantee', async () => {
    const guarantee = {
      agreement: 0.97,
      confidence: 0.95,
      answers: 157,
      disagreements: 1,
      localShare: 0.4,
      bound: 0.0299,
    };
    for (const calibration of [
      {temperature: 1.5, threshold: 0.8},
      {temperature: 1, threshold: 2, guarantee},
    ]) {
      await saveStudent(directory, {...smallStudent(), calibration});
      expect((await loadStudent(directory)).calibration).toEqual(calibration);
    }
  });

  it('writes a model that TensorFlow.js itself loads from an address, as a page does', async () => {
    const student = resnetCifar({depth: 20})(imageTask([8, 8, 3]), 1);
    await saveStudent(directory, student);
    const server = createServer(async (request, response) =>
      response.end(await readFile(join(directory, request.url!))),
    );
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const {port} = server.address() as AddressInfo;
    const model = await layers.loadLayersModel(`http://127.0.0.1:${port}/model.json`);
    server.close();
    server.closeAllConnections();
    const batch = tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 1);
    const [given, expected] = [model, student.model].map(each => (each.predict(batch) as tf.Tensor).dataSync());
    expect(given).toEqual(expected);
  });

  it('writes each weight as it is, and a description for people', async () => {
    const student = smallStudent();
    await saveStudent(directory, student, {seed: 7});
    expect((await readdir(directory)).sort()).toEqual(['limbeck.json', 'model.json', 'weights.bin']);
    const bytes = await readFile(join(directory, 'weights.bin'));
    const [first] = student.model.getLayer('dense_1').getWeights();
    expect(bytes).toHaveLength(4 * student.model.countParams());
    expect(bytes.readFloatLE(4)).toBe(first!.dataSync()[1]);
    expect(JSON.parse(await readFile(join(directory, 'limbeck.json'), 'utf8'))).toEqual({
      format: 'limbeck.student/1',
      classes: tenClasses,
      preprocessing: {scale: 1 / 255, mean: 0.5},
      output: 'logits',
      inputShape: [4, 4, 1],
      dtype: 'uint8',
      madeBy: {seed: 7},
    });
  });

  it('put a student in the place of another and leave nothing else there', async () => {
    await saveStudent(directory, smallStudent(1));
    await saveStudent(directory, smallStudent(2));
    expect(weightsHash(await loadStudent(directory))).toBe(weightsHash(smallStudent(2)));
    expect(await readdir(folder)).toEqual(['student']);
  });

  it('refuse to replace a directory that holds other files', async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'thesis.txt'), 'years of work');
    const saved = saveStudent(directory, smallStudent());
    await expect(saved).rejects.toThrow(InputError);
    await expect(saved).rejects.toThrow('holds other files (thesis.txt), which would be lost');
    expect(await readdir(directory)).toEqual(['thesis.txt']);
    expect(await readdir(folder)).toEqual(['student']);
  });

  it('keep the old student when writing the new one fails', async () => {
    await saveStudent(directory, smallStudent(1));
    const failed = replaceDirectory(directory, ['model.json', 'weights.bin', 'limbeck.json'], async temporary => {
      await writeFile(join(temporary, 'model.json'), '{');
      throw new Error('no space left on device');
    });
    await expect(failed).rejects.toThrow(/^Cannot write .*: no space left on device\. Check/);
    expect(weightsHash(await loadStudent(directory))).toBe(weightsHash(smallStudent(1)));
    expect(await readdir(folder)).toEqual(['student']);
  });
});

describe('loadStudent', () => {
  beforeEach(() => saveStudent(directory, smallStudent()));
  const file = (name: string) => join(directory, name);

  it.each(['model.json', 'weights.bin'])('names %s when it is missing', async name => {
    await rm(file(name));
    await expect(loadStudent(directory)).rejects.toThrow(
      new InputError(`There is no ${file(name)}. Check the path, or save the model there first.`),
    );
  });

  it.each(['model.json', 'limbeck.json'])('names %s when it is cut short', async name => {
    await truncate(file(name), 40);
    await expect(loadStudent(directory)).rejects.toThrow(`${file(name)} is not JSON`);
  });

  it('counts the bytes of the weights', async () => {
    await truncate(file('weights.bin'), 100);
    await expect(loadStudent(directory)).rejects.toThrow(
      `${file('weights.bin')}: 100 bytes of weights, but model.json describes 904.`,
    );
  });

  it('says what is wrong in limbeck.json', async () => {
    const description = JSON.parse(await readFile(file('limbeck.json'), 'utf8'));
    await writeFile(file('limbeck.json'), JSON.stringify({...description, output: 'guesses'}));
    await expect(loadStudent(directory)).rejects.toThrow(/limbeck\.json can't be used:[\s\S]*output/);
    await writeFile(file('limbeck.json'), JSON.stringify({...description, inputShape: [28, 28, 1]}));
    await expect(loadStudent(directory)).rejects.toThrow(
      'describes inputs [28, 28, 1], but the model beside it takes [4, 4, 1]',
    );
    await writeFile(file('limbeck.json'), JSON.stringify({...description, classes: ['yes', 'no']}));
    await expect(loadStudent(directory)).rejects.toThrow('gives [10] for each input, but there are 2 classes');
  });

  it('tells a file that is no model from one', async () => {
    await writeFile(file('model.json'), '{"format": "graph-model"}');
    await expect(loadStudent(directory)).rejects.toThrow('is not a model of TensorFlow.js');
    await writeFile(file('model.json'), '{"format": "graph-model", "modelTopology": {}, "weightsManifest": []}');
    await expect(loadStudent(directory)).rejects.toThrow('is a graph model');
    await writeFile(
      file('model.json'),
      '{"modelTopology": {"class_name": "Riddle", "config": {}}, "weightsManifest": []}',
    );
    await expect(loadStudent(directory)).rejects.toThrow('does not load');
  });

  it('takes a model without limbeck.json when its classes are given', async () => {
    await rm(file('limbeck.json'));
    await expect(loadStudent(directory)).rejects.toThrow(
      'has no limbeck.json, so its classes are unknown. Give `classes`',
    );
    const student = await loadStudent(directory, {classes: tenClasses, preprocessing: {scale: 2}});
    expect(student).toMatchObject({classes: tenClasses, preprocessing: {scale: 2}, output: 'logits'});
  });

  it('sees that a model without limbeck.json gives probabilities', async () => {
    const model = layers.sequential({
      layers: [layers.layers.dense({units: 2, inputShape: [3], activation: 'softmax'})],
    });
    await saveStudent(join(folder, 'plain'), {
      model,
      classes: ['yes', 'no'],
      preprocessing: {},
      output: 'probabilities',
    });
    await rm(join(folder, 'plain', 'limbeck.json'));
    expect((await loadStudent(join(folder, 'plain'), {classes: ['yes', 'no']})).output).toBe('probabilities');
  });

  it('reads weights in several files and in fewer bits, as converters write them', async () => {
    const json = JSON.parse(await readFile(file('model.json'), 'utf8'));
    const [kernel, bias, ...others] = json.weightsManifest[0].weights;
    const bytes = await readFile(file('weights.bin'));
    const [kernelBytes, biasBytes] = [4 * 16 * 8, 4 * 8];
    json.weightsManifest = [
      {paths: ['shard1.bin'], weights: [{...kernel, quantization: {dtype: 'uint8', scale: 0.5, min: -1}}]},
      {paths: ['shard2.bin', 'shard3.bin'], weights: [bias, ...others]},
    ];
    await cp(directory, join(folder, 'sharded'), {recursive: true});
    directory = join(folder, 'sharded');
    await rm(file('weights.bin'));
    await writeFile(file('model.json'), JSON.stringify(json));
    await writeFile(file('shard1.bin'), Buffer.alloc(16 * 8, 3));
    await writeFile(file('shard2.bin'), bytes.subarray(kernelBytes, kernelBytes + biasBytes));
    await writeFile(file('shard3.bin'), bytes.subarray(kernelBytes + biasBytes));
    const {model} = await loadStudent(directory);
    expect(model.getLayer('dense_1').getWeights()[0]!.dataSync()).toEqual(new Float32Array(16 * 8).fill(0.5));
    const logits = model.getLayer('logits').getWeights()[0]!.dataSync();
    expect(logits).toEqual(smallStudent().model.getLayer('logits').getWeights()[0]!.dataSync());
  });
});

describe('weightsHash', () => {
  it('changes with any weight, and only with them', () => {
    const student = smallStudent();
    const hash = weightsHash(student);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(weightsHash({...student, preprocessing: {scale: 3}})).toBe(hash);
    const bias = student.model.getLayer('logits').weights[1]!;
    bias.write(tf.tensor1d([0, 0, 0, 0, 0, 0, 0, 0, 0, 1e-30]));
    expect(weightsHash(student)).not.toBe(hash);
  });

  it('is not moved by other models of the process', () => {
    const first = weightsHash(smallStudent());
    for (let index = 0; index < 3; index++) smallStudent(index);
    expect(weightsHash(smallStudent())).toBe(first);
  });
});

describe('architectureHash', () => {
  it('is the same for any seed, and another for another activation', () => {
    const withActivation = (activation: 'relu' | 'tanh') =>
      layers.sequential({name: 'm', layers: [layers.layers.dense({name: 'd', units: 2, inputShape: [3], activation})]});
    expect(architectureHash(smallStudent(1).model)).toBe(architectureHash(smallStudent(2).model));
    expect(architectureHash(withActivation('relu'))).not.toBe(architectureHash(withActivation('tanh')));
  });
});
