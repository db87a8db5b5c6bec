import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';

const run = promisify(execFile);

/** A process of its own: an engine is started once in each. */
async function engineWith(setting: string): Promise<{stdout: string; stderr: string; code: number}> {
  const script = `import {startEngine} from './src/engine/engine.ts';
    const {name} = await startEngine().catch(error => ({name: error.name + ': ' + error.message}));
    console.log(name);`;
  const env = {...process.env, LIMBECK_ENGINE: setting};
  const {stdout, stderr} = await run('node', ['--import', 'tsx', '--input-type=module', '-e', script], {env});
  return {stdout: stdout.trim(), stderr, code: 0};
}

describe('startEngine', () => {
  it('starts one engine a process and says which and why', async () => {
    const engine = await startEngine();
    expect(['native', 'wasm']).toContain(engine.name);
    expect(engine.version).toMatch(/^\d+\.\d+/);
    expect(engine.reason).not.toBe('');
    expect(await startEngine()).toBe(engine);
  });

  it('runs WASM where LIMBECK_ENGINE says so, and prints nothing of its own', async () => {
    expect(await engineWith('wasm')).toMatchObject({stdout: 'wasm', stderr: ''});
  });

  it('refuses an engine that it does not know, by name', async () => {
    const {stdout} = await engineWith('gpu');
    expect(stdout).toBe('EngineError: LIMBECK_ENGINE is `gpu`. Set it to `native` or `wasm`, or unset it.');
  });
});
