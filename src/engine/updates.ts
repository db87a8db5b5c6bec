import {float32, nativeBackend, update} from './compiled/binding.ts';
import {tf} from './tf.ts';

/** All tensors have one shape, except the rate, which is a scalar. */
export interface MomentumInputs {
  readonly variable: tf.Tensor;
  readonly velocity: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly rate: tf.Tensor;
}

/**
 * v' = μv + g and θ' = θ − ηv', or in Nesterov's form θ' = θ − η(g + μv'). One operation on the native engine.
 *
 * @returns θ' and v'
 */
export function momentumUpdate(
  {variable, velocity, gradient, rate}: MomentumInputs,
  {momentum, nesterov}: {readonly momentum: number; readonly nesterov: boolean},
): [variable: tf.Tensor, velocity: tf.Tensor] {
  if (nativeBackend()) {
    const attributes = {T: float32, use_nesterov: {kind: 'bool', value: nesterov}} as const;
    const inputs = [rate, gradient, tf.scalar(momentum)];
    return update('ResourceApplyMomentum', attributes, [variable, velocity], inputs) as [tf.Tensor, tf.Tensor];
  }
  const next = tf.add(tf.mul(velocity, momentum), gradient);
  const direction = nesterov ? tf.add(gradient, tf.mul(next, momentum)) : next;
  return [tf.sub(variable, tf.mul(rate, direction)), next];
}

/** All tensors have one shape, except the last two, which are scalars. */
export interface AdamInputs {
  readonly variable: tf.Tensor;
  readonly first: tf.Tensor;
  readonly second: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly stepSize: tf.Tensor;
  readonly epsilon: tf.Tensor;
}

/**
 * m' = m + (1 − β₁)(g − m), v' = v + (1 − β₂)(g² − v) and θ' = θ − stepSize · m' / (√v' + epsilon). One operation on
 * the native engine.
 *
 * @returns θ', m' and v'
 */
export function adamUpdate(
  {variable, first, second, gradient, stepSize, epsilon}: AdamInputs,
  {beta1, beta2}: {readonly beta1: number; readonly beta2: number},
): [variable: tf.Tensor, first: tf.Tensor, second: tf.Tensor] {
  if (nativeBackend()) {
    // Powers of β that are 0 turn off its own corrections of the step size.
    const zero = tf.scalar(0);
    const inputs = [zero, zero, stepSize, tf.scalar(beta1), tf.scalar(beta2), epsilon, gradient];
    const values = [variable, first, second];
    return update('ResourceApplyAdam', {T: float32}, values, inputs) as [tf.Tensor, tf.Tensor, tf.Tensor];
  }
  const m = tf.add(first, tf.mul(tf.sub(gradient, first), 1 - beta1));
  const v = tf.add(second, tf.mul(tf.sub(tf.square(gradient), second), 1 - beta2));
  return [tf.sub(variable, tf.div(tf.mul(m, stepSize), tf.add(tf.sqrt(v), epsilon))), m, v];
}

export function zerosLike(variable: tf.Variable): tf.Variable {
  return variableOf(() => tf.zerosLike(variable));
}

/** A variable copies the handle of its first value, which must be disposed of or it leaks. */
export function variableOf(value: () => tf.Tensor): tf.Variable {
  return tf.tidy(() => tf.variable(value(), false));
}
