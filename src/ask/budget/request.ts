import type {Excess} from './excess.ts';
import {type Amounts, type BudgetLimit, checkKeepable, NO_BOUND, type PricedTeacher} from './limit.ts';
import {type Charge, checkPrice, nanoDollars} from './price.ts';

/** A request of a teacher, with the most that it can cost. */
export class Request {
  readonly account: Account;
  readonly charge: Charge;
  /** The reserved amounts. They can rise while the request is under way. */
  worst: Amounts;

  constructor(account: Account, charge: Charge) {
    this.account = account;
    this.charge = charge;
    this.worst = this.raised;
  }

  /** The worst case by all that is known of the teacher now. */
  get raised(): Amounts {
    return this.account.amountsOf(this.account.excess.raised(this.charge));
  }
}

/** The charges of one teacher's requests. */
export interface Account {
  readonly name: string;
  readonly excess: Excess;
  amountsOf(charge: Charge): Amounts;
}

/**
 * The charges of a teacher, at its price, and a check of what a request may cost.
 *
 * @throws InputError if a limit can't be kept, because a price, a count of tokens or a bound on them is missing
 */
export function accountOf(
  teacher: PricedTeacher,
  limits: readonly BudgetLimit[],
  excess: Excess,
): {readonly account: Account; checkBound(charge: Charge): void} {
  const {name, service: {price} = {}} = teacher;
  if (price) checkPrice(price, name);
  for (const limit of limits) checkKeepable(limit, teacher);
  const account: Account = {
    name,
    excess,
    amountsOf: charge => ({
      calls: charge.calls,
      tokens: charge.usage ? charge.usage.inputTokens + charge.usage.outputTokens : 0,
      usd: price ? nanoDollars(price, charge) : 0,
    }),
  };
  return {
    account,
    checkBound({usage}) {
      if (usage !== undefined || teacher.service?.worstCase === undefined) return;
      const service = {...teacher.service, unbounded: NO_BOUND};
      for (const limit of limits) checkKeepable(limit, {name, service});
    },
  };
}
