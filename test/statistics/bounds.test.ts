import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {
  boundsWithMissing,
  confidenceSequence,
  EProcess,
  exactInterval,
  lowerBound,
  type Side,
  upperBound,
} from '../../src/statistics/bounds.ts';
import {expectClose, scipy} from './scipy.ts';

describe('exact bounds on a probability', () => {
  it('equal SciPy’s', () => {
    for (const [count, trials, error, upper, lower] of scipy.bounds) {
      expectClose(upperBound(count!, trials!, error!), upper!);
      expectClose(lowerBound(count!, trials!, error!), lower!);
    }
  });

  it('know nothing of no trials', () => {
    expect(exactInterval(0, 0)).toEqual([0, 1]);
  });

  it('hold the probability as often as they say, summed over all that may be seen', () => {
    const probability = fc.double({min: 0.001, max: 0.999, noNaN: true});
    fc.assert(
      fc.property(fc.integer({min: 1, max: 60}), probability, fc.constantFrom(0.2, 0.05, 0.01), (trials, p, error) => {
        let missed = 0;
        let chance = (1 - p) ** trials;
        for (let count = 0; count <= trials; count++) {
          if (upperBound(count, trials, error) < p) missed += chance;
          chance *= ((trials - count) / (count + 1)) * (p / (1 - p));
        }
        expect(missed).toBeLessThanOrEqual(error + 1e-9);
      }),
      {numRuns: 50},
    );
  });
});

describe('the bounds of a share with missing inputs', () => {
  it('are those of no and of full agreement on what is missing', () => {
    expect(boundsWithMissing(0.9, {count: 10, total: 100})).toEqual([expect.closeTo(0.81), expect.closeTo(0.91)]);
  });

  it('are the share itself if nothing is missing', () => {
    expect(boundsWithMissing(0.9, {count: 0, total: 100})).toEqual([0.9, 0.9]);
  });

  it('hold the share over all inputs, whatever is missing, and are reached', () => {
    const answers = fc.array(fc.record({agrees: fc.boolean(), answered: fc.boolean()}), {minLength: 1, maxLength: 50});
    fc.assert(
      fc.property(answers, all => {
        const answered = all.filter(one => one.answered);
        fc.pre(answered.length > 0);
        const shareOf = (some: readonly {readonly agrees: boolean}[]) =>
          some.filter(({agrees}) => agrees).length / some.length;
        const missing = {count: all.length - answered.length, total: all.length};
        const [lowest, highest] = boundsWithMissing(shareOf(answered), missing);
        const ifAll = (agrees: boolean) => shareOf(all.map(one => (one.answered ? one : {agrees})));
        expect(lowest).toBeCloseTo(ifAll(false), 12);
        expect(highest).toBeCloseTo(ifAll(true), 12);
        expect(shareOf(all)).toBeGreaterThanOrEqual(lowest - 1e-12);
        expect(shareOf(all)).toBeLessThanOrEqual(highest + 1e-12);
      }),
    );
  });
});

/** The mixture by numerical integration, see `test/fixtures/statistics/make-watching.py`. */
const {sequences} = JSON.parse(
  readFileSync(new URL('../fixtures/statistics/watching.json', import.meta.url), 'utf8'),
) as {readonly sequences: readonly (readonly [number, number, number, number, number])[]};

