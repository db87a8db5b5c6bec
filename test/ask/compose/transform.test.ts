import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {disturbed, rounded} from '../../../src/ask/compose/transform.ts';
import {degrade} from '../../../src/ask/degrade.ts';
import type {Outcome, Teacher} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about, fakeTeacher, scored} from '../fake-teacher.ts';
import {naming, probabilitiesIn, scoring, voting} from './members.ts';

const white = (): Teacher<'white-box'> =>
  fakeTeacher<'white-box'>({access: 'white-box', detail: {kind: 'logits'}}, numbers => numbers.map(scored));
const whole = {access: 'gray-box', detail: {kind: 'log-probabilities'}} as const;
const probabilitiesOf = async (teacher: Teacher<'gray-box'>, number = 2) => {
  const [outcome] = (await teacher.ask(about(number))) as Outcome<'gray-box'>[];
  if (!outcome || 'error' in outcome) throw new TypeError('It has an answer.');
  return probabilitiesIn(outcome.answer);
};

describe('a degraded teacher', () => {
  it('is softened by a temperature', async () => {
    // softmax((2, 0, -1) / 2), worked out by hand.
    const shown = await probabilitiesOf(degrade(white(), {...whole, temperature: 2}));
    expect(shown).toEqual({
      0: expect.closeTo(0.6285317, 6),
      1: expect.closeTo(0.2312239, 6),
      2: expect.closeTo(0.1402444, 6),
    });
    const logits = degrade(white(), {access: 'white-box', detail: {kind: 'logits'}, temperature: 2});
    expect(await logits.ask(about(2))).toEqual([
      {answer: {kind: 'logits', logits: Float32Array.of(1, 0, -0.5), features: {}}},
    ]);
    // Of log-probabilities as of logits.
    const [p, q] = [0.5, 0.2].map(Math.sqrt) as [number, number];
    const softened = await probabilitiesOf(degrade(scoring('one', [0.5, 0.2, 0.3]), {...whole, temperature: 2}));
    expect(softened[0]! / softened[1]!).toBeCloseTo(p / q, 5);
  });

  it('has noise of its own for every query, the same each time, and another one for another seed', async () => {
    const noisy = (seed = 0) => degrade(white(), {...whole, noise: {deviation: 1, seed}});
    const first = await probabilitiesOf(noisy());
    expect(await probabilitiesOf(noisy())).toEqual(first);
    expect(await probabilitiesOf(noisy(1))).not.toEqual(first);
    expect(first).not.toEqual(await probabilitiesOf(degrade(white(), whole)));
    const [one, again] = await noisy().ask([about(2)[0]!, {...about(2)[0]!, sample: 1}]);
    expect(again).not.toEqual(one);
  });

  it('has Gaussian noise of the deviation that was asked for', () => {
    const zeros = {kind: 'logits', logits: new Float32Array(100), features: {}} as const;
    const drawn = Array.from({length: 100}, (_, key) => {
      const shown = disturbed(zeros, {noise: {deviation: 3}}, `key ${key}`);
      return shown.kind === 'logits' ? [...shown.logits] : [];
    }).flat();
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length);
    // Within four standard errors of 10,000 draws.
    expect(Math.abs(mean)).toBeLessThan(0.12);
    expect(Math.abs(deviation - 3)).toBeLessThan(0.085);
    const within = drawn.filter(value => Math.abs(value) < 3).length / drawn.length;
    expect(Math.abs(within - 0.6827)).toBeLessThan(0.019);
  });

  it('rounds what it shows after it is cut', async () => {
    const teacher = scoring('one', [0.615, 0.262, 0.123]);
    expect(await probabilitiesOf(degrade(teacher, {...whole, decimals: 1}))).toEqual({
      0: expect.closeTo(0.6, 6),
      1: expect.closeTo(0.3, 6),
      2: expect.closeTo(0.1, 6),
    });
    const top = degrade(teacher, {access: 'gray-box', detail: {kind: 'top-k', k: 1}, decimals: 2});
    expect(await top.ask(about(1))).toMatchObject([{answer: {kind: 'top-k', rest: 0.38}}]);
  });

  it('may show labels that are disturbed, and no more', async () => {
    const label = {access: 'black-box', detail: {kind: 'label'}} as const;
    const flipping = degrade(scoring('one', [0.4, 0.3, 0.3], {maxBatch: 300}), {...label, noise: {deviation: 1}});
    const outcomes = await flipping.ask(about(...Array.from({length: 300}, (_, number) => number)));
    const kept = outcomes.filter(
      outcome => 'answer' in outcome && outcome.answer.kind === 'label' && outcome.answer.label === 0,
    ).length;
    expect(kept).toBeGreaterThan(90);
    expect(kept).toBeLessThan(200);
  });

  it('says in its identity what is done to its answers', () => {
    const identities = [
      whole,
      {...whole, temperature: 2},
      {...whole, noise: {deviation: 1, seed: 3}},
      {...whole, decimals: 2},
    ].map(options => degrade(white(), options).identity);
    expect(identities[2]).toEqual({service: 'fake', shown: {...whole, noise: {deviation: 1, seed: 3}}});
    expect(new Set(identities.map(identity => JSON.stringify(identity))).size).toBe(4);
  });

  it('refuses what can not be done, and numbers out of their range', () => {
    const top = {access: 'gray-box', detail: {kind: 'top-k', k: 1}} as const;
    expect(() => degrade(naming('one', [[0, 0.9]]), {...top, temperature: 2})).toThrow(
      'a temperature and noise are for whole distributions',
    );
    expect(() => degrade(voting('one'), {access: 'black-box', detail: {kind: 'label'}, noise: {deviation: 1}})).toThrow(
      'for whole distributions',
    );
    expect(() => degrade(white(), {access: 'gray-box', detail: {kind: 'logits'}, decimals: 2})).toThrow(
      '`decimals` rounds probabilities, and logits shows none.',
    );
    for (const wrong of [
      {temperature: 0},
      {decimals: 0},
      {decimals: 1.5},
      {noise: {deviation: 0}},
      {noise: {deviation: 1, seed: 0.5}},
    ]) {
      expect(() => degrade(white(), {...whole, ...wrong})).toThrow(/^Expected `.*` of degrade to be /);
    }
  });
});

