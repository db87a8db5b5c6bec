import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {describe, expect, it} from 'vitest';
import {fateOf, thisProcess} from '../../src/store/owner.ts';

describe('the fate of a process', () => {
  it('is that it lives, of this one and of another that runs', async () => {
    expect(fateOf(thisProcess)).toBe('alive');
    expect(fateOf(JSON.parse(JSON.stringify(thisProcess)))).toBe('alive');
  });

  it('is that it has ended if nothing has its id any more', () => {
    const {pid} = spawnSync(process.execPath, ['--version']);
    expect(fateOf({...thisProcess, pid})).toBe('ended');
  });

  it('is that it has ended if another process has its id', async () => {
    expect(fateOf({...thisProcess, start: 'before'})).toBe('ended');
    const child = spawn('sleep', ['10']);
    expect(fateOf({...thisProcess, pid: child.pid!, start: 'before'})).toBe(
      process.platform === 'linux' ? 'ended' : 'alive',
    );
    child.kill();
    await once(child, 'exit');
  });

  it('is not known from another machine, or after this one was started again', () => {
    expect(fateOf({...thisProcess, space: 'elsewhere'})).toBe('unknown');
  });
});
