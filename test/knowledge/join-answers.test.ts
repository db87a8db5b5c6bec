import {describe, expect, it} from 'vitest';
import {type Answers, selectAnswers, tabulate} from '../../src/knowledge/answers.ts';
import {joinAnswers} from '../../src/knowledge/join-answers.ts';
import type {Answer, Detail} from '../../src/teacher.ts';

const floats = (...values: number[]) => Float32Array.from(values);

const SETS: readonly (readonly [Detail, readonly Answer[]])[] = [
  [{kind: 'label'}, [0, 1, 1].map(label => ({kind: 'label', label}))],
  [
    {kind: 'votes'},
    [
      [1, 2],
      [0, 3],
      [4, 0],
    ].map(counts => ({kind: 'votes', counts: Uint32Array.from(counts)})),
  ],
  [{kind: 'expected'}, [0.5, 0, 1].map(level => ({kind: 'expected', level}))],
  [
    {kind: 'top-k', k: 1},
    [0, 1, 0].map(label => ({
      ...{kind: 'top-k', classes: Int32Array.of(label), logProbabilities: floats(Math.log(0.75)), rest: 0.25},
    })),
  ],
  [
    {kind: 'log-probabilities'},
    [0.25, 0.5, 0.75].map(p => ({kind: 'log-probabilities', logProbabilities: floats(Math.log(p), Math.log(1 - p))})),
  ],
  [
    {kind: 'logits', features: ['layer']},
    [1, 2, 3].map(value => ({
      ...{kind: 'logits', logits: floats(value, -value)},
      features: {layer: {shape: [3], values: floats(value, 0, 1)}},
    })),
  ],
  [{kind: 'vector'}, [1, 2, 3].map(value => ({kind: 'vector', values: floats(value, 1, 2)}))],
];

describe('joinAnswers', () => {
  it.each(SETS)('puts sets of %j after each other', (detail, answers) => {
    const all: Answers = tabulate(answers, detail, 2);
    const parts = [[0], [1, 2]].map(rows => selectAnswers(all, rows, 2));
    expect(joinAnswers(parts)).toEqual(all);
  });
});
