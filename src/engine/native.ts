import {availableParallelism} from 'node:os';
import util from 'node:util';
import {EngineError} from '../errors.ts';
import {loadTfjsNode} from './install/load.ts';
import {registerNativeKernels} from './native-kernels/register.ts';
import {tf} from './tf.ts';

/** With more, operations side by side may gain what handing them over costs; 2 cores were measured. */
const FEW_CORES = 4;

/**
 * Loads `@tensorflow/tfjs-node`, which makes itself the backend of TensorFlow.js.
 *
 * @param folder - an engine's folder, to take it from there and nowhere else
 * @returns the version of the TensorFlow library
 * @throws EngineError if the package is not installed or its library does not load
 */
export async function startNative(folder?: string): Promise<string> {
  presetTensorFlow(process.env, availableParallelism());
  repairUtil();
  try {
    quietly(() => loadTfjsNode(folder));
    await tf.setBackend('tensorflow');
    registerNativeKernels();
  } catch (cause) {
    throw new EngineError(whyNot(cause), {cause});
  }
  const {binding} = tf.backend() as tf.KernelBackend & {readonly binding: {readonly TF_Version: string}};
  return binding.TF_Version;
}

/** Sets what TensorFlow's C++ side reads when it loads. What the user has set stays. */
export function presetTensorFlow(env: NodeJS.ProcessEnv, cores: number): void {
  // It logs to stderr unless told not to.
  env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  // It would hand a graph over to threads of its own, at every step, and wait for them; a small step takes a tenth longer.
  // Below 0 it does not. Each operation is still shared out among all cores.
  if (cores <= FEW_CORES) env['TF_NUM_INTEROP_THREADS'] ??= '-1';
}

/** Gives back to `node:util` what tfjs-node calls: Node 22 warns of both, Node 23 lacks one (tensorflow/tfjs#8609). */
export function repairUtil(): void {
  const isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
  Object.assign(util, {isNullOrUndefined, isArray: Array.isArray});
}

/** TensorFlow.js greets with advice on the console; a command's output is not its place. */
function quietly<T>(load: () => T): T {
  const {warn, log, info} = console;
  Object.assign(console, {warn() {}, log() {}, info() {}});
  try {
    return load();
  } finally {
    Object.assign(console, {warn, log, info});
  }
}

function whyNot(cause: unknown): string {
  const message = cause instanceof Error ? cause.message.split('\n')[0]!.trim().replace(/\.$/, '') : String(cause);
  const missing =
    (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && message.includes("'@tensorflow/tfjs-node'");
  return missing
    ? '@tensorflow/tfjs-node is not installed: its native library could not be fetched, or optional packages were left out. `limbeck engine install` gets it another way; `npm install @tensorflow/tfjs-node` says which it was.'
    : `@tensorflow/tfjs-node does not load: ${message}. \`limbeck engine install\` makes one that does; \`npm rebuild @tensorflow/tfjs-node\` fetches its library again.`;
}
