import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {EngineError} from '../errors.ts';

const require = createRequire(import.meta.url);

/**
 * The WASM engine's code for processors with vector instructions, which every current browser supports.
 *
 * @throws EngineError if the package lacks it
 */
export async function readWasmBinary(): Promise<Uint8Array> {
  const path = join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), 'tfjs-backend-wasm-simd.wasm');
  try {
    return await readFile(path);
  } catch (cause) {
    throw new EngineError(`There is no ${path}. Install @tensorflow/tfjs-backend-wasm again.`, {cause});
  }
}
