import {availableParallelism} from 'node:os';
import util from 'node:util';
import {EngineError} from '../errors.ts';
import {loadTfjsNode} from './install/load.ts';
import {registerNativeKernels} from './native-kernels/register.ts';
import {tf} from './tf.ts';

/** With more cores, parallel operations can be worth the cost of passing them to threads. 2 cores were measured. */
const FEW_CORES = 4;

/**
 * Loads `@tensorflow/tfjs-node`, which registers itself as the backend of TensorFlow.js.
 *
 * @param folder - the only engine's folder to load it from
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

/** Sets variables that TensorFlow's C++ side reads when it loads. Variables that the user has set stay. */
export function presetTensorFlow(env: NodeJS.ProcessEnv, cores: number): void {
  // By default it logs to stderr.
  env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  // By default it passes a graph to its own threads at every step and waits for them, which makes a small step a tenth
  // slower. Below 0 it does not. Each operation still uses all cores.
  if (cores <= FEW_CORES) env['TF_NUM_INTEROP_THREADS'] ??= '-1';
}

/**
 * Adds functions that tfjs-node calls to `node:util`: Node 22 warns of both, Node 23 lacks one (tensorflow/tfjs#8609).
 */
export function repairUtil(): void {
  const isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
  Object.assign(util, {isNullOrUndefined, isArray: Array.isArray});
}

/** Suppresses the advice that TensorFlow.js prints on the console, which doesn't belong in a command's output. */
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