describe('rounded', () => {
  it('leaves whole steps that sum to 1, each less than a step away, in the same order', () => {
    const shares = fc
      .array(fc.integer({min: 0, max: 1e6}), {minLength: 2, maxLength: 12})
      .filter(all => all.some(share => share > 0));
    fc.assert(
      fc.property(shares, fc.integer({min: 1, max: 4}), fc.boolean(), (parts, decimals, isTop) => {
        const sum = parts.reduce((total, part) => total + part, 0);
        const p = parts.map(part => part / sum).sort((a, b) => b - a);
        const named = isTop ? p.slice(0, -1) : p;
        const logProbabilities = Float32Array.from(named, Math.log);
        const answer = rounded(
          isTop
            ? {kind: 'top-k', classes: Int32Array.from(named.keys()), logProbabilities, rest: p.at(-1)!}
            : {kind: 'log-probabilities', logProbabilities},
          decimals,
        );
        const shown = [
          ...[...answer.logProbabilities].map(Math.exp),
          ...(answer.kind === 'top-k' ? [answer.rest] : []),
        ];
        expect(shown.reduce((total, share) => total + share, 0)).toBeCloseTo(1, 5);
        for (const [place, share] of shown.entries()) {
          const steps = share * 10 ** decimals;
          expect(Math.abs(steps - Math.round(steps))).toBeLessThan(2e-3);
          expect(Math.abs(share - p[place]!)).toBeLessThan(10 ** -decimals + 1e-6);
        }
        expect(answer.logProbabilities).toEqual(answer.logProbabilities.slice().sort().reverse());
      }),
    );
  });
});

describe('a teacher that is degraded, as every teacher', () => {
  testTeacher({
    it,
    teacher: () => degrade(white(), {...whole, temperature: 2, noise: {deviation: 0.5}, decimals: 3}),
    queries: about(1, 2, 3),
  });
});
