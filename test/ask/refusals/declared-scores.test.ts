import {describe, expect, it} from 'vitest';
import {DeclaredScores} from '../../../src/ask/refusals/declared-scores.ts';
import {TeacherError} from '../../../src/errors.ts';
import type {Outcome} from '../../../src/teacher.ts';

const logits = (...values: readonly number[]): Outcome => ({
  answer: {kind: 'logits', logits: Float32Array.from(values), features: {}},
});
const misread = (): Outcome => ({error: new TeacherError('a teacher', 'It sums to 2.', {misread: true})});
const other = (): Outcome => ({error: new TeacherError('a teacher', 'It is busy.')});
const read = (): Outcome => ({answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(0, -50)}});

const checking = (identity = {}) => new DeclaredScores({name: 'a teacher', identity});
const rounded = (value: number, decimals: number) => Number(value.toFixed(decimals));

/** Rows of a softmax, rounded. */
function probabilities(row: number, classes: number, decimals = 9): readonly number[] {
  const raw = Array.from({length: classes}, (_, index) => Math.exp(2 * Math.sin(5 * row + 3 * index)));
  const total = raw.reduce((sum, value) => sum + value, 0);
  return raw.map(value => rounded(value / total, decimals));
}

/** Draws numbers of a normal distribution. */
function normals(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return (state + 1) / 2147483649;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

describe('scores that were declared as logits', () => {
  it.each([
    [2, 9, 2],
    [3, 9, 2],
    [10, 9, 2],
    [1000, 9, 3],
    [3, 4, 3],
    [3, 3, 4],
    [2, 2, 7],
    [3, 2, 8],
    [10, 2, 10],
  ])('and are probabilities of %d classes with %d decimals end the run by row %d', (classes, decimals, rows) => {
    const declared = checking({output: 'logits'});
    for (let row = 1; row <= rows; row++) {
      expect(declared.verdict).toBeUndefined();
      expect(declared.check([logits(...probabilities(row, classes, decimals))])).toMatchObject([
        {error: {message: expect.stringContaining('It gives probabilities instead of logits.')}},
      ]);
    }
    expect(declared.verdict?.message).toContain("Set `output: 'probabilities'`");
  });

  it('are no evidence twice', () => {
    const declared = checking();
    declared.check([logits(0.123456, 0.876544), logits(0.123456, 0.876544), logits(0.123456, 0.876544)]);
    expect(declared.verdict).toBeUndefined();
  });

  it('and are logits pass, one that looks like probabilities too after the first that does not', () => {
    const declared = checking();
    const outcomes = [logits(2, -1), ...Array.from({length: 9}, (_, row) => logits(...probabilities(row, 3)))];
    expect(declared.check(outcomes)).toEqual(outcomes);
    expect(declared.verdict).toBeUndefined();
  });

  it('pass if another row that came with them is none of probabilities', () => {
    const declared = checking();
    const outcomes = [logits(0.31, 0.69), logits(0.13, 0.87), logits(1.4, -0.2)];
    expect(declared.check(outcomes)).toEqual(outcomes);
  });

  it('are judged by the finest rounding so far: one decimal less in a row is chance', () => {
    const declared = checking();
    expect(declared.check([logits(0.31, 0.69), logits(0.9, 0.1), logits(1, 0)])).toEqual(
      Array.from({length: 3}, () => ({error: expect.any(TeacherError)})),
    );
  });

  it.each([[[0, 1]], [[0.5, 0.5]], [[-1.2, -0.36]], [[1]]])('pass if they are %j, which tell nothing', values => {
    const declared = checking();
    const outcomes = Array.from({length: 20}, () => logits(...values));
    expect(declared.check(outcomes)).toEqual(outcomes);
  });

  it('raise no false alarm in a million runs of normal logits, of any mean, spread and rounding', () => {
    const draw = normals(4);
    let refused = 0;
    for (let run = 0; run < 1_000_000; run++) {
      const declared = checking();
      const spread = [0.3, 1, 4][run % 3]!;
      const decimals = [2, 3, 9][Math.floor(run / 3) % 3]!;
      const classes = 2 + (Math.floor(run / 9) % 2);
      // The mean at which sums are 1 most often.
      const mean = run % 2 === 0 ? 0 : 1 / classes;
      const row = () => logits(...Array.from({length: classes}, () => rounded(mean + draw() * spread, decimals)));
      while ('error' in declared.check([row()])[0]!) refused++;
      if (declared.verdict) throw new Error(`a false alarm in run ${run}`);
    }
    expect(refused).toBeLessThan(3000);
  });
});

describe('scores that can not be read as what they are declared', () => {
  it('end the run at the third, if none could be read', () => {
    const declared = checking();
    declared.check([misread(), misread(), other()]);
    expect(declared.verdict).toBeUndefined();
    declared.check([misread()]);
    expect(declared.verdict?.message).toBe('Teacher a teacher: It sums to 2. So it is for 3 of 3 inputs.');
  });

  it('end the run among others only if they are ten times as many', () => {
    const declared = checking();
    declared.check([read(), ...Array.from({length: 9}, misread)]);
    expect(declared.verdict).toBeUndefined();
    declared.check([misread()]);
    expect(declared.verdict?.message).toContain('So it is for 10 of 11 inputs.');
    declared.check([read(), read()]);
    expect(declared.verdict).toBeUndefined();
  });
});
