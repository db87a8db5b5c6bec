import {count, counted, significant} from '../../study/report/format.ts';
import type {Int8Effect} from './export.ts';

/** Says what weights in 8 bits change, without a full stop. */
export function effectOf({greatestDifference, inputs, sameClass}: Int8Effect): string {
  const most = `${significant(greatestDifference)} at most on ${counted(inputs, 'test vector')}`;
  return sameClass === undefined
    ? `a number of a vector differs by ${most}`
    : `a logit differs by ${most}, and ${count(sameClass)} have the same class`;
}
