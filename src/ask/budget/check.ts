import {InputError} from '../../errors.ts';
import type {Service, Teacher} from '../../teacher.ts';
import {type BudgetLimit, describeAmount, entryOf} from './limit.ts';
import {isByToken} from './price.ts';

/** What a budget needs to know of a teacher. */
export interface PricedTeacher extends Pick<Teacher, 'name'> {
  readonly service?: Pick<Service, 'price' | 'worstCase' | 'unbounded'>;
}

/** @throws InputError where nobody could tell when the limit is reached */
export function checkKeepable(limit: BudgetLimit, {name, service}: PricedTeacher): void {
  if (service === undefined || 'calls' in limit) return;
  const {price, worstCase, unbounded} = service;
  const refused = `so a budget of ${describeAmount(...entryOf(limit))} can't be kept`;
  if ('usd' in limit && price === undefined) {
    throw new InputError(
      `The price of teacher ${name} is not known, ${refused}. Give its adapter one, in US dollars: ` +
        '`price: {perCall, perMillionInputTokens, perMillionOutputTokens}`, or `price: {}` where it is free. ' +
        'Or give the budget in calls.',
    );
  }
  if (worstCase === undefined && ('tokens' in limit || (price && isByToken(price)))) {
    throw new InputError(
      `Teacher ${name} doesn't say how many tokens a request may use, ${refused}. Give the budget in calls.`,
    );
  }
  const isCharged = unbounded?.of === 'fees' ? price && Object.values(price).some(Boolean) : price && isByToken(price);
  const isPassable = 'tokens' in limit || isCharged;
  if (unbounded && isPassable) {
    throw new InputError(
      `Nobody can say the most that a request to teacher ${name} costs, ${refused}. ${unbounded.problem} Or give the ` +
        'budget in calls.',
    );
  }
}
