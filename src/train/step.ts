import {withDropoutSeed} from '../engine/layers.ts';
import {tf, valuesOf} from '../engine/tf.ts';
import type {BatchOutputs, PreparedTerm} from '../losses/loss.ts';
import {meanOverQuestions} from '../losses/rows.ts';
import type {Batch} from './batch-source.ts';
import type {RunningOptimizer} from './optimizer.ts';

/** A weighted term, ready to be computed. */
export interface WeightedTerm extends PreparedTerm {
  readonly weight: number;
  /** Index of its lesson. */
  readonly lesson: number;
}

export interface StepParts {
  /** Runs the student on a raw batch, in training mode. Gives the outputs of each lesson. */
  readonly forward: (raw: tf.Tensor) => readonly BatchOutputs[];
  /** How much each lesson counts. */
  readonly lessonWeights: readonly number[];
  readonly terms: readonly WeightedTerm[];
  /** The student's weights and the terms' own. */
  readonly variables: readonly tf.Variable[];
  readonly optimizer: RunningOptimizer;
  /** Greatest global norm of the gradients. Undefined disables clipping. */
  readonly clipNorm: number | undefined;
  /** True if the step also gives the gradient of `raw`. */
  readonly givesInputGradient: boolean;
}

/** A batch as the engine takes it. */
export interface EnteredBatch extends Pick<Batch, 'targets'> {
  /** Raw inputs, [rows, ...shape], or the sums of an embedding bag, [rows, units]. */
  readonly raw: tf.Tensor;
}

/** The inputs of one update. They are tensors, so that a compiled step accepts new values without recompiling. */
export interface StepInputs extends EnteredBatch {
  readonly learningRate: tf.Scalar;
  /** int32, the seed of the dropout masks. */
  readonly seed: tf.Scalar;
  /** Progress of the run, from 0 to 1, for terms that change during it. */
  readonly progress: tf.Scalar;
}

/**
 * One update of the student. It depends only on its inputs and variables, so that it can be compiled. Returns the
 * objective and each term before its weight, [1 + terms], and then the gradient of `raw` if it is asked for.
 */
export type Step = (inputs: StepInputs) => tf.Tensor1D;

/** The settings, besides the batch, that change with each step. */
export interface StepSettings {
  readonly learningRate: number;
  /** Seed of the dropout masks. */
  readonly seed: number;
  /** Progress of the run with this step: 1 at the last. */
  readonly progress: number;
}

/** Runs training steps on batches of one form. */
export interface Stepper<B = Batch> {
  /** Makes one update. Returns what the step gives. Disposes of none of its arguments. */
  run(batch: B, settings: StepSettings): Float32Array;
  /**
   * Updates the variables, if the stepper keeps their values elsewhere between steps: the student's weights, or also the
   * state of the run.
   */
  sync(variables: 'weights' | 'all'): void;
  dispose(): void;
}

/** Runs each operation by itself, without a graph. */
export function eagerStepper(step: Step): Stepper<EnteredBatch> {
  return {
    run: (batch, settings) => valuesOf(() => step(stepInputs(batch, settings))),
    sync() {},
    dispose() {},
  };
}

/** Converts the settings to tensors and joins them with the batch. */
export function stepInputs({raw, targets}: EnteredBatch, {learningRate, seed, progress}: StepSettings): StepInputs {
  return {
    raw,
    targets,
    learningRate: tf.scalar(learningRate),
    seed: tf.scalar(seed, 'int32'),
    progress: tf.scalar(progress),
  };
}

/** Combines forward pass, objective, gradients and update into one step. */
export function trainingStep(parts: StepParts): Step {
  const {forward, lessonWeights, terms, variables, optimizer, clipNorm, givesInputGradient} = parts;
  return ({raw, targets, learningRate, seed, progress}) =>
    tf.tidy(() => {
      let kept: tf.Tensor1D | undefined;
      const loss = () => {
        const outputs = withDropoutSeed(seed, () => forward(raw));
        const values = terms.map(term => term.value(targets[term.lesson]!, outputs[term.lesson]!, progress));
        const total = objective(values, terms, targets, lessonWeights);
        // The gradient function disposes of all tensors made in it, but the losses must outlive it.
        kept = tf.keep(tf.stack([total, ...values]) as tf.Tensor1D);
        return total;
      };
      const of = [...variables, ...(givesInputGradient ? [raw] : [])];
      const {grads} = tf.engine().gradients(loss, of, undefined, true);
      // A layer that no term reaches keeps its weights.
      const all = of.map((each, index) => (grads[index] as tf.Tensor | null) ?? tf.zerosLike(each));
      const gradients = all.slice(0, variables.length);
      optimizer.apply(clipNorm === undefined ? gradients : clipByGlobalNorm(gradients, clipNorm), learningRate);
      const inputGradients = all.slice(variables.length).map(gradient => tf.reshape(gradient, [-1]));
      const losses = tf.concat1d([kept!, ...(inputGradients as tf.Tensor1D[])]);
      kept!.dispose();
      return losses;
    });
}

/** The sum of the weighted terms of one lesson; of several, the mean of their sums. */
function objective(
  values: readonly tf.Scalar[],
  terms: readonly WeightedTerm[],
  targets: StepInputs['targets'],
  lessonWeights: readonly number[],
): tf.Scalar {
  const weighted = values.map((value, index) => tf.mul(value, terms[index]!.weight));
  if (lessonWeights.length === 1) return tf.addN(weighted) as tf.Scalar;
  const sumOf = (lesson: number) =>
    tf.addN(weighted.filter((_, index) => terms[index]!.lesson === lesson)) as tf.Scalar;
  return meanOverQuestions(
    lessonWeights.map((weight, lesson) => ({loss: sumOf(lesson), answered: targets[lesson]!.weights, weight})),
  );
}

/**
 * Scales all gradients by one factor so that their joint norm is at most `limit`. Pascanu et al. (2013), algorithm 1.
 */
export function clipByGlobalNorm(gradients: readonly tf.Tensor[], limit: number): tf.Tensor[] {
  return tf.tidy(() => {
    const norm = tf.sqrt(tf.addN(gradients.map(gradient => tf.sum(tf.square(gradient)))));
    const factor = tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6)));
    return gradients.map(gradient => tf.mul(gradient, factor));
  });
}
