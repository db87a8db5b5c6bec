import '@tensorflow/tfjs-backend-cpu';
import {homedir} from 'node:os';
import {join} from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {engineFolder, engineRoot, loadTfjsNode, SHARED_TENSORFLOW} from '../../../src/engine/install/load.ts';
import {layers, tf} from '../../../src/engine/tf.ts';
import {hasOwnPackage, temporaryFolder, writeText} from './loopback.ts';

type TensorFlow = typeof tf & typeof layers & {readonly version: Readonly<Record<string, string>>};

/** A tensor with the methods that the functions of TensorFlow.js do without. */
interface Chained extends tf.Tensor {
  add(other: tf.Tensor): Chained;
  sub(other: number): Chained;
  mul(other: number): Chained;
  toInt(): Chained;
  toFloat(): Chained;
}

/** The TensorFlow.js that the tfjs-node of these tests got. */
const got = () => (globalThis as {got?: TensorFlow}).got;

/** An engine whose tfjs-node puts down what it got. */
async function writeEngine(folder: string, source = "globalThis.got = require('@tensorflow/tfjs');"): Promise<void> {
  const modules = join(folder, 'node_modules', '@tensorflow');
  await writeText(join(modules, 'tfjs', 'index.js'), SHARED_TENSORFLOW);
  await writeText(join(modules, 'tfjs-node', 'index.js'), source);
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  delete (globalThis as {got?: TensorFlow}).got;
});

describe('loadTfjsNode', () => {
  it('makes the TensorFlow.js of the program that of tfjs-node', async () => {
    const folder = await temporaryFolder();
    await writeEngine(folder);
    loadTfjsNode(folder);
    expect(got()!.Tensor).toBe(tf.Tensor);
    expect(got()!.engine()).toBe(tf.engine());
    expect(got()!.CustomCallback).toBe(layers.CustomCallback);
    expect(got()!.version['tfjs-core']).toBe(tf.version_core);
  });

  it('gives tensors the methods that kernels of tfjs-node call', async () => {
    const folder = await temporaryFolder();
    await writeEngine(folder);
    loadTfjsNode(folder);
    vi.spyOn(console, 'warn').mockReturnValue();
    await tf.setBackend('cpu');
    const x = tf.tensor1d([1.5, -2]) as tf.Tensor as Chained;
    expect(x.sub(1).mul(4).add(x).arraySync()).toEqual([3.5, -14]);
    expect(x.toInt().dtype).toBe('int32');
    expect(x.toInt().toFloat().dtype).toBe('float32');
    expect(x.toInt().arraySync()).toEqual([1, -2]);
  });

  // A package beside this one comes first, and this machine may have one.
  it.skipIf(hasOwnPackage)('looks into the user’s folder if there is no package beside this one', async () => {
    const root = await temporaryFolder();
    vi.stubEnv('LIMBECK_ENGINE_DIR', root);
    expect(() => loadTfjsNode()).toThrow("Cannot find module '@tensorflow/tfjs-node'");
    await writeEngine(engineFolder(root));
    loadTfjsNode();
    expect(got()!.engine()).toBe(tf.engine());
  });

  it('throws what tfjs-node throws', async () => {
    const folder = await temporaryFolder();
    await writeEngine(folder, "throw new Error('libtensorflow is too old')");
    expect(() => loadTfjsNode(folder)).toThrow('libtensorflow is too old');
  });
});

afterEach(() => void vi.unstubAllEnvs());

describe('engineRoot', () => {
  it('is in the user’s cache, so that it outlives node_modules', () => {
    vi.stubEnv('LIMBECK_ENGINE_DIR', '');
    vi.stubEnv('XDG_CACHE_HOME', '');
    expect(engineRoot()).toBe(join(homedir(), '.cache', 'limbeck', 'engine'));
    vi.stubEnv('XDG_CACHE_HOME', '/caches');
    expect(engineRoot()).toBe('/caches/limbeck/engine');
  });

  it('is where LIMBECK_ENGINE_DIR says', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/caches');
    vi.stubEnv('LIMBECK_ENGINE_DIR', '/engines');
    expect(engineRoot()).toBe('/engines');
  });
});

describe('engineFolder', () => {
  it('differs by machine and not by Node', () => {
    expect(engineFolder('/engines', 'linux-arm64')).toBe('/engines/tfjs-node-4.22.0-linux-arm64');
    expect(engineFolder('/engines')).toBe(`/engines/tfjs-node-4.22.0-${process.platform}-${process.arch}`);
  });
});
