import {tf} from '../engine/tf.ts';
import type {BatchOutputs, BatchTargets, PreparedTerm} from '../losses/loss.ts';
import type {RunningOptimizer} from './optimizer.ts';

/** A weighted term, ready to be computed. */
export interface WeightedTerm extends PreparedTerm {
  readonly weight: number;
}

export interface StepParts {
  /** The student on a raw batch, in training mode. */
  readonly forward: (raw: tf.Tensor) => BatchOutputs;
  readonly terms: readonly WeightedTerm[];
  /** The student's weights and the terms' own. */
  readonly variables: readonly tf.Variable[];
  readonly optimizer: RunningOptimizer;
  /** Greatest global norm of the gradients; undefined does not clip. */
  readonly clipNorm: number | undefined;
}

/** One update of the student. Returns the objective and each term before its weight, [1 + terms]. */
export type Step = (raw: tf.Tensor, targets: BatchTargets, learningRate: tf.Scalar) => tf.Tensor1D;

/** Runs steps, one after another. */
export interface Stepper {
  /** One update. Returns the objective and each term before its weight. Disposes nothing that it was given. */
  run(raw: tf.Tensor, targets: BatchTargets, learningRate: number): Float32Array;
  /** Brings the variables up to date, where a stepper keeps their values elsewhere between steps. */
  sync(): void;
  dispose(): void;
}

/** Runs each operation as it comes. */
export function eagerStepper(step: Step): Stepper {
  return {
    run: (raw, targets, learningRate) =>
      tf.tidy(() => step(raw, targets, tf.scalar(learningRate)).dataSync<'float32'>()),
    sync() {},
    dispose() {},
  };
}

/** Puts forward pass, objective, gradients and update together. */
export function trainingStep({forward, terms, variables, optimizer, clipNorm}: StepParts): Step {
  return (raw, targets, learningRate) =>
    tf.tidy(() => {
      let kept: tf.Tensor1D | undefined;
      const {grads} = tf.variableGrads(() => {
        const outputs = forward(raw);
        const values = terms.map(term => term.value(targets, outputs));
        const total = tf.addN(values.map((value, index) => tf.mul(value, terms[index]!.weight))) as tf.Scalar;
        // Gradients dispose what their function made; the losses must outlive it.
        kept = tf.keep(tf.stack([total, ...values]) as tf.Tensor1D);
        return total;
      }, [...variables]);
      // A layer that no term reaches stays as it is.
      const gradients = variables.map(variable => grads[variable.name] ?? tf.zerosLike(variable));
      optimizer.apply(clipNorm === undefined ? gradients : clipByGlobalNorm(gradients, clipNorm), learningRate);
      const losses = tf.clone(kept!);
      kept!.dispose();
      return losses;
    });
}

/** Scales all gradients by one factor so that their joint norm is at most `limit`. Pascanu et al. (2013), algorithm 1. */
export function clipByGlobalNorm(gradients: readonly tf.Tensor[], limit: number): tf.Tensor[] {
  return tf.tidy(() => {
    const norm = tf.sqrt(tf.addN(gradients.map(gradient => tf.sum(tf.square(gradient)))));
    const factor = tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6)));
    return gradients.map(gradient => tf.mul(gradient, factor));
  });
}
