import {execFile} from 'node:child_process';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';

const run = promisify(execFile);
const hasNative = canResolve('@tensorflow/tfjs-node');

function canResolve(name: string): boolean {
  try {
    return createRequire(import.meta.url).resolve(name) !== '';
  } catch {
    return false;
  }
}

/** The output of a script in its own process, because an engine starts once per process. */
async function printed(script: string, setting = ''): Promise<{stdout: string; stderr: string}> {
  // An engine that this user installed would stand in for a package that is missing.
  const env = {...process.env, LIMBECK_ENGINE: setting, LIMBECK_ENGINE_DIR: join(import.meta.dirname, 'none')};
  const {stdout, stderr} = await run('node', ['--import', 'tsx', '--input-type=module', '-e', script], {env});
  return {stdout: stdout.trim(), stderr};
}

/** Starts the engine and computes a little: tfjs-node calls what Node deprecates only when it computes. */
function engineWith(setting: string): Promise<{stdout: string; stderr: string}> {
  const script = `import {startEngine} from './src/engine/engine.ts';
    import {tf} from './src/engine/tf.ts';
    try {
      const {name, version} = await startEngine();
      const two = tf.addN([tf.ones([2, 2]), tf.ones([2, 2])]);
      console.log(name, version, tf.sum(tf.topk(tf.concat([two, two]), 1).values).dataSync()[0]);
    } catch (error) {
      console.log(error.name + ': ' + error.message);
    }`;
  return printed(script, setting);
}

describe('startEngine', () => {
  it('starts one engine a process and says which and why', async () => {
    const engine = await startEngine();
    expect(['native', 'wasm']).toContain(engine.name);
    expect(engine.version).toMatch(/^\d+\.\d+/);
    expect(engine.reason).not.toBe('');
    expect(await startEngine()).toBe(engine);
  });

  it('runs WASM if LIMBECK_ENGINE says so, and prints nothing of its own', async () => {
    const {stdout, stderr} = await engineWith('wasm');
    expect(stdout).toMatch(/^wasm 4\.\d+\.\d+ 8$/);
    expect(stderr).toBe('');
  });

  it.runIf(hasNative)('runs native by itself if it is installed, and prints nothing of its own', async () => {
    const {stdout, stderr} = await engineWith('');
    // The version is that of the C library, which is 2 something while TensorFlow.js is at 4.
    expect(stdout).toMatch(/^native 2\.\d+\.\d+ 8$/);
    expect(stderr).toBe('');
  });

  it.runIf(!hasNative)('runs WASM by itself if native is not installed', async () => {
    expect((await engineWith('')).stdout).toMatch(/^wasm /);
  });

  it.runIf(!hasNative)('says what to do if LIMBECK_ENGINE asks for native and it is not installed', async () => {
    const {stdout} = await engineWith('native');
    expect(stdout).toMatch(
      /^EngineError: @tensorflow\/tfjs-node is not installed: .*`npm install @tensorflow\/tfjs-node`/,
    );
  });

  it('refuses an engine that it does not know, by name', async () => {
    const {stdout} = await engineWith('gpu');
    expect(stdout).toBe('EngineError: LIMBECK_ENGINE is `gpu`. Set it to `native` or `wasm`, or unset it.');
  });
});

describe('repairUtil', () => {
  it('gives Node the functions that tfjs-node calls, without a warning that they are old', async () => {
    const script = `import util from 'node:util';
      import {repairUtil} from './src/engine/native.ts';
      delete util.isNullOrUndefined;
      delete util.isArray;
      repairUtil();
      console.log([null, undefined, 0, '', false].map(util.isNullOrUndefined).join(), util.isArray([]), util.isArray({}));`;
    const {stdout, stderr} = await printed(script);
    expect(stdout).toBe('true,true,false,false,false true false');
    expect(stderr).toBe('');
  });
});
