import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {InputError} from '../../src/errors.ts';
import {cascaded} from '../../src/evaluate/calibration.ts';
import {
  allowedDisagreements,
  answersNeeded,
  answersShort,
  type CascadeTarget,
  calibrationSize,
  certify,
  NOTHING_LOCAL,
} from '../../src/evaluate/guarantee.ts';
import {upperBound} from '../../src/statistics/bounds.ts';

interface Case extends CascadeTarget {
  readonly answers: number;
  readonly allowed: number;
}

const cases: readonly Case[] = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/guarantee.json', import.meta.url), 'utf8'),
);
const usual: CascadeTarget = {agreement: 0.97, confidence: 0.95};
const targets = fc.record({
  agreement: fc.double({min: 0.5, max: 0.995, noNaN: true}),
  confidence: fc.double({min: 0.5, max: 0.99, noNaN: true}),
});

/** Two classes. The teacher always names the first, so the student is wrong if it names the second. */
function answers(gaps: readonly number[]): {readonly logits: number[]; readonly labels: number[]} {
  return {logits: gaps.flatMap(gap => [gap, 0]), labels: gaps.map(() => 0)};
}

describe('allowedDisagreements', () => {
  it('equals SciPy’s', () => {
    for (const {answers, allowed, ...target} of cases) expect(allowedDisagreements(answers, target)).toBe(allowed);
  });
});

describe('answersNeeded', () => {
  it('is the least number that allows so many', () => {
    expect(answersNeeded(0, usual)).toBe(99);
    expect(answersNeeded(1, usual)).toBe(157);
    fc.assert(
      fc.property(targets, fc.integer({min: 0, max: 40}), (target, disagreements) => {
        const needed = answersNeeded(disagreements, target);
        expect(allowedDisagreements(needed, target)).toBeGreaterThanOrEqual(disagreements);
        expect(allowedDisagreements(needed - 1, target)).toBeLessThan(disagreements);
      }),
    );
  });

  it('refuses what no number proves', () => {
    expect(() => answersNeeded(0, {agreement: 1, confidence: 0.95})).toThrow(InputError);
    expect(() => answersNeeded(0, {agreement: 0.9, confidence: 1})).toThrow(InputError);
  });
});

describe('calibrationSize', () => {
  it('is about 15 %, but what can prove something, half at most, and nothing if that is too few', () => {
    expect([0, 100, 197, 198, 500, 1000, 1500, 10_000].map(count => calibrationSize(count, usual))).toEqual([
      0, 0, 0, 99, 99, 157, 208, 1504,
    ]);
    expect(answersShort(150, usual)).toBe(48);
    expect(answersShort(198, usual)).toBe(0);
  });

  it('is the share that is asked for', () => {
    expect(calibrationSize(1000, usual, 0.2)).toBe(200);
    expect(calibrationSize(400, usual, 0.2)).toBe(0);
    expect(answersShort(400, usual, 0.2)).toBe(95);
  });

  it('allows with fewer answers no more disagreements than any more would cost', () => {
    fc.assert(
      fc.property(targets, fc.integer({min: 1, max: 20_000}), (target, count) => {
        const size = calibrationSize(count, target);
        expect(size).toBeLessThanOrEqual(count / 2);
        if (size === 0) expect(answersShort(count, target)).toBeGreaterThan(0);
        else expect(allowedDisagreements(size - 1, target)).toBeLessThan(allowedDisagreements(size, target));
      }),
    );
  });
});

