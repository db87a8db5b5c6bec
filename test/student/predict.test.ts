import {beforeAll, describe, expect, it} from 'vitest';
import {engineMemory, startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {predictActivations, predictLogits} from '../../src/student/predict.ts';
import {train} from '../../src/train/train.ts';
import {images, smallStudent, tenClasses} from './examples.ts';

beforeAll(startEngine);

describe('predictLogits', () => {
  it('gives the logits of preprocessed inputs, in their order', async () => {
    const student = smallStudent();
    const inputs = images(5, [4, 4, 1]);
    const logits = await predictLogits(student, inputs, {batchSize: 2});
    const values = Float32Array.from(inputs.data, value => value / 255 - 0.5);
    const expected = student.model.predict(tf.tensor4d(values, [5, 4, 4, 1])) as tf.Tensor;
    expect(logits).toHaveLength(50);
    for (const [place, value] of expected.dataSync().entries()) expect(logits[place]).toBeCloseTo(value, 5);
  });

  it('does not depend on the batch size', async () => {
    const student = smallStudent();
    const inputs = images(7, [4, 4, 1]);
    const whole = await predictLogits(student, inputs);
    for (const [place, value] of (await predictLogits(student, inputs, {batchSize: 3})).entries()) {
      expect(value).toBeCloseTo(whole[place]!, 5);
    }
  });

  it('gives the same logits compiled and not, on any engine', async () => {
    const [student, inputs] = [smallStudent(), images(5, [4, 4, 1])];
    const reasons: string[] = [];
    const onFallback = (reason: string) => reasons.push(reason);
    const compiled = await predictLogits(student, inputs, {batchSize: 2, onFallback});
    expect(compiled).toEqual(await predictLogits(student, inputs, {batchSize: 2, compile: false, onFallback}));
    expect(reasons).toEqual([]);
  });

  it('follows the weights of a student in training', async () => {
    const inputs = images(12, [4, 4, 1]);
    const labels = Int32Array.from({length: 12}, (_, row) => row % 10);
    const student = smallStudent();
    const knowledge = trueLabels({inputs, labels}, tenClasses);
    const seen: Float32Array[] = [await predictLogits(student, inputs)];
    for await (const {epoch} of train(student, knowledge, {losses: [hardLabels()], seed: 1, epochs: 3})) {
      seen.push(await predictLogits(student, inputs));
      expect(seen[epoch]).toEqual(await predictLogits(student, inputs, {compile: false}));
      expect(seen[epoch]).not.toEqual(seen[epoch - 1]);
    }
    expect(seen).toHaveLength(4);
  });

  it('leaves no tensor behind', async () => {
    const student = smallStudent();
    const {tensors} = engineMemory();
    await predictLogits(student, images(5, [4, 4, 1]), {batchSize: 2});
    expect(engineMemory().tensors).toBe(tensors);
  });

  it('lets other work have its turn between batches', async () => {
    let turns = 0;
    const turn = () => {
      turns++;
      timer = setImmediate(turn);
    };
    let timer = setImmediate(turn);
    await predictLogits(smallStudent(), images(10, [4, 4, 1]), {batchSize: 1});
    clearImmediate(timer);
    expect(turns).toBeGreaterThanOrEqual(9);
  });

  it('stops between batches after an abort', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const predicted = predictLogits(smallStudent(), images(10, [4, 4, 1]), {batchSize: 1, signal: controller.signal});
    controller.abort(reason);
    await expect(predicted).rejects.toBe(reason);
  });

  it('says what it got and what it needs', async () => {
    const student = smallStudent();
    const wrongShape = predictLogits(student, images(2, [16]));
    await expect(wrongShape).rejects.toThrow(new InputError('Student mlp takes inputs of shape [4, 4, 1], got [16].'));
    const {data, ...rest} = images(2, [4, 4, 1]);
    const wrongType = predictLogits(student, {...rest, dtype: 'float32', data: Float32Array.from(data)});
    await expect(wrongType).rejects.toThrow('takes raw uint8 inputs, got float32');
    const wrongCount = predictLogits(student, {...rest, dtype: 'uint8', data: data.subarray(3)});
    await expect(wrongCount).rejects.toThrow('holds 16 values, got 14.5');
    const text = predictLogits(student, {kind: 'text', count: 1, texts: ['hello']});
    await expect(text).rejects.toThrow('Student mlp takes numbers, but the inputs are texts.');
  });
});

describe('predictActivations', () => {
  it('gives logits and what named layers give, batch by batch', async () => {
    const [student, inputs] = [smallStudent(), images(5, [4, 4, 1])];
    const layer = student.model.layers.at(-2)!;
    const width = (layer.outputShape as number[])[1]!;
    const rows = await predictActivations(student, inputs, [layer.name], {batchSize: 2});
    expect(rows).toHaveLength(5 * (10 + width));
    const [logits] = [await predictLogits(student, inputs)];
    const [kernel, bias] = student.model.layers
      .at(-1)!
      .getWeights()
      .map(weight => weight.dataSync());
    for (let row = 0; row < 5; row++) {
      const own = rows.subarray(row * (10 + width), (row + 1) * (10 + width));
      for (let index = 0; index < 10; index++) {
        expect(own[index]).toBeCloseTo(logits[row * 10 + index]!, 5);
        // The last layer made the logits of these activations.
        let value = bias![index]!;
        for (let axis = 0; axis < width; axis++) value += own[10 + axis]! * kernel![axis * 10 + index]!;
        expect(own[index]).toBeCloseTo(value, 4);
      }
    }
  });

  it('refuses a layer that the student has not', async () => {
    await expect(predictActivations(smallStudent(), images(1, [4, 4, 1]), ['dense_9'])).rejects.toThrow(InputError);
  });
});
