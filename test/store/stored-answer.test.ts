import {describe, expect, it} from 'vitest';
import {digestKey, digestQuery} from '../../src/store/key.ts';
import type {AnswerEntry} from '../../src/store/store.ts';
import {problemWith} from '../../src/store/stored-answer.ts';
import type {Answer, Detail} from '../../src/teacher.ts';

const identity = {service: 'fake'};
const query = digestQuery({input: {kind: 'text', text: 'one'}});

function entry(answer: Answer, detail: Detail): AnswerEntry {
  const stored = {
    format: 1,
    teacher: {name: 'a fake', identity},
    question: query,
    detail,
    answer,
    storedAt: '',
  } as const;
  return {key: digestKey(identity, query), stored};
}

const logs = (...probabilities: readonly number[]) => Float32Array.from(probabilities, Math.log);

describe('problemWith', () => {
  it('finds nothing wrong with answers of every kind that are right', () => {
    const right: readonly (readonly [Answer, Detail])[] = [
      [{kind: 'label', label: 0}, {kind: 'label'}],
      [{kind: 'votes', counts: Uint32Array.of(0, 2)}, {kind: 'votes'}],
      [
        {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: logs(0.6), rest: 0.4},
        {kind: 'top-k', k: 5},
      ],
      [{kind: 'log-probabilities', logProbabilities: logs(0.25, 0.75, 0)}, {kind: 'log-probabilities'}],
      [{kind: 'logits', logits: Float32Array.of(3, -4), features: {}}, {kind: 'log-probabilities'}],
    ];
    for (const [answer, detail] of right) expect(problemWith(entry(answer, detail))).toBeUndefined();
  });

  it('says what is wrong with the values', () => {
    const wrong: readonly (readonly [Answer, Detail, string])[] = [
      [{kind: 'label', label: -1}, {kind: 'label'}, 'its label is -1'],
      [{kind: 'votes', counts: Uint32Array.of(0, 0)}, {kind: 'votes'}, 'it has no votes'],
      [
        {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: logs(0.6), rest: 0.1},
        {kind: 'top-k', k: 1},
        'its probabilities sum to 0.7000',
      ],
      [
        {kind: 'top-k', classes: Int32Array.of(1, 2), logProbabilities: logs(0.6), rest: 0.4},
        {kind: 'top-k', k: 2},
        'it names other classes than it has values',
      ],
      [
        {kind: 'log-probabilities', logProbabilities: Float32Array.of(Number.NaN, 0)},
        {kind: 'log-probabilities'},
        'its probabilities sum to NaN',
      ],
      [
        {kind: 'logits', logits: Float32Array.of(Number.NaN), features: {}},
        {kind: 'logits'},
        'its logits are not all finite',
      ],
    ];
    for (const [answer, detail, problem] of wrong) expect(problemWith(entry(answer, detail))).toBe(problem);
  });

  it('finds an answer that holds less than it is said to', () => {
    expect(problemWith(entry({kind: 'label', label: 1}, {kind: 'logits'}))).toBe(
      'it is said to hold logits, and holds label',
    );
  });

  it('finds an answer under a key that is not its own', () => {
    const {stored} = entry({kind: 'label', label: 1}, {kind: 'label'});
    expect(problemWith({key: 'f'.repeat(64), stored})).toBe('its key is not that of its teacher and question');
  });
});