describe('certify', () => {
  it('counts an input without an answer as a disagreement, however sure the student is', () => {
    const {logits, labels} = answers(Array.from({length: 200}, (_, index) => 1 + index / 100));
    const options = {temperature: 1, ...usual};
    const whole = certify(logits, labels, 2, options);
    const lacking = certify(logits, labels, 2, {...options, unanswered: 1});
    expect(whole).toMatchObject({threshold: 0, guarantee: {answers: 200, disagreements: 0}});
    expect(lacking).toMatchObject({threshold: 0, guarantee: {answers: 201, disagreements: 1, localShare: 200 / 201}});
    expect(lacking.guarantee.bound).toBe(upperBound(1, 201, 0.05));
    const many = certify(logits, labels, 2, {...options, unanswered: 3});
    expect(many).toMatchObject({threshold: NOTHING_LOCAL, guarantee: {localShare: 0}});
  });

  it('lets the student answer for as long as the bound holds, and says what it saw', () => {
    // 157 answers allow one disagreement: the second is the 41st surest.
    const gaps = Array.from(
      {length: 157},
      (_, position) => (position === 20 || position === 40 ? -1 : 1) * (10 - 0.05 * position),
    );
    const {logits, labels} = answers(gaps);
    const {threshold, guarantee} = certify(logits, labels, 2, {...usual, temperature: 1});
    expect(threshold).toBeCloseTo(1 / (1 + Math.exp(-(10 - 0.05 * 39))), 12);
    expect(guarantee).toEqual({
      ...usual,
      answers: 157,
      disagreements: 1,
      localShare: 40 / 157,
      bound: upperBound(1, 157, 1 - 0.95),
    });
  });

  it('lets it answer everything, also what is less sure than all that was seen, if all of it is proven', () => {
    const {logits, labels} = answers(Array.from({length: 99}, () => 2));
    expect(certify(logits, labels, 2, {...usual, temperature: 1})).toMatchObject({
      threshold: 0,
      guarantee: {localShare: 1, disagreements: 0},
    });
  });

  it('lets it answer nothing if the answers are too few, or the surest are wrong as often as the others', () => {
    const few = answers(Array.from({length: 98}, () => 2));
    expect(certify(few.logits, few.labels, 2, {...usual, temperature: 1})).toEqual({
      threshold: NOTHING_LOCAL,
      guarantee: {...usual, answers: 98, disagreements: 0, localShare: 0, bound: 0},
    });
    const tied = answers(Array.from({length: 200}, (_, position) => (position % 20 === 19 ? -900 : 900)));
    const {threshold} = certify(tied.logits, tied.labels, 2, {...usual, temperature: 1});
    expect(cascaded(tied.logits, tied.labels, 2, {temperature: 1, threshold}).localShare).toBe(0);
  });

  it('is what a cascade does with these answers, which a lower threshold would not allow, whatever the student', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({min: -6, max: 20}), {minLength: 20, maxLength: 200}),
        targets,
        fc.double({min: 0.5, max: 3, noNaN: true}),
        (gaps, target, temperature) => {
          const {logits, labels} = answers(gaps);
          const {threshold, guarantee} = certify(logits, labels, 2, {...target, temperature});
          const at = (t: number) => cascaded(logits, labels, 2, {temperature, threshold: t});
          const {localShare, disagreements, bound} = guarantee;
          expect(at(threshold).localShare).toBe(localShare);
          expect(Math.round((1 - at(threshold).agreement) * gaps.length)).toBe(disagreements);
          expect(bound).toBeLessThanOrEqual(1 - target.agreement);
          const lower = gaps
            .map(gap => 1 / (1 + Math.exp(-Math.abs(gap) / temperature)))
            .filter(t => t < threshold - 1e-9);
          if (lower.length === 0) return;
          const wrong = Math.round((1 - at(Math.max(...lower) - 1e-9).agreement) * gaps.length);
          expect(wrong).toBeGreaterThan(allowedDisagreements(gaps.length, target));
        },
      ),
    );
  });

  it('misses its target in no more draws than it says, and in nearly as many', () => {
    // A student as sure as it is right: at confidence c it is wrong with probability 1 − c; c is spread evenly from ½
    // to 1. At threshold t a request is answered locally and wrong with probability (1 − t)².
    const target = {agreement: 0.97, confidence: 0.9};
    const random = seededRandom(1, 'draws of calibration answers');
    const draws = 2000;
    const size = answersNeeded(4, target);
    let missed = 0;
    for (let draw = 0; draw < draws; draw++) {
      const gaps = Array.from({length: size}, () => {
        const confidence = 0.5 + randomFraction(random) / 2;
        const gap = Math.log(confidence / (1 - confidence));
        return randomFraction(random) < confidence ? gap : -gap;
      });
      const {logits, labels} = answers(gaps);
      const {threshold} = certify(logits, labels, 2, {...target, temperature: 1});
      if ((1 - threshold) ** 2 > 0.03) missed++;
    }
    // Three standard deviations of what is seen in so many draws.
    expect(missed / draws).toBeLessThan(0.1 + 3 * Math.sqrt((0.1 * 0.9) / draws));
    expect(missed / draws).toBeGreaterThan(0.05);
  });
});
