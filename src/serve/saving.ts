import {costOf, isByToken} from '../ask/budget/price.ts';
import {leavesOf} from '../ask/compose/parts.ts';
import type {Ledger} from '../ask/ledger.ts';
import type {Teacher} from '../teacher.ts';

/**
 * What one answer of a teacher costs, in US dollars: the mean of those that were bought, and before the first of them the
 * price of a call, where tokens cost nothing. Undefined where that isn't known. What is asked of a part only at times is
 * left out.
 */
export function costEachOf(teacher: Teacher, ledger: Ledger): () => number | undefined {
  const leaves = leavesOf(teacher, teacher.detail).filter(
    ({least, beforehand}) => least > 0 && beforehand === undefined,
  );
  const answersEach = leaves.reduce((sum, {samples}) => sum + samples, 0);
  const price = leaves.length === 1 ? leaves[0]!.teacher.service?.price : undefined;
  const perCall = price && !isByToken(price) ? costOf(price, {calls: answersEach}) : undefined;
  return () => {
    const {usd, bought} = ledger.snapshot();
    return usd === undefined || bought === 0 ? perCall : (usd / bought) * answersEach;
  };
}
