import {describe, expect, it} from 'vitest';
import {mean} from '../../../src/evaluate/statistics.ts';
import {IMAGES, readStudents, SEEDS} from './students.ts';

describe('the students of the bench', () => {
  it('are those whose agreement their training printed', () => {
    const methods = readStudents();
    expect(methods.map(students => [students.length, students[0]!.length])).toEqual(methods.map(() => [SEEDS, IMAGES]));
    const shares = methods.map(students => students.slice(0, 3).map(mean));
    expect(shares).toEqual([
      [0.9147, 0.9194, 0.916],
      [0.9189, 0.9219, 0.9222],
      [0.9191, 0.923, 0.9238],
    ]);
  });
});
