/** Whether each item of a row is marked, in the order of the row. */
export type MarkedRow = readonly boolean[];

export interface RankSum {
  /**
   * The probability of marks as far from the middle of their rows as these, if each row puts its marks at random. It is at
   * most α with probability at most α, given how many items of each row are marked.
   */
  readonly p: number;
  /** True if the marks stand late in their rows, false if early, or in the middle. */
  readonly isLate: boolean;
}

/**
 * An exact two-sided test of whether marked items stand earlier or later in their rows than others: the rank sum of Wilcoxon
 * (1945, Biometrics Bulletin 1(6)), summed over the rows, by its whole distribution.
 */
export function rankSumTest(rows: readonly MarkedRow[]): RankSum {
  let chances: Float64Array = Float64Array.of(1);
  let sum = 0;
  for (const row of rows) {
    const ranks = row.flatMap((isMarked, rank) => (isMarked ? [rank] : []));
    // A row that is marked throughout, or not at all, says nothing.
    if (ranks.length === 0 || ranks.length === row.length) continue;
    sum += ranks.reduce((total, rank) => total + rank, 0) - leastSum(ranks.length);
    chances = convolved(chances, chancesOfSums(row.length, ranks.length));
  }
  const [below, above] = [total(chances.subarray(0, sum + 1)), total(chances.subarray(sum))];
  return {p: Math.min(1, 2 * Math.min(below, above)), isLate: above < below};
}

/** The sum of the ranks of the first `marked` items. */
function leastSum(marked: number): number {
  return (marked * (marked - 1)) / 2;
}

/** The probability of each sum of ranks, above the least, of so many items that are drawn from a row. */
function chancesOfSums(count: number, marked: number): Float64Array {
  const length = leastSum(marked) + marked * (count - marked) + 1;
  const ways = Array.from({length: marked + 1}, () => new Float64Array(length));
  ways[0]![0] = 1;
  for (let rank = 0; rank < count; rank++) {
    for (let drawn = Math.min(rank + 1, marked); drawn > 0; drawn--) {
      const [without, within] = [ways[drawn - 1]!, ways[drawn]!];
      for (let sum = rank; sum < length; sum++) within[sum]! += without[sum - rank]!;
    }
  }
  const sums = ways[marked]!.subarray(leastSum(marked));
  const all = total(sums);
  return sums.map(way => way / all);
}

function convolved(one: Float64Array, other: Float64Array): Float64Array {
  const result = new Float64Array(one.length + other.length - 1);
  for (const [start, chance] of one.entries()) {
    for (const [index, otherChance] of other.entries()) result[start + index]! += chance * otherChance;
  }
  return result;
}

function total(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
