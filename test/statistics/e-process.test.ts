import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {EProcess, type Side} from '../../src/statistics/e-process.ts';

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
