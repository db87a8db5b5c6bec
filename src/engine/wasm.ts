import {createRequire} from 'node:module';
import {dirname} from 'node:path';
import * as wasm from '@tensorflow/tfjs-backend-wasm';
import {EngineError} from '../errors.ts';
import {tf} from './tf.ts';
import {registerTrainingKernels} from './wasm-kernels/register.ts';

const require = createRequire(import.meta.url);

/**
 * Starts the WASM backend, with the kernels that training needs and the package lacks.
 *
 * @returns the version of the backend
 */
export async function startWasm(): Promise<string> {
  registerTrainingKernels();
  wasm.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  if (!(await withoutItsListeners(() => tf.setBackend('wasm')))) {
    throw new EngineError(
      'The WASM engine could not start. Check that @tensorflow/tfjs-backend-wasm is installed completely.',
    );
  }
  return wasm.version_wasm;
}

/**
 * The module listens for uncaught errors of the whole process, prints its own minified source and continues. Errors
 * belong to the program, so its listeners are removed.
 */
async function withoutItsListeners<T>(start: () => Promise<T>): Promise<T> {
  const before = FATAL.map(event => process.listeners(event as 'uncaughtException'));
  const started = await start();
  for (const [index, event] of FATAL.entries()) {
    for (const listener of process.listeners(event as 'uncaughtException')) {
      if (!before[index]!.includes(listener)) process.removeListener(event, listener);
    }
  }
  return started;
}

const FATAL = ['uncaughtException', 'unhandledRejection'];
