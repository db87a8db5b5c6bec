import {afterEach, describe, expect, it, vi} from 'vitest';
import {threadsPerStudent} from '../../src/study/training.ts';

const runs = (methods: number, seeds: number) => ({
  methods: new Array(methods).fill({}),
  seeds: Array.from({length: seeds}, (_, seed) => seed),
});

describe('the threads that a student is trained with', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('are what the runs of a study leave each other, and one at least', () => {
    expect(threadsPerStudent(runs(1, 1), 16)).toBe(16);
    expect(threadsPerStudent(runs(3, 2), 16)).toBe(2);
    expect(threadsPerStudent(runs(5, 3), 2)).toBe(1);
  });

  it('are those that the environment asks for', () => {
    vi.stubEnv('TF_NUM_INTRAOP_THREADS', '3');
    expect(threadsPerStudent(runs(5, 3), 2)).toBe(3);
  });
});
