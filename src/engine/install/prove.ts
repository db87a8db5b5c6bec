import {createRequire} from 'node:module';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {runCommand} from './run-command.ts';

/** Whether the native engine runs. */
export type Proof =
  | {readonly runs: true /** Version of TensorFlow. */; readonly version: string}
  | {readonly runs: false /** The last lines of what it said. */; readonly why: string};

export interface ProofOptions {
  /** The folder of native engines. */
  readonly root: string;
  /** An engine's folder, to look at no other place. */
  readonly folder?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Loads the native engine in a process of its own, which it may bring down, and trains a little with it. */
export async function proveNative({root, folder, signal}: ProofOptions): Promise<Proof> {
  const isSource = import.meta.url.endsWith('.ts');
  const script = isSource ? new URL('./proof.ts', import.meta.url) : new URL('./proof.js', import.meta.url);
  const loader = isSource ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [];
  const args = [...loader, fileURLToPath(script), ...(folder === undefined ? [] : [folder])];
  const env = {...process.env, LIMBECK_ENGINE_DIR: root};
  const {end, stdout, lastLines} = await runCommand(process.execPath, args, {env, signal});
  if (end === 0) return {runs: true, version: stdout.trim()};
  if (end === 'SIGILL') return {runs: false, why: 'This processor lacks instructions (AVX) that TensorFlow needs.'};
  return {runs: false, why: lastLines || `The process ended with ${end}.`};
}
