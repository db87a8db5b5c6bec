import {CompiledCalls} from '../engine/compiled/compiled-calls.ts';
import {tf, valuesOf} from '../engine/tf.ts';
import {enter, forwardFrom, type RawInputs} from './raw-inputs.ts';
import type {Student} from './student.ts';

export interface InferenceOptions {
  /**
   * Runs the forward pass as one graph, if the native engine is used and the model allows it. The graph is compiled at
   * the first batch, once for batches of any size, and kept as long as the student. It sees later changes of the
   * weights. Its numbers equal those of the plain pass to the bit, unless a batch norm follows a convolution: the two
   * run as one operation, which rounds differently (1e-6 of the greatest).
   *
   * @default true
   */
  readonly compile?: boolean | undefined;
  /**
   * Called once with the reason, as a clause, if the pass can't be compiled on the native engine. The pass then runs
   * operation by operation.
   */
  readonly onFallback?: ((reason: string) => void) | undefined;
}

/** Returns [count, width], row-major: the logits of each input, then the activations of the named layers in order. */
export type Inference = (raw: RawInputs) => Float32Array;

/** A forward pass, and its compiled calls. */
interface Pass {
  readonly run: (entered: tf.Tensor) => tf.Tensor;
  readonly calls: CompiledCalls;
}

const passes = new WeakMap<Student, Map<string, Pass>>();
/**
 * Frees TensorFlow's memory for a student that was garbage-collected. The registered value must hold no reference to
 * the student.
 */
const gone = new FinalizationRegistry<CompiledCalls>(calls => calls.dispose());

/**
 * Makes the inference function of a student, from raw inputs to logits and the activations of named layers.
 *
 * @throws InputError if the student has no layer of that name
 */
export function inferenceOf(
  student: Student,
  layerNames: readonly string[],
  {compile = true, onFallback}: InferenceOptions = {},
): Inference {
  let isTold = false;
  return raw => {
    const {run, calls} = passOf(student, raw.kind, layerNames);
    const values = valuesOf(() => (compile ? calls.callRows(enter(student, raw), run) : run(enter(student, raw))));
    if (compile && !isTold && calls.fallback !== undefined) {
      isTold = true;
      onFallback?.(calls.fallback);
    }
    return values;
  };
}

function passOf(student: Student, kind: RawInputs['kind'], layerNames: readonly string[]): Pass {
  const known = passes.get(student) ?? new Map<string, Pass>();
  passes.set(student, known);
  const key = JSON.stringify([kind, ...layerNames]);
  const kept = known.get(key);
  if (kept !== undefined) return kept;
  const pass = {run: forwardRows(student, kind, layerNames), calls: new CompiledCalls()};
  known.set(key, pass);
  gone.register(student, pass.calls);
  return pass;
}

function forwardRows(student: Student, kind: RawInputs['kind'], layerNames: readonly string[]): Pass['run'] {
  const forward = forwardFrom(student, kind, layerNames);
  return entered =>
    tf.tidy(() => {
      const {logits, features} = forward(entered, {training: false});
      const activations = layerNames.map(name => tf.reshape(features[name]!, [logits.shape[0], -1]));
      return tf.concat([logits, ...activations], 1);
    });
}
