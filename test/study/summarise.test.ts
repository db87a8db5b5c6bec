import {describe, expect, it} from 'vitest';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {MethodResult} from '../../src/study/results.ts';
import {type SummariseOptions, summariseMethods} from '../../src/study/summarise.ts';

const TEST = 400;
const labels = new Int32Array(TEST);
const knowledge: Knowledge = {
  source: {access: 'black-box', identity: {}},
  classes: ['a', 'b'],
  detail: {kind: 'label'},
  inputs: {kind: 'tensor', count: 1} as unknown as Knowledge['inputs'],
  answers: {kind: 'label', count: 1, labels: new Int32Array(1)},
};

type Method = SummariseOptions['methods'][number];
type Run = SummariseOptions['runs'][number];

const losses = [hardLabels()];
const methodOf = (method: string): Method => ({
  level: 'black-box',
  method,
  losses,
  viewing: {},
  knowledge,
  apart: {calibrationInputs: [], unanswered: 0},
  tuning: undefined,
});
const [base, other] = [methodOf('labels'), methodOf('other')];
const third: Method = {...methodOf('true labels'), level: 'none'};

/** A student that agrees with the teacher on all test inputs but the first few. */
function run(method: Method, seed: number, wrong: number): Run {
  const logits = Float32Array.from({length: 2 * TEST}, (_, index) =>
    index >> 1 < wrong === (index % 2 === 1) ? 1 : 0,
  );
  const agreements = Uint8Array.from({length: TEST}, (_, index) => (index < wrong ? 0 : 1));
  return {method, row: {seed} as Run['row'], agreements, logits};
}

function summarised(methods: readonly Method[], runs: readonly Run[]): readonly MethodResult[] {
  const reference = {labels, truth: labels, logits: undefined} as unknown as SummariseOptions['reference'];
  return summariseMethods({methods, runs, classes: 2, reference, truth: 'teacher'});
}

describe('the comparisons of a study', () => {
  it('go by the seeds that both methods have, if a run of one came to nothing', () => {
    const runs = [
      ...[40, 42, 41, 43].map((wrong, seed) => run(base, seed, wrong)),
      ...[20, 21, 22].map((wrong, place) => run(other, [0, 1, 3][place]!, wrong)),
    ];
    const [first, second] = summarised([base, other], runs).map(({versusLabels}) => versusLabels);
    expect(first).toBeUndefined();
    expect(second).toMatchObject({baseline: 'labels', paired: true, seeds: [3, 3], verdict: 'better'});
    expect(second!.difference).toBeCloseTo((20 + 21 + 21) / 3 / TEST, 12);
  });

  it('are judged together, each against the baseline', () => {
    const by = (method: Method, wrong: readonly number[]) => wrong.map((count, seed) => run(method, seed, count));
    const runs = [...by(third, [60, 63, 61]), ...by(base, [40, 42, 41]), ...by(other, [20, 23, 22])];
    const [one, none, two] = summarised([third, base, other], runs).map(({versusLabels}) => versusLabels);
    expect(none).toBeUndefined();
    expect([one!.verdict, two!.verdict, one!.baseline, two!.baseline]).toEqual(['worse', 'better', 'labels', 'labels']);
    // The smaller p is held against 5 % / 2, the other against 5 %.
    expect([one!.confidence, two!.confidence].toSorted()).toEqual([0.95, 0.975]);
  });

  it('claim nothing of methods that were trained once', () => {
    const [, second] = summarised([base, other], [run(base, 1, 90), run(other, 1, 10)]);
    expect(second!.versusLabels).toMatchObject({between: 'students', verdict: 'too few seeds to say'});
    expect(second!.versusLabels!.interval[0]).toBeGreaterThan(0.1);
  });
});

describe('the answers of a method', () => {
  it('are counted over all seeds by class, and by how sure the students are', () => {
    const [method] = summarised([base], [run(base, 1, 40), run(base, 2, 60)]);
    expect(method!.confusion).toEqual({
      truth: undefined,
      teacher: {
        counts: [
          [700, 100],
          [0, 0],
        ],
      },
    });
    const [first, second] = method!.classes!;
    expect(first).toMatchObject({teacherInputs: TEST, agreement: (0.9 + 0.85) / 2, recall: Number.NaN});
    expect(second).toMatchObject({teacherInputs: 0, agreement: Number.NaN});
    const {points, chosen} = method!.coverage!;
    // All answers are as sure as each other.
    expect(points.every(({agreement}) => Math.abs(agreement - 0.875) < 1e-12)).toBe(true);
    expect([points.length, points.at(-1)!.coverage, chosen]).toEqual([50, 1, undefined]);
  });
});
