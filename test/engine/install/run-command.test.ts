import {describe, expect, it} from 'vitest';
import {runCommand, withoutPasswords} from '../../../src/engine/install/run-command.ts';

describe('runCommand', () => {
  it('says how a program ended and what it said last, without passwords', async () => {
    const script = 'for n in 1 2 3 4 5 6 7 8; do echo line $n; done; echo no https://me:secret@host/x >&2; exit 3';
    const {end, stdout, lastLines} = await runCommand('sh', ['-c', script]);
    expect(end).toBe(3);
    expect(stdout).toContain('line 1\n');
    expect(lastLines).toBe('line 4\nline 5\nline 6\nline 7\nline 8\nno https://host/x');
  });

  it('names the signal that ended a program', async () => {
    expect((await runCommand('sh', ['-c', 'kill -ILL $$'])).end).toBe('SIGILL');
  });

  it('throws what Node throws of a program that is not there', async () => {
    await expect(runCommand('limbeck-has-no-such-program', [])).rejects.toMatchObject({code: 'ENOENT'});
  });

  it('ends a program and its children at an abort, and only then fails', async () => {
    const controller = new AbortController();
    const started = performance.now();
    const running = runCommand('sh', ['-c', 'sleep 30 & echo $!; wait'], {signal: controller.signal});
    setTimeout(() => controller.abort(), 200);
    await expect(running).rejects.toThrow(/abort/i);
    // The pipes of a program close once its children have ended too: `sleep` would have held them for 30 s.
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('starts nothing after an abort', async () => {
    const running = runCommand('sh', ['-c', 'exit 0'], {signal: AbortSignal.abort()});
    await expect(running).rejects.toThrow(/abort/i);
  });
});

describe('withoutPasswords', () => {
  it('leaves user and password out of every URL', () => {
    const text = 'ask https://a:b@one/simple, then http://token@two/p@ckage or https://three';
    expect(withoutPasswords(text)).toBe('ask https://one/simple, then http://two/p@ckage or https://three');
  });
});
