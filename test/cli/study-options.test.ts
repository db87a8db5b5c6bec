import {describe, expect, it, onTestFinished, vi} from 'vitest';
import {stopSignal} from '../../src/cli/study-options.ts';

describe('stopSignal', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('aborts at the first %s and listens on; the second is let through', name => {
    const before = process.listeners(name);
    onTestFinished(() => {
      for (const listener of process.listeners(name)) if (!before.includes(listener)) process.off(name, listener);
    });
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    onTestFinished(() => kill.mockRestore());
    const signal = stopSignal();
    let listening: number | undefined;
    // As a library does that cleans up its files and ends the process where nobody else listens.
    process.once(name, () => {
      listening = process.listenerCount(name);
    });
    process.emit(name, name);
    expect(signal.aborted).toBe(true);
    expect(listening).toBe(before.length + 1);
    expect(kill).not.toHaveBeenCalled();
    process.emit(name, name);
    expect(process.listeners(name)).toEqual(before);
    expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, name);
  });
});
