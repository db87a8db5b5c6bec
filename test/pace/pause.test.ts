import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {Pause, RefusalEvidence} from '../../src/pace/pause.ts';

/** When each of so many requests goes that all wait. */
function wake(pause: Pause, requests: number, now = 0): number[] {
  return Array.from({length: requests}, () => {
    now += pause.wait(now);
    pause.sent(now);
    return now;
  });
}

describe('Pause', () => {
  it('wakes requests one after the other within a fifth of the wait, and none before its end', () => {
    for (const draw of [0, 0.5, 0.999]) {
      const pause = new Pause(() => draw);
      pause.begin(20_000, 10, 0);
      const times = wake(pause, 10);
      expect(Math.min(...times)).toBeGreaterThanOrEqual(20_000);
      expect(Math.max(...times)).toBeLessThanOrEqual(24_000);
      expect(new Set(times).size).toBe(draw === 0 ? 1 : 10);
      expect(pause.wait(times.at(-1)!)).toBe(0);
    }
  });

  it('takes no more than ten seconds for that', () => {
    const pause = new Pause(() => 1);
    pause.begin(3_600_000, 4, 0);
    expect(wake(pause, 4)).toEqual([3_602_500, 3_605_000, 3_607_500, 3_610_000]);
  });

  it('is made longer by a later end, never shorter', () => {
    const pause = new Pause(() => 0);
    pause.begin(10_000, 1, 0);
    pause.begin(2000, 1, 5000);
    expect(pause.remaining(5000)).toBe(5000);
    pause.begin(20_000, 1, 5000);
    expect(pause.remaining(5000)).toBe(20_000);
    expect(pause.remaining(30_000)).toBe(0);
  });

  it('doubles a back-off up to a minute, until the service answers', () => {
    const pause = new Pause(() => 0);
    let now = 0;
    const backOff = () => {
      pause.begin(undefined, 1, now);
      const wait = pause.wait(now);
      now += wait;
      return wait;
    };
    expect(Array.from({length: 8}, backOff)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    pause.answered();
    expect(backOff()).toBe(1000);
  });
});

/** After so many answers. */
function calm(answers: number): RefusalEvidence {
  const evidence = new RefusalEvidence();
  for (let answer = 0; answer < answers; answer++) evidence.answered();
  return evidence;
}

describe('RefusalEvidence', () => {
  it('takes a refusal for a limit before there are answers, and not after six', () => {
    expect(new RefusalEvidence().refused()).toBe(true);
    expect(calm(5).refused()).toBe(true);
    expect(calm(6).refused()).toBe(false);
  });

  it('takes the fifth refusal in a row for a limit, whatever went before', () => {
    const evidence = calm(1000);
    expect(Array.from({length: 6}, () => evidence.refused())).toEqual([false, false, false, false, true, true]);
  });

  // Drawn two million times in Python: once in 62,500 and once in 749 replies.
  it.each([
    [0.05, 20_000, 200_000],
    [0.1, 600, 900],
  ])('takes chance, %f of the replies, for a limit once in %i to %i', (share, low, high) => {
    const random = seededRandom(1, 'refusals');
    const evidence = calm(100);
    const replies = 1_000_000;
    let limits = 0;
    for (let reply = 0; reply < replies; reply++) {
      if (randomFraction(random) >= share) evidence.answered();
      else if (evidence.refused()) limits++;
    }
    expect(replies / limits).toBeGreaterThan(low);
    expect(replies / limits).toBeLessThan(high);
  });
});
