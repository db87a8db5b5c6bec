import {afterEach, describe, expect, it, vi} from 'vitest';
import {jobWorkerOptions, progressOf} from '../../src/queue/job-worker.ts';

afterEach(() => void vi.useRealTimers());

describe('a worker of jobs', () => {
  it('looks for the jobs of silent workers several times before they are lost', () => {
    const {lockDuration, stalledInterval, maxStalledCount} = jobWorkerOptions({concurrency: 2, lock: 8000});
    expect(lockDuration).toBe(8000);
    expect(stalledInterval).toBeLessThan(4000);
    expect(maxStalledCount).toBeGreaterThan(1);
  });

  it('reports the progress of a job once a second, and no failure to do so', async () => {
    vi.useFakeTimers({toFake: ['performance'], now: 5000});
    const updateProgress = vi.fn(async (_: object) => {
      throw new Error('away');
    });
    const tell = progressOf({updateProgress});
    for (let count = 1; count <= 25; count++) {
      vi.advanceTimersByTime(100);
      tell({count});
    }
    await Promise.resolve();
    expect(updateProgress.mock.calls).toEqual([[{count: 10}], [{count: 20}]]);
  });
});
