import {exactInterval} from './bounds.ts';

/**
 * The interval of the difference of two shares that were counted on the same trials. It is the share of the trials that
 * tell the two ways apart, times twice the share of these in favour of the one way, less one. Both shares have exact
 * intervals, each at half the error (Clopper and Pearson, 1934; Bonferroni), so that the interval holds the difference at
 * least as often as it says. It leaves out 0 if an exact sign test at half the error does (McNemar, 1947).
 *
 * @param one - trials in which it happened in the one way and not in the other
 * @param other - trials in which it happened in the other way and not in the one
 */
export function pairedInterval(
  {one, other}: {readonly one: number; readonly other: number},
  trials: number,
  confidence = 0.95,
): readonly [low: number, high: number] {
  const each = 1 - (1 - confidence) / 2;
  const [fewest, most] = exactInterval(one + other, trials, each);
  const [least, greatest] = exactInterval(one, one + other, each).map(share => 2 * share - 1) as [number, number];
  return [least * (least < 0 ? most : fewest), greatest * (greatest > 0 ? most : fewest)];
}
