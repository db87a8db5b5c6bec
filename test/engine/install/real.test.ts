import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {describe, expect, it} from 'vitest';
import {installEngine, proveNative} from '../../../src/engine/install/install.ts';
import {engineFolder} from '../../../src/engine/install/load.ts';
import {temporaryFolder} from './loopback.ts';

/** Kernels that lean on what is shared with the program: tensors' methods, and both packages of TensorFlow.js. */
const COMPUTE = `
  import {startNative} from './src/engine/native.ts';
  import {tf} from './src/engine/tf.ts';
  await startNative(process.argv[1]);
  const x = tf.tensor1d([-2, 3]);
  console.log(JSON.stringify({
    backend: tf.getBackend(),
    prelu: tf.prelu(x, tf.scalar(0.5)).arraySync(),
    argMax: tf.argMax(tf.tensor1d([false, true], 'bool')).arraySync(),
    exp: tf.exp(tf.tensor1d([0, 0], 'int32')).arraySync(),
    flipped: tf.image.flipLeftRight(tf.tensor4d([1, 2], [1, 1, 2, 1])).dataSync()[0],
    gradient: tf.grad(value => tf.sum(tf.square(value)))(x).arraySync(),
  }));`;

describe('a real installation', () => {
  it('installs an engine that proves itself and computes', {timeout: 600_000}, async ({skip}) => {
    skip(!process.env['LIMBECK_TEST_ENGINE_INSTALL'], 'downloads 200 MB: set LIMBECK_TEST_ENGINE_INSTALL=1');
    const root = await temporaryFolder();
    // Whatever package is beside this project, the engine is made.
    const prove: typeof proveNative = options =>
      options.folder === undefined ? Promise.resolve({runs: false, why: ''}) : proveNative(options);
    const {version, folder} = await installEngine({root, prove});
    expect(version).toMatch(/^2\.\d+\.\d+$/);
    expect(folder).toBe(engineFolder(root));
    expect((await proveNative({root, folder: engineFolder(root)})).runs).toBe(true);
    const args = ['--import', 'tsx', '--input-type=module', '-e', COMPUTE, engineFolder(root)];
    const {stdout} = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual({
      backend: 'tensorflow',
      prelu: [-1, 3],
      argMax: 1,
      exp: [1, 1],
      flipped: 2,
      gradient: [-4, 6],
    });
  });
});
