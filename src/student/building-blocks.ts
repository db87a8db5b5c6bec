import {mixSeed} from '../data/random.ts';
import {kindRead} from '../data/reading.ts';
import {layers} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {shown} from './input-shape.ts';
import {studentFor} from './make-student.ts';
import type {Preparation, Student, StudentBuilder, Task} from './student.ts';

type Layer = layers.layers.Layer;
type SymbolicTensor = layers.SymbolicTensor;

/** Makes a student whose model ends in the layer `logits`: one number for each class, no softmax. */
export function classifier(
  name: string,
  task: Task,
  seed: number,
  body: (input: SymbolicTensor) => SymbolicTensor,
): Student {
  if (task.kind === 'text') {
    throw new InputError(
      `Student ${name} takes numbers, but the inputs are texts. Give hashedNgrams() or subwordCnn(), which read them.`,
    );
  }
  const inputs = layers.input({shape: [...task.inputShape], name: 'input'});
  const kernelInitializer = glorotUniform(seed, 'logits');
  const logits = layers.layers.dense({name: 'logits', units: task.classes.length, kernelInitializer});
  return studentFor(task, layers.model({name, inputs, outputs: through(body(inputs), logits)}));
}

/**
 * Gives a builder the preparation of the builder that it is made of.
 *
 * @param remake - makes it of a prepared one
 */
export function preparedAs(
  build: StudentBuilder,
  {preparation}: StudentBuilder,
  remake: (prepared: StudentBuilder) => StudentBuilder,
): StudentBuilder {
  if (preparation === undefined) return build;
  const prepare: Preparation['prepare'] = async (...given) => remake(await preparation.prepare(...given));
  return Object.assign(build, {preparation: {...preparation, prepare}});
}

/** @throws InputError if the inputs are no texts */
export function checkTextTask(student: string, {kind, reading}: Task): void {
  if (kind === 'text') return;
  throw new InputError(`Student ${student} reads texts, but the inputs are ${inputsOfKinds(kindRead(reading))}.`);
}

/**
 * Dense layers `dense_1`, …, each followed by a ReLU.
 *
 * @param dropout - share of their outputs that a step leaves out
 */
export function hiddenLayers(units: readonly number[], seed: number, dropout = 0): readonly Layer[] {
  return units.flatMap((width, index) => {
    const name = `dense_${index + 1}`;
    const kernelInitializer = heNormal(seed, name);
    const dense = layers.layers.dense({name, units: width, activation: 'relu', kernelInitializer});
    return dropout > 0 ? [dense, layers.layers.dropout({name: `dropout_${index + 1}`, rate: dropout})] : [dense];
  });
}

/** Applies layers one after the other. */
export function through(value: SymbolicTensor, ...steps: readonly Layer[]): SymbolicTensor {
  return steps.reduce((current, step) => step.apply(current) as SymbolicTensor, value);
}

/** @throws InputError if inputs are not images [height, width, channels] of at least `smallest` pixels a side */
export function checkImages(student: string, shape: readonly number[], smallest: number): void {
  if (shape.length === 3 && shape[0]! >= smallest && shape[1]! >= smallest) return;
  throw new InputError(
    `Student ${student} takes images [height, width, channels] of at least ${smallest} x ${smallest}, got inputs of shape ${shown(shape)}.`,
  );
}

/** @throws InputError if widths are not whole numbers of at least 1 */
export function checkWidths(option: string, widths: readonly number[]): void {
  if (widths.every(width => Number.isInteger(width) && width >= 1)) return;
  throw new InputError(`Expected \`${option}\` to be whole numbers of at least 1, got ${widths.join(', ')}.`);
}

type Initializer = ReturnType<typeof layers.initializers.heNormal>;

/**
 * For layers that a ReLU follows: a truncated normal of variance 2 / inputs. He et al. (2015), Delving deep into
 * rectifiers.
 */
export function heNormal(seed: number, layer: string): Initializer {
  return layers.initializers.heNormal({seed: layerSeed(seed, layer)});
}

/** For layers without a ReLU: uniform, of variance 2 / (inputs + outputs). Glorot and Bengio (2010). */
export function glorotUniform(seed: number, layer: string): Initializer {
  return layers.initializers.glorotUniform({seed: layerSeed(seed, layer)});
}

/** TensorFlow.js treats a seed of 0 as no seed. */
function layerSeed(seed: number, layer: string): number {
  return mixSeed(seed, layer) || 1;
}