describe('confidenceSequence', () => {
  it('equals what numerical integration over the mixture gives', () => {
    for (const [count, trials, confidence, low, high] of sequences) {
      const interval = confidenceSequence(count, trials, confidence);
      expect(interval[0]).toBeCloseTo(low, 9);
      expect(interval[1]).toBeCloseTo(high, 9);
    }
  });

  it('knows nothing before the first trial, and is wider than an interval for one look', () => {
    expect(confidenceSequence(0, 0)).toEqual([0, 1]);
    for (const [count, trials] of [
      [0, 10],
      [3, 100],
      [40, 50],
    ] as const) {
      const [[low, high], [least, most]] = [confidenceSequence(count, trials), exactInterval(count, trials)];
      expect(low).toBeLessThanOrEqual(least);
      expect(high).toBeGreaterThanOrEqual(most);
    }
  });

  it('leaves the probability out in few runs, though it is looked at after every trial', () => {
    const random = seededRandom(7, 'confidence sequences');
    let missed = 0;
    for (let run = 0; run < 100; run++) {
      let count = 0;
      for (let trials = 1; trials <= 200; trials++) {
        if (randomFraction(random) < 0.04) count++;
        const [low, high] = confidenceSequence(count, trials, 0.9);
        if (low <= 0.04 && 0.04 <= high) continue;
        missed++;
        break;
      }
    }
    // At most a tenth, and four standard deviations of chance.
    expect(missed).toBeLessThan(10 + 4 * 3);
    expect(missed).toBeGreaterThan(0);
  });
});

interface Computed {
  readonly boundary: number;
  readonly side: Side;
  readonly events: readonly number[];
  readonly at: readonly number[];
  readonly evidence: readonly number[];
}

/** By the definition, one product a start and a bet, see `test/fixtures/statistics/make-watching.py`. */
const computed = (
  JSON.parse(readFileSync(new URL('../fixtures/statistics/watching.json', import.meta.url), 'utf8')) as {
    readonly evidence: readonly Computed[];
  }
).evidence;

const testOf = (boundary: number, side: Side, events: readonly boolean[]): EProcess => {
  const process = new EProcess(boundary, side);
  for (const event of events) process.add(event);
  return process;
};

describe('EProcess', () => {
  it('equals the sum over all starts and bets, computed by the definition', () => {
    for (const {boundary, side, events, at, evidence} of computed) {
      for (const [index, length] of at.entries()) {
        const seen = events.slice(0, length).map(event => event === 1);
        const wanted = evidence[index]!;
        expect(Math.abs(testOf(boundary, side, seen).evidence / wanted - 1)).toBeLessThan(1e-10);
      }
    }
  });

  it('is 1 on average over all that may be seen if the probability is the boundary, and less on the far side', () => {
    const boundary = fc.double({min: 0.005, max: 0.6, noNaN: true});
    const side = fc.constantFrom<Side>('above', 'below');
    fc.assert(
      fc.property(boundary, side, fc.integer({min: 1, max: 9}), (limit, suspected, length) => {
        const mean = (probability: number) => {
          let sum = 0;
          for (let code = 0; code < 2 ** length; code++) {
            const events = Array.from({length}, (_, bit) => ((code >> bit) & 1) === 1);
            const count = events.filter(event => event).length;
            const chance = probability ** count * (1 - probability) ** (length - count);
            sum += chance * testOf(limit, suspected, events).evidence;
          }
          return sum;
        };
        expect(mean(limit)).toBeCloseTo(1, 9);
        expect(mean(suspected === 'above' ? limit / 2 : limit * 1.5)).toBeLessThan(1);
      }),
      {numRuns: 60},
    );
  });

  it('never grows on average by one step, whatever came before', () => {
    fc.assert(
      fc.property(fc.double({min: 0.001, max: 0.6, noNaN: true}), fc.array(fc.boolean()), (boundary, before) => {
        for (const side of ['above', 'below'] as const) {
          const now = testOf(boundary, side, before).evidence;
          const [event, none] = [true, false].map(next => testOf(boundary, side, [...before, next]).evidence);
          expect(boundary * event! + (1 - boundary) * none!).toBeLessThanOrEqual(now * (1 + 1e-12));
        }
      }),
    );
  });

  it('goes on from a state as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.array(fc.boolean()), (first, second) => {
        const stopped = JSON.stringify(testOf(0.03, 'above', first).state);
        const resumed = new EProcess(0.03, 'above', JSON.parse(stopped));
        for (const event of second) resumed.add(event);
        expect(resumed.state).toEqual(testOf(0.03, 'above', [...first, ...second]).state);
      }),
    );
  });
});
