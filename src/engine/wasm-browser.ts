import {wasm} from '#tensorflow';
import {EngineError} from '../errors.ts';
import {tf} from './tf.ts';

/**
 * Starts the WASM backend in a browser, in one thread, because several need special headers from the server.
 *
 * @param binary - the result of `readWasmBinary`, in base64
 * @throws EngineError if the browser can't run it
 */
export function startWasmInBrowser(binary: string): Promise<void> {
  started ??= start(binary);
  return started;
}

/** The backend takes its code only once. */
let started: Promise<void> | undefined;

async function start(binary: string): Promise<void> {
  const url = `data:application/wasm;base64,${binary}`;
  wasm.setWasmPaths({
    'tfjs-backend-wasm.wasm': url,
    'tfjs-backend-wasm-simd.wasm': url,
    'tfjs-backend-wasm-threaded-simd.wasm': url,
  });
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  if (await tf.setBackend('wasm')) return;
  throw new EngineError('WebAssembly could not start in this browser. Use a newer one, or allow WebAssembly in it.');
}
