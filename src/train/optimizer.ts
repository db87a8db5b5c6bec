import {tf} from '../engine/tf.ts';
import {adamUpdate, momentumUpdate, variableOf, zerosLike} from '../engine/updates.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type RunningRowOptimizer, startLazyAdam} from './lazy-adam.ts';

/** Turns gradients into new weights. */
export interface Optimizer {
  readonly name: string;
  readonly learningRate: number;
  /** Creates the state for these variables, all zero. */
  start(variables: readonly tf.Variable[]): RunningOptimizer;
  /**
   * Creates the state for a matrix of which a step moves only some rows.
   *
   * @default the optimizer moves all rows in every step
   */
  startRows?(matrix: tf.Variable): RunningRowOptimizer;
}

export interface RunningOptimizer {
  /** The state variables, named for checkpoints. */
  readonly slots: readonly tf.Variable[];
  /** Moves each variable by its gradient. `learningRate` is a scalar tensor, so that schedules need no new graph. */
  apply(gradients: readonly tf.Tensor[], learningRate: tf.Scalar): void;
  dispose(): void;
}

export interface SgdOptions {
  /** @default 0.05 */
  readonly learningRate?: number;
  /** @default 0.9 */
  readonly momentum?: number;
  /** @default false */
  readonly nesterov?: boolean;
  /**
   * L2 penalty, added to the gradient.
   *
   * @default 0
   */
  readonly weightDecay?: number;
}

const SGD_KINDS = {
  learningRate: kinds.number,
  momentum: kinds.number,
  nesterov: kinds.flag,
  weightDecay: kinds.number,
} satisfies Shape<SgdOptions>;

/**
 * Stochastic gradient descent with momentum, in the form of Sutskever et al. (2013) that PyTorch uses: v ← μv + g, θ ←
 * θ − ηv.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  checkOptions('sgd', options, SGD_KINDS);
  const {learningRate = 0.05, momentum = 0.9, nesterov = false, weightDecay = 0} = options;
  checkRate(learningRate);
  return {
    name: 'sgd',
    learningRate,
    start(variables) {
      const velocities = momentum === 0 ? [] : variables.map(variable => zerosLike(variable));
      return {
        slots: velocities,
        apply(gradients, rate) {
          tf.tidy(() => {
            for (const [index, variable] of variables.entries()) {
              const gradient = decayed(gradients[index]!, variable, weightDecay);
              const velocity = velocities[index];
              if (velocity === undefined) {
                variable.assign(tf.sub(variable, tf.mul(rate, gradient)));
                continue;
              }
              const [moved, next] = momentumUpdate({variable, velocity, gradient, rate}, {momentum, nesterov});
              velocity.assign(next);
              variable.assign(moved);
            }
          });
        },
        dispose: () => tf.dispose(velocities),
      };
    },
  };
}

export interface AdamOptions {
  /** @default 0.001 */
  readonly learningRate?: number;
  /** @default 0.9 */
  readonly beta1?: number;
  /** @default 0.999 */
  readonly beta2?: number;
  /** @default 1e-8 */
  readonly epsilon?: number;
  /**
   * Decoupled decay (AdamW): θ ← θ − η · weightDecay · θ, in addition to Adam's own update.
   *
   * @default 0
   */
  readonly weightDecay?: number;
}

const ADAM_KINDS = {
  learningRate: kinds.number,
  beta1: kinds.number,
  beta2: kinds.number,
  epsilon: kinds.number,
  weightDecay: kinds.number,
} satisfies Shape<AdamOptions>;

/** Adam, Kingma and Ba (2015), algorithm 1, with the decoupled decay of Loshchilov and Hutter (2019). */
export function adam(options: AdamOptions = {}): Optimizer {
  checkOptions('adam', options, ADAM_KINDS);
  const {learningRate = 0.001} = options;
  checkRate(learningRate);
  const {beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0} = options;
  return {
    name: 'adam',
    learningRate,
    start: variables => startAdam(variables, options),
    // Decay moves all rows.
    ...(weightDecay === 0 && {startRows: matrix => startLazyAdam(matrix, {beta1, beta2, epsilon})}),
  };
}

function startAdam(variables: readonly tf.Variable[], options: AdamOptions): RunningOptimizer {
  const {epsilon = 1e-8, weightDecay = 0} = options;
  // Rounded to 32-bit floats, so that 1 − β is the same number in the averages and in their corrections.
  const [beta1, beta2] = [Math.fround(options.beta1 ?? 0.9), Math.fround(options.beta2 ?? 0.999)];
  const firsts = variables.map(variable => zerosLike(variable));
  const seconds = variables.map(variable => zerosLike(variable));
  // 1 − β₁ᵗ and 1 − β₂ᵗ are variables, because the step number is state of the optimizer. They grow from 0 by c ← βc +
  // (1 − β). Computed as a difference from 1, they would lose half their digits in 32-bit floats.
  const correction1 = variableOf(() => tf.scalar(0));
  const correction2 = variableOf(() => tf.scalar(0));
  const slots = [...firsts, ...seconds, correction1, correction2];
  return {
    slots,
    apply(gradients, rate) {
      tf.tidy(() => {
        correction1.assign(tf.add(tf.mul(correction1, beta1), 1 - beta1));
        correction2.assign(tf.add(tf.mul(correction2, beta2), 1 - beta2));
        // η (m / c₁) / (√(v / c₂) + ε), with the corrections moved out of the averages.
        const secondScale = tf.sqrt(correction2);
        const scalars = {
          stepSize: tf.div(tf.mul(rate, secondScale), correction1),
          epsilon: tf.mul(secondScale, epsilon),
        };
        for (const [index, weights] of variables.entries()) {
          const [first, second, gradient] = [firsts[index]!, seconds[index]!, gradients[index]!];
          const variable = weightDecay === 0 ? weights : tf.sub(weights, tf.mul(weights, tf.mul(rate, weightDecay)));
          const moved = adamUpdate({variable, first, second, gradient, ...scalars}, {beta1, beta2});
          for (const [position, target] of [weights, first, second].entries()) target.assign(moved[position]!);
        }
      });
    },
    dispose: () => tf.dispose(slots),
  };
}

function decayed(gradient: tf.Tensor, variable: tf.Variable, weightDecay: number): tf.Tensor {
  return weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(variable, weightDecay));
}

function checkRate(learningRate: number): void {
  if (!(learningRate > 0)) throw new InputError(`Expected \`learningRate\` to be above 0, got ${learningRate}.`);
}
