import {createRequire} from 'node:module';
import {availableParallelism} from 'node:os';
import {dirname} from 'node:path';
import {wasm as backend} from '#tensorflow';
import {EngineError} from '../errors.ts';
import {startNative} from './native.ts';
import {tf} from './tf.ts';
import {registerTrainingKernels} from './wasm-kernels/register.ts';

/** The numeric engine that runs, and the reason. Results contain its name and version. */
export interface Engine {
  /** `native` is TensorFlow's C library through `@tensorflow/tfjs-node`; `wasm` runs wherever Node does. */
  readonly name: EngineName;
  /** Version of TensorFlow (native) or of the WASM backend. */
  readonly version: string;
  /**
   * Number of threads that share an operation. The same seed gives the same bits on the same engine, kind of processor
   * and number of threads. Otherwise sums are added in another order, which changes the last digits.
   */
  readonly threads: number;
  /** A sentence that says why this engine runs. */
  readonly reason: string;
}

export type EngineName = 'native' | 'wasm';

let starting: Promise<Engine> | undefined;

/**
 * Starts the engine once in a process: native if it loads, otherwise WASM. The environment variable `LIMBECK_ENGINE`
 * (`native` or `wasm`) forces one of them.
 *
 * @throws EngineError if a forced engine can't start, or if the variable has another value
 */
export function startEngine(): Promise<Engine> {
  starting ??= start(process.env['LIMBECK_ENGINE']);
  return starting;
}

async function start(forced: string | undefined): Promise<Engine> {
  switch (forced) {
    case 'native':
      return native('LIMBECK_ENGINE=native asks for it.');
    case 'wasm':
      return wasm('LIMBECK_ENGINE=wasm asks for it.');
    case undefined:
    case '':
      return startBest();
    default:
      throw new EngineError(`LIMBECK_ENGINE is \`${forced}\`. Set it to \`native\` or \`wasm\`, or unset it.`);
  }
}

async function startBest(): Promise<Engine> {
  try {
    return await native('@tensorflow/tfjs-node is installed and loads.');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return wasm(why);
  }
}

async function native(reason: string): Promise<Engine> {
  const version = await startNative();
  return {name: 'native', version, threads: threadsSet() ?? availableParallelism(), reason};
}

async function wasm(reason: string): Promise<Engine> {
  return {name: 'wasm', version: await startWasm(), threads: 1, reason};
}

/** The number in the environment variable `TF_NUM_INTRAOP_THREADS`; undefined if there is none. */
export function threadsSet(): number | undefined {
  return Number(process.env['TF_NUM_INTRAOP_THREADS']) || undefined;
}

/** Bytes and tensors that the engine holds now, for tests and profiles. */
export function engineMemory(): {readonly tensors: number; readonly bytes: number} {
  const {numTensors, numBytes} = tf.memory();
  return {tensors: numTensors, bytes: numBytes};
}

const require = createRequire(import.meta.url);

/**
 * Starts the WASM backend, with the kernels that training needs and the package lacks.
 *
 * @returns the version of the backend
 */
export async function startWasm(): Promise<string> {
  registerTrainingKernels();
  backend.setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  if (!(await withoutItsListeners(() => tf.setBackend('wasm')))) {
    throw new EngineError(
      'The WASM engine could not start. Check that @tensorflow/tfjs-backend-wasm is installed completely.',
    );
  }
  return backend.version_wasm;
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
