import {describe, expect, it} from 'vitest';
import {readTraffic, TRAFFIC_FORMAT, writeTraffic} from '../../src/serve/traffic-form.ts';
import type {Answer} from '../../src/teacher.ts';

const answers: readonly Answer[] = [
  {kind: 'label', label: 2},
  {kind: 'votes', counts: Uint32Array.of(1, 0, 4)},
  {kind: 'top-k', classes: Int32Array.of(2, 0), logProbabilities: Float32Array.of(-0.1, -3), rest: 0.05},
  {kind: 'log-probabilities', logProbabilities: Float32Array.of(-0.1, -2.3, Number.NEGATIVE_INFINITY)},
  {kind: 'logits', logits: Float32Array.of(0.1, -7, 3), features: {}},
];

const line = {at: '2026-11-25T12:00:00.000Z', why: 'audit', text: 'é\n"', label: 'spam', student: 'ham'} as const;

describe('a line of traffic', () => {
  it.each(answers)('comes back to the bit with an answer of $kind', answer => {
    const written = writeTraffic({...line, answer});
    expect(written).toMatch(/^[^\n]*\n$/);
    expect(readTraffic(written)).toEqual({...line, answer});
  });

  it('was checked where it now is audited', () => {
    const written = writeTraffic({...line, answer: answers[0]!}).replace('"audit"', '"check"');
    expect(readTraffic(written)).toMatchObject({why: 'audit'});
  });

  it('comes back where it is a head', () => {
    const teacher = {name: 'far', identity: {adapter: 'far', of: [1, null]}, access: 'gray-box'} as const;
    const head = {format: TRAFFIC_FORMAT, teacher, classes: ['ham', 'spam']};
    expect(readTraffic(writeTraffic(head))).toEqual(head);
  });

  it.each(['', '{"at":"2026-', '[]', '7', '{"text":"a"}', writeTraffic({...line, answer: {kind: 'label', label: -1}})])(
    'is nothing where it is damaged: %j',
    damaged => {
      expect(readTraffic(damaged)).toBeUndefined();
    },
  );
});
