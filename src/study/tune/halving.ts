/** One round of successive halving: so many candidates, each trained for so many epochs. */
export interface Rung {
  readonly count: number;
  readonly epochs: number;
}

interface RungOptions {
  /** Those of the last rung. */
  readonly epochs: number;
  /** η, 2 or more. */
  readonly reduction: number;
  /** The most candidates that may be left for the last rung. */
  readonly finalists: number;
}

/**
 * The rungs by which few of many candidates come to be trained for all epochs: each keeps one in `reduction` of the rung
 * before, rounded up, and gives it `reduction` times the epochs. Fewer if there are too few epochs to tell rungs apart.
 *
 * A bracket of Li et al. (2018), Hyperband, section 3: with one finalist 81, 27, 9, 3 and 1 candidates for 1, 3, 9, 27 and
 * 81 epochs; its rule is successive halving, Jamieson and Talwalkar (2016), Non-stochastic Best Arm Identification and
 * Hyperparameter Optimization, algorithm 1, with η in place of their 2.
 */
export function rungsOf(candidates: number, {epochs, reduction, finalists}: RungOptions): readonly Rung[] {
  let rounds = 1;
  for (let count = candidates; count > finalists; count = Math.ceil(count / reduction)) rounds++;
  const budgets = Array.from({length: rounds}, (_, round) =>
    Math.max(1, Math.round(epochs / reduction ** (rounds - 1 - round))),
  );
  let count = candidates;
  return [...new Set(budgets)].map((budget, index) => {
    if (index > 0) count = Math.ceil(count / reduction);
    return {count, epochs: budget};
  });
}

/** The scores of candidates at so many epochs; higher is better. */
type ScoreAll = (candidates: readonly number[], epochs: number) => Promise<readonly number[]>;

/**
 * Climbs the rungs with the candidates that score best, and returns the best one of the last rung. Of those that score
 * alike the one that stands first goes before.
 */
export async function successiveHalving(
  candidates: readonly number[],
  rungs: readonly Rung[],
  scoreAll: ScoreAll,
): Promise<number> {
  let standing = candidates;
  for (const {count, epochs} of rungs) {
    const inOrder = candidates.filter(candidate => standing.slice(0, count).includes(candidate));
    const scores = new Map((await scoreAll(inOrder, epochs)).map((score, index) => [inOrder[index]!, score]));
    standing = inOrder.toSorted((one, other) => compared(scores.get(other)!, scores.get(one)!));
  }
  return standing[0]!;
}

/** -Infinity less itself is no number. */
function compared(one: number, other: number): number {
  return one === other ? 0 : one - other;
}
