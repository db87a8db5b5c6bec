import {describe, expect, it} from 'vitest';
import {nativeBackend} from '../../src/engine/compiled/binding.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {studentFor} from '../../src/student/make-student.ts';
import type {Student} from '../../src/student/student.ts';
import {sgd} from '../../src/train/optimizer.ts';
import type {Epoch, TrainOptions} from '../../src/train/options.ts';
import {train} from '../../src/train/train.ts';
import {needsNativeEngine} from '../engine/native-only.ts';
import {type CompiledCase, compiledCases, reorderedCases} from './compiled-cases.ts';

needsNativeEngine();

const cases = compiledCases();
const weightsOf = ({model}: Student): Float32Array[] => model.getWeights().map(weight => weight.dataSync<'float32'>());
const sessions = (): number => nativeBackend()!.binding.getNumOfSavedModels();

interface Trained {
  readonly weights: readonly Float32Array[];
  readonly epochs: readonly Epoch[];
  readonly reasons: readonly string[];
  /** Graphs that were loaded, after each step. */
  readonly graphs: readonly number[];
}

async function trained(
  {student: build, knowledge, options}: CompiledCase,
  more: Partial<TrainOptions>,
): Promise<Trained> {
  const student = build();
  const [epochs, reasons, graphs]: [Epoch[], string[], number[]] = [[], [], []];
  const hooks: Partial<TrainOptions> = {
    onFallback: reason => reasons.push(reason),
    onStep: () => graphs.push(sessions()),
  };
  for await (const epoch of train(student, knowledge, {...options, ...hooks, ...more})) epochs.push(epoch);
  const weights = weightsOf(student);
  student.model.dispose();
  return {weights, epochs, reasons, graphs};
}

describe('a compiled step comes to the weights and losses of 50 plain ones, to the bit:', () => {
  it.each(Object.keys(cases))('%s', async name => {
    const plain = await trained(cases[name]!, {compile: false});
    const compiled = await trained(cases[name]!, {});
    expect(compiled.reasons).toEqual([]);
    expect(plain.graphs).toEqual(new Array(50).fill(0));
    expect(compiled.graphs).toEqual(new Array(50).fill(1));
    expect(compiled.epochs).toEqual(plain.epochs);
    expect(compiled.weights).toEqual(plain.weights);
  });
});

describe('a compiled step comes, but for rounding, to the weights and losses of 50 plain ones:', () => {
  const reordered = reorderedCases();

  it.each(Object.keys(reordered))('%s', async name => {
    const plain = await trained(reordered[name]!, {compile: false});
    const compiled = await trained(reordered[name]!, {});
    expect(compiled.reasons).toEqual([]);
    expect(compiled.graphs).toEqual(new Array(50).fill(1));
    for (const [index, {loss}] of compiled.epochs.entries()) {
      expect(Math.abs(loss / plain.epochs[index]!.loss - 1)).toBeLessThan(1e-4);
    }
    for (const [index, weights] of compiled.weights.entries()) {
      const apart = weights.map((weight, place) => Math.abs(weight - plain.weights[index]![place]!));
      expect(Math.max(...apart)).toBeLessThan(1e-4);
    }
  });
});

describe('compiledStepper', () => {
  it('leaves no tensor and no graph behind, at the end, after a break and after a failure', async () => {
    const {student: build, knowledge, options} = cases['resnet-20, shortcut B']!;
    const student = build();
    for await (const _ of train(student, knowledge, {...options, epochs: 1})) {
      // Weights are made at the first step.
    }
    const before = tf.memory();
    for await (const _ of train(student, knowledge, options)) break;
    const failing = async () => {
      const onStep = () => {
        throw new Error('enough');
      };
      for await (const _ of train(student, knowledge, {...options, onStep})) {
        // It fails before the first epoch.
      }
    };
    await expect(failing()).rejects.toThrow('enough');
    expect(tf.memory()).toMatchObject({numTensors: before.numTensors, numBytes: before.numBytes});
    expect(sessions()).toBe(0);
  });

  it('has the weights of the last step where the loop is left early', async () => {
    const {student: build, knowledge, options} = cases['soft labels']!;
    const left = async (compile: boolean) => {
      const student = build();
      for await (const _ of train(student, knowledge, {...options, compile})) break;
      return weightsOf(student);
    };
    expect(await left(true)).toEqual(await left(false));
  });

  it('falls back where a layer draws random numbers in JavaScript, says why once, and trains all the same', async () => {
    const noisy = (): Student => {
      const input = layers.input({shape: [4, 4, 1]});
      const parts = [
        layers.layers.flatten(),
        layers.layers.gaussianNoise({stddev: 0.1}),
        layers.layers.dense({units: 5, kernelInitializer: 'zeros', name: 'logits'}),
      ];
      const output = parts.reduce((value, layer) => layer.apply(value) as typeof input, input);
      const task = {classes: ['a', 'b', 'c', 'd', 'e'], inputShape: [4, 4, 1], preprocessing: {scale: 1 / 255}};
      return studentFor(task, layers.model({inputs: input, outputs: output, name: 'noisy'}));
    };
    const {reasons, graphs, epochs} = await trained({...cases['soft labels']!, student: noisy}, {});
    expect(reasons).toEqual([
      '`Add` takes a constant that is another each time: a random number made in JavaScript, perhaps',
    ]);
    expect(graphs).toEqual(new Array(50).fill(0));
    expect(epochs).toHaveLength(10);
  });

  it('drops out other values at each step', async () => {
    const {student: build, knowledge, options} = cases['dropout']!;
    const student = build();
    const losses: number[] = [];
    const still = {
      optimizer: sgd({learningRate: 1e-30}),
      batchSize: 76,
      onStep: ({loss}: {loss: number}) => losses.push(loss),
    };
    for await (const _ of train(student, knowledge, {...options, ...still})) {
      // Nothing but the masks changes from step to step.
    }
    expect(new Set(losses).size).toBe(10);
  });
});
