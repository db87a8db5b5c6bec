import {existsSync} from 'node:fs';
import {mkdir, rename, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {EngineError} from '../../errors.ts';
import {checkCompiler, compileBinding, packageFolder} from './compile.ts';
import {fetchJavaScriptPackage} from './javascript-package.ts';
import {withLock} from './lock.ts';
import {engineFolder, engineRoot} from './place.ts';
import {type Proof, proveNative} from './prove.ts';
import {type Target, targetOf} from './target.ts';
import {unpackWheel} from './unpack.ts';
import {fetchWheel} from './wheel.ts';

export interface InstallOptions {
  /** Folder of native engines. @default `engineRoot()` */
  readonly root?: string;
  /** The wheel to take the library from. @default the one for this machine */
  readonly target?: Target;
  readonly signal?: AbortSignal;
  /** How far a task is, from 0 to 1, and of how much. */
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
  /** Its folder; null where the package beside this one runs by itself. */
  readonly folder: string | null;
  /** Whether it ran before. */
  readonly wasThere: boolean;
}

/**
 * Installs the native engine for this user, unless it runs already: the package `@tensorflow/tfjs-node` through npm,
 * TensorFlow's library out of a wheel from the Python package index, and the binding between them, compiled here. The
 * folder gets its name once the engine has trained a little, so that a half-made one is never taken for an engine. A
 * finished download is kept until then.
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
  // Whoever holds the lock may take what stands here for left behind.
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

/** The errors of files and disks say neither who nor what to do. */
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
    // First its name goes, at once, so that no half of it is ever found.
    if (existsSync(folder)) await rename(folder, staging);
    await rm(staging, REMOVAL);
    await rm(join(root, 'downloads'), REMOVAL);
    return folder;
  });
}
