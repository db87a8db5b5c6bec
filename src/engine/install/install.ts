import {existsSync} from 'node:fs';
import {mkdir, rename, rm, rmdir, stat, utimes} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {EngineError} from '../../errors.ts';
import {checkCompiler, compileBinding, packageFolder} from './compile.ts';
import {fetchJavaScriptPackage} from './javascript-package.ts';
import {engineFolder, engineRoot} from './load.ts';
import {runCommand} from './run-command.ts';
import {type Target, targetOf} from './target.ts';
import {fetchWheel, unpackWheel} from './wheel.ts';

export interface InstallOptions {
  /** Folder of native engines. @default `engineRoot()` */
  readonly root?: string;
  /** The wheel to take the library from. @default the one for this machine */
  readonly target?: Target;
  readonly signal?: AbortSignal;
  /** Called with the progress of a task, from 0 to 1, and its size. */
  readonly onProgress?: (task: string, share: number, detail?: string) => void;
  /** A line for people. */
  readonly onNote?: (line: string) => void;
  /** The proof that an engine runs. @default `proveNative` */
  readonly prove?: typeof proveNative;
}

/** A native engine that runs. */
export interface InstalledEngine {
  /** Version of TensorFlow. */
  readonly version: string;
  /** Its folder; null if the package beside this one already runs. */
  readonly folder: string | null;
  /** True if it ran before. */
  readonly wasThere: boolean;
}

/**
 * Installs the native engine for this user, unless it runs already: the package `@tensorflow/tfjs-node` through npm,
 * TensorFlow's library out of a wheel from the Python package index, and the binding between them, compiled here. The
 * folder gets its final name when the engine has trained a little, so that an incomplete one is never used. A finished
 * download is kept until then.
 *
 * @throws EngineError that says what is missing and what to do, or an AbortError
 */
export async function installEngine(options: InstallOptions = {}): Promise<InstalledEngine> {
  const {root = engineRoot(), signal, onNote, prove = proveNative} = options;
  const folder = engineFolder(root);
  const present = async (): Promise<InstalledEngine | undefined> => {
    const proof = await prove({root, signal});
    return proof.runs
      ? {version: proof.version, folder: existsSync(folder) ? folder : null, wasThere: true}
      : undefined;
  };
  const found = await present();
  if (found !== undefined) return found;
  const target = options.target ?? targetOf();
  await checkCompiler(signal);
  try {
    await mkdir(root, {recursive: true});
    return await withLock(
      join(root, 'lock'),
      async waited =>
        (waited ? await present() : undefined) ?? (await install(folder, {...options, root, target, prove})),
      {signal, onWait: () => onNote?.(`Another installation is under way in ${root}: waiting for it to end.`)},
    );
  } catch (error) {
    throw signal?.aborted ? signal.reason : explained(error, root);
  }
}

const REMOVAL = {recursive: true, force: true, maxRetries: 5};

interface Installation extends InstallOptions {
  readonly root: string;
  readonly target: Target;
  readonly prove: typeof proveNative;
}

async function install(
  folder: string,
  {root, target, prove, signal, onProgress, onNote}: Installation,
): Promise<InstalledEngine> {
  const [staging, downloads] = [join(root, 'staging'), join(root, 'downloads')];
  const fresh = join(staging, 'engine');
  // The holder of the lock can treat this folder as left behind.
  await rm(staging, REMOVAL);
  try {
    await fetchJavaScriptPackage(fresh, signal);
    const wheel = await fetchWheel(target, downloads, join(staging, 'download'), {
      signal,
      onNote,
      onProgress: share =>
        onProgress?.('Downloading TensorFlow', share, `${Math.round((share * target.bytes) / 1e6)} MB`),
    });
    const onUnpacked = (share: number) => onProgress?.('Unpacking', share);
    await unpackWheel(wheel, target, join(packageFolder(fresh), 'deps'), {signal, onProgress: onUnpacked});
    onNote?.('Building the binding.');
    await compileBinding(fresh, target, signal);
    const version = versionOf(await prove({root, folder: fresh, signal}));
    if (existsSync(folder)) await rename(folder, join(staging, 'replaced'));
    await rename(fresh, folder);
    await rm(downloads, REMOVAL);
    return {version, folder, wasThere: false};
  } finally {
    await rm(staging, REMOVAL);
  }
}

function versionOf(proof: Proof): string {
  if (proof.runs) return proof.version;
  throw new EngineError(
    `The native engine was built but does not run:\n${proof.why}\nNothing was installed. The WASM engine runs without it.`,
  );
}

/** Adds to errors of files and disks what failed and what to do. */
function explained(error: unknown, root: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return new EngineError(
    `The native engine could not be installed in ${root}: ${error.message}. Check that the folder is yours and has 1 GB of room; LIMBECK_ENGINE_DIR names another.`,
    {cause: error},
  );
}

/**
 * Removes the engine that {@link installEngine} made and any download that was kept.
 *
 * @param root - @default `engineRoot()`
 * @returns its folder
 */
export async function removeEngine(root: string = engineRoot()): Promise<string> {
  const folder = engineFolder(root);
  const staging = join(root, 'staging');
  await mkdir(root, {recursive: true});
  return withLock(join(root, 'lock'), async () => {
    await rm(staging, REMOVAL);
    // It is renamed first, in one step, so that no half of it is ever found.
    if (existsSync(folder)) await rename(folder, staging);
    await rm(staging, REMOVAL);
    await rm(join(root, 'downloads'), REMOVAL);
    return folder;
  });
}

/** True if the native engine runs. */
type Proof =
  | {readonly runs: true /** Version of TensorFlow. */; readonly version: string}
  | {readonly runs: false /** The last lines of what it said. */; readonly why: string};

interface ProofOptions {
  /** The folder of native engines. */
  readonly root: string;
  /** The only folder to look in. */
  readonly folder?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Loads the native engine in its own process, because it can crash that, and trains a little with it. */
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

interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once if another process holds the lock. */
  readonly onWait?: () => void;
  /**
   * Milliseconds without a sign of life after which a holder is considered dead.
   *
   * @default 10_000
   */
  readonly stale?: number;
}

/**
 * Does work while no other process, on this machine or another that shares the disk, does work under the same lock.
 *
 * @param lock - a folder that exists while the lock is held
 * @param work - gets true if it had to wait
 */
export async function withLock<T>(
  lock: string,
  work: (waited: boolean) => Promise<T>,
  {signal, onWait, stale = 10_000}: LockOptions = {},
): Promise<T> {
  let waited = false;
  while (!(await acquire(lock, stale))) {
    if (!waited) onWait?.();
    waited = true;
    await setTimeout(stale / 40, undefined, {signal});
  }
  const signOfLife = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => {}), stale / 5);
  try {
    return await work(waited);
  } finally {
    clearInterval(signOfLife);
    await rm(lock, {recursive: true, force: true});
  }
}

async function acquire(lock: string, stale: number): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const held = await stat(lock).catch(() => undefined);
  if (held !== undefined && Date.now() - held.mtimeMs > stale) await rmdir(lock).catch(() => {});
  return false;
}
