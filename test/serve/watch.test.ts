import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {InputError} from '../../src/errors.ts';
import {type StandingChange, Watch} from '../../src/serve/watch.ts';

const promise = {agreement: 0.97};

/** Comparisons of which a share is broken, until the standing changes; undefined where it doesn't within `most`. */
function untilChange(watch: Watch, share: number, {seed = 1, most = 10_000} = {}): number | undefined {
  const random = seededRandom(seed, 'comparisons');
  const before = watch.demoted;
  for (let count = 1; count <= most; count++) {
    watch.add(randomFraction(random) < share);
    if (watch.demoted !== before) return count;
  }
  return undefined;
}

describe('Watch', () => {
  it('demotes a student that breaks its promise, says when and by what, and begins to count anew', () => {
    const changes: StandingChange[] = [];
    const watch = new Watch(promise, undefined, change => changes.push(change));
    const count = untilChange(watch, 0.127);
    expect(count).toBeLessThan(250);
    expect(changes).toEqual([{demoted: true, at: watch.state.since, compared: count, broken: expect.any(Number)}]);
    expect(watch.state).toMatchObject({
      ...{demoted: true, tests: {broken: 1, kept: 1}, comparisons: {compared: 0, broken: 0}, lastChange: changes[0]},
    });
  });

  it('takes it back after as much evidence of the opposite', () => {
    const watch = new Watch(promise);
    untilChange(watch, 0.2);
    expect(untilChange(watch, 0.06)).toBeUndefined();
    expect(untilChange(watch, 0.005)).toBeLessThan(2000);
    expect(watch.state).toMatchObject({demoted: false, tests: {broken: 2, kept: 1}});
  });

  it('asks for more evidence at each further test', () => {
    const counts = [1, 2, 8].map(broken => {
      const watch = new Watch(promise, {...new Watch(promise).state, tests: {broken, kept: 0}});
      let count = 0;
      for (; !watch.demoted; count++) watch.add(true);
      return count;
    });
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect(new Set(counts).size).toBe(3);
  });

  it('leaves a student alone that just keeps its promise', () => {
    const alarms = Array.from({length: 40}, (_, seed) => untilChange(new Watch(promise), 0.03, {seed, most: 4000}));
    // Of 40 with probability 0.03 each, more than 5 come in 1 of 1,000.
    expect(alarms.filter(count => count !== undefined).length).toBeLessThanOrEqual(5);
  });

  it('goes on from its state as if it had never stopped', () => {
    const random = seededRandom(3, 'comparisons');
    const whole = new Watch(promise);
    let stopped = new Watch(promise);
    for (let count = 0; count < 3000; count++) {
      const isBroken = randomFraction(random) < (count < 1500 ? 0.1 : 0.001);
      whole.add(isBroken);
      stopped.add(isBroken);
      if (count % 7 === 0) stopped = new Watch(promise, JSON.parse(JSON.stringify(stopped.state)));
    }
    expect(whole.state.tests.kept).toBeGreaterThan(0);
    const {since: _, lastChange: __, ...state} = stopped.state;
    expect(whole.state).toMatchObject(state);
  });

  it.each([{agreement: 1}, {agreement: 0}, {agreement: 0.9, confidence: 1}])('refuses %j', given => {
    expect(() => new Watch(given)).toThrow(InputError);
  });
});
