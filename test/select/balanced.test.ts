import {describe, expect, it} from 'vitest';
import {balanced} from '../../src/select/balanced.ts';
import {margin} from '../../src/select/margin.ts';
import type {Candidates} from '../../src/select/strategy.ts';

/** Candidates that the student takes for these classes of three, the later ones the less surely. */
function takenFor(classes: readonly number[], labels: readonly number[]): Candidates {
  const rows = classes.flatMap((label, row) => [0, 1, 2].map(index => (index === label ? 3 - row / 100 : 0)));
  return {
    count: classes.length,
    classes: 3,
    seed: 1,
    labels: Int32Array.from(labels),
    logits: [Float32Array.from(rows)],
  };
}

const countsOf = (chosen: Int32Array, classes: readonly number[]): number[] =>
  [0, 1, 2].map(label => chosen.filter(position => classes[position] === label).length);

describe('balanced', () => {
  const classes = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2];

  it('takes from each class alike, and from the others if one is at its end', () => {
    const counts = (size: number) => countsOf(balanced().choose(takenFor(classes, []), size), classes);
    expect(counts(3)).toEqual([1, 1, 1]);
    expect(counts(8)).toEqual([4, 3, 1]);
    expect(counts(12)).toEqual([8, 3, 1]);
  });

  it('makes up for what was answered before', () => {
    const counts = countsOf(balanced().choose(takenFor(classes, [0, 0, 0, 1, 2]), 3), classes);
    expect(counts).toEqual([0, 2, 1]);
  });

  it('lets another strategy choose within a class', () => {
    const strategy = balanced(margin());
    expect(strategy.name).toBe('balanced margin');
    expect([...strategy.choose(takenFor(classes, []), 5)].sort((one, other) => one - other)).toEqual([6, 7, 9, 10, 11]);
  });

  it('draws within a class if no strategy is given', () => {
    const candidates = takenFor(classes, []);
    const chosen = new Set(Array.from({length: 60}, (_, seed) => balanced().choose({...candidates, seed}, 1)[0]));
    expect(chosen.size).toBe(8);
  });
});
