import {describe, expect, it} from 'vitest';
import {exactReceipt, readExact} from '../../../adapters/_exact/scores.ts';
import type {TopKAnswer} from '../../../src/teacher.ts';

const {log} = Math;

/** Two classes, the first with two ways: tokens 1 and 2 4, the second with 2 3. */
const reply = {
  sequences: [[[1], [2, 4]], [[2, 3]]],
  told: [
    {1: log(0.5), 2: log(0.4)},
    {3: log(0.75), 4: log(0.05), 9: log(0.2)},
  ],
};

function answerOf(read: TopKAnswer | string): TopKAnswer {
  if (typeof read === 'string') throw new Error(read);
  return read;
}

describe('readExact', () => {
  it('multiplies along each way and adds the ways of a class', () => {
    const {classes, logProbabilities, rest} = answerOf(readExact(reply, 2, ''));
    expect([...classes]).toEqual([0, 1]);
    expect(logProbabilities).toEqual(Float32Array.of(log(0.5 + 0.4 * 0.05), log(0.4 * 0.75)));
    expect(rest).toBeCloseTo(1 - 0.52 - 0.3, 6);
  });

  it('finds logits out by the most probable token, though it was not asked for', () => {
    const told = [{1: -3, 2: -4, 9: 11.5}, reply.told[1]];
    expect(readExact({...reply, told}, 2, '')).toContain('logits instead of log-probabilities: one is 11.50');
  });

  it('refuses log-probabilities that are of no one distribution', () => {
    expect(readExact({...reply, told: [{1: log(0.7), 2: log(0.6)}, reply.told[1]]}, 2, '')).toContain('above 1');
  });

  it.each([
    ['a token', [{1: log(0.5)}, reply.told[1]]],
    ['a node', [reply.told[0]]],
  ])('says so if %s was not told, with what to do', (_, told) => {
    const problem = readExact({...reply, told}, 2, 'Update it.');
    expect(problem).toBe('It did not give all log-probabilities that it was asked for. Update it.');
  });

  it('gives what is below all that is told to the rest', () => {
    const told = [reply.told[0], {3: log(0.75), 4: -9999}];
    expect(answerOf(readExact({...reply, told}, 2, '')).logProbabilities).toEqual(Float32Array.of(log(0.5), log(0.3)));
  });

  it.each([
    ['of other classes', reply, 3],
    ['of a server', {choices: []}, 2],
    ['none', undefined, 2],
  ])('takes no reply that is %s', (_, document, classes) => {
    expect(readExact(document, classes, 'Check `url`.')).toBe('It gives nothing about the answers. Check `url`.');
  });
});

describe('exactReceipt', () => {
  it('tells who answered and at what cost, and nothing of another document', () => {
    const usage = {inputTokens: 3, outputTokens: 2};
    expect(exactReceipt({...reply, model: 'm', usage})).toEqual({model: 'm', usage});
    expect(exactReceipt('x')).toEqual({});
  });
});
