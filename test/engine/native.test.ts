import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {describe, expect, it} from 'vitest';
import {presetTensorFlow} from '../../src/engine/native.ts';
import {needsNativeEngine} from './native-only.ts';

const run = promisify(execFile);

describe('presetTensorFlow', () => {
  const preset = (env: NodeJS.ProcessEnv, cores: number) => {
    presetTensorFlow(env, cores);
    return env;
  };

  it('keeps graphs in the thread that asks for them if cores are few, and TensorFlow quiet everywhere', () => {
    expect(preset({}, 2)).toEqual({TF_CPP_MIN_LOG_LEVEL: '2', TF_NUM_INTEROP_THREADS: '-1'});
    expect(preset({}, 16)).toEqual({TF_CPP_MIN_LOG_LEVEL: '2'});
  });

  it('leaves what the user has set', () => {
    const own = {TF_CPP_MIN_LOG_LEVEL: '0', TF_NUM_INTEROP_THREADS: '2'};
    expect(preset({...own}, 2)).toEqual(own);
  });
});

describe('the thread that asks for a graph', () => {
  needsNativeEngine();

  /** How often the process gave up its core, a call of a compiled chain of small operations. */
  async function switchesPerCall(threads: string): Promise<number> {
    const script = `import {startEngine} from './src/engine/engine.ts';
      import {CompiledCalls} from './src/engine/compiled/compiled-calls.ts';
      import {tf} from './src/engine/tf.ts';
      await startEngine();
      const [calls, x] = [new CompiledCalls(), tf.ones([4, 4])];
      const call = () => tf.tidy(() => calls.call([x], () => tf.matMul(tf.matMul(x, x), x)).dataSync());
      call();
      const before = process.resourceUsage().voluntaryContextSwitches;
      for (let count = 0; count < 200; count++) call();
      console.log((process.resourceUsage().voluntaryContextSwitches - before) / 200);`;
    const env = {...process.env, TF_NUM_INTEROP_THREADS: threads, TF_NUM_INTRAOP_THREADS: '1'};
    const {stdout} = await run('node', ['--import', 'tsx', '--input-type=module', '-e', script], {env});
    return Number(stdout);
  }

  it('runs it if TF_NUM_INTEROP_THREADS is below 0, and passes it to another thread otherwise', async () => {
    expect(await switchesPerCall('-1')).toBeLessThan(0.5);
    expect(await switchesPerCall('1')).toBeGreaterThan(0.9);
  });
});
