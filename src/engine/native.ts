import {createRequire} from 'node:module';
import util from 'node:util';
import {EngineError} from '../errors.ts';
import {tf} from './tf.ts';

const require = createRequire(import.meta.url);

/**
 * Loads `@tensorflow/tfjs-node`, which makes itself the backend of TensorFlow.js.
 *
 * @returns the version of the TensorFlow library
 * @throws EngineError where the package is not installed or its library does not load
 */
export async function startNative(): Promise<string> {
  // TensorFlow's C++ side logs to stderr unless told not to before it loads.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  restoreIsNullOrUndefined();
  let library: {readonly version: {readonly tensorflow?: string; readonly 'tfjs-node': string}};
  try {
    library = quietly(() => require('@tensorflow/tfjs-node'));
  } catch (cause) {
    throw new EngineError(whyNot(cause), {cause});
  }
  await tf.setBackend('tensorflow');
  await tf.ready();
  return library.version['tfjs-node'];
}

/** tfjs-node calls a function that Node 23 took away (tensorflow/tfjs#8609). */
function restoreIsNullOrUndefined(): void {
  const legacy = util as {isNullOrUndefined?: (value: unknown) => boolean};
  legacy.isNullOrUndefined ??= value => value === null || value === undefined;
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
  const message = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause);
  const missing =
    (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && message.includes("'@tensorflow/tfjs-node'");
  return missing
    ? '@tensorflow/tfjs-node is not installed: its native library could not be fetched, or optional packages were left out.'
    : `@tensorflow/tfjs-node does not load: ${message}`;
}
