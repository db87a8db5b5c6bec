import {costOf, isByToken} from '../ask/budget/price.ts';
import {leavesOf} from '../ask/compose/parts.ts';
import type {Ledger} from '../ask/ledger.ts';
import type {Teacher} from '../teacher.ts';

/**
 * The cost of one answer of a teacher, in US dollars. It is the mean cost of the answers bought so far. Before the
 * first one it is the price of a call, if the service doesn't charge by the token. Undefined if that isn't known. Parts
 * of the teacher that are asked only at times are left out.
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
