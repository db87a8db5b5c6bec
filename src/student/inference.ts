import {CompiledCalls} from '../engine/compiled/compiled-calls.ts';
import {tf} from '../engine/tf.ts';
import {outputsOf} from './forward.ts';
import {preprocess} from './preprocessing.ts';
import type {Student} from './student.ts';

export interface InferenceOptions {
  /**
   * Runs the forward pass as one graph, where the native engine runs and the model allows it. It is compiled at the first
   * batch, once for batches of any size, and kept as long as the student; changes of the weights show. The numbers are
   * those of the plain pass, to the bit unless a batch norm follows a convolution: the two run as one operation, which
   * rounds otherwise (1e-6 of the greatest).
   *
   * @default true
   */
  readonly compile?: boolean;
  /** Told once, as a clause, why the pass can't be compiled on the native engine; it then runs operation by operation. */
  readonly onFallback?: (reason: string) => void;
}

/**
 * Takes what makes raw inputs [count, ...inputShape], as 32-bit floats. Gives [count, width], row-major: the logits of an
 * input, then the activations of the named layers, one after the other.
 */
export type Inference = (makeRaw: () => tf.Tensor) => Float32Array;

/** A forward pass, and its calls as a graph. */
interface Pass {
  readonly run: (raw: tf.Tensor) => tf.Tensor;
  readonly calls: CompiledCalls;
}

const passes = new WeakMap<Student, Map<string, Pass>>();
/** Frees what TensorFlow holds for a student that is gone. What it is given must not lead to the student. */
const gone = new FinalizationRegistry<CompiledCalls>(calls => calls.dispose());

/**
 * A student in use, not in training: raw inputs to logits and the activations of named layers.
 *
 * @throws InputError where the student has no layer of that name
 */
export function inferenceOf(
  student: Student,
  layerNames: readonly string[],
  {compile = true, onFallback}: InferenceOptions = {},
): Inference {
  const {run, calls} = passOf(student, layerNames);
  let isTold = false;
  return makeRaw => {
    const rows = tf.tidy(() => (compile ? calls.callRows(makeRaw(), run) : run(makeRaw())));
    // Out of the tidy: it looks for tensors in all that leaves it, value by value.
    const values = rows.dataSync<'float32'>();
    rows.dispose();
    if (compile && !isTold && calls.fallback !== undefined) {
      isTold = true;
      onFallback?.(calls.fallback);
    }
    return values;
  };
}

function passOf(student: Student, layerNames: readonly string[]): Pass {
  const known = passes.get(student) ?? new Map<string, Pass>();
  passes.set(student, known);
  const key = JSON.stringify(layerNames);
  const kept = known.get(key);
  if (kept !== undefined) return kept;
  const pass = {run: forwardRows(student, layerNames), calls: new CompiledCalls()};
  known.set(key, pass);
  gone.register(student, pass.calls);
  return pass;
}

function forwardRows(student: Student, layerNames: readonly string[]): Pass['run'] {
  const forward = outputsOf(student, layerNames);
  return raw =>
    tf.tidy(() => {
      const {logits, features} = forward(preprocess(raw, student.preprocessing), {training: false});
      const activations = layerNames.map(name => tf.reshape(features[name]!, [logits.shape[0], -1]));
      return tf.concat([logits, ...activations], 1);
    });
}
