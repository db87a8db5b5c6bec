import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {RefusalEvidence} from '../../src/pace/refusal-evidence.ts';

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
