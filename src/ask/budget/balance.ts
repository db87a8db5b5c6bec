import {BudgetError} from '../../errors.ts';
import {type BudgetLimit, describeAmount, entryOf, type Spending} from './limit.ts';
import {NANO_DOLLARS} from './price.ts';

/** Money is in nano-dollars, so that all amounts are whole numbers. */
export type Amounts = Spending;

const NOTHING: Amounts = {calls: 0, tokens: 0, usd: 0};

/** The limits of a budget, and the amounts that are spent and reserved. */
export class Balance {
  readonly limits: readonly BudgetLimit[];
  #spent = NOTHING;
  #reserved = NOTHING;

  constructor(limits: readonly BudgetLimit[]) {
    this.limits = [...limits];
  }

  /** In dollars. */
  get spent(): Spending {
    return {...this.#spent, usd: this.#spent.usd / NANO_DOLLARS};
  }

  reserve(worst: Amounts): void {
    this.#reserved = sum(this.#reserved, worst);
  }

  free(worst: Amounts): void {
    this.#reserved = sum(this.#reserved, worst, -1);
  }

  spend(actual: Amounts): void {
    this.#spent = sum(this.#spent, actual);
  }

  /** The first limit that this amount could pass. */
  passedBy(worst: Amounts): BudgetLimit | undefined {
    return this.limits.find(limit => {
      const [kind] = entryOf(limit);
      return this.#spent[kind] + this.#reserved[kind] + worst[kind] > most(limit);
    });
  }

  /** The error for a request that could pass this limit. */
  exhausted(limit: BudgetLimit, worst: Amounts): BudgetError {
    const [kind, amount] = entryOf(limit);
    const shown = (value: number) => describeAmount(kind, kind === 'usd' ? value / NANO_DOLLARS : value);
    const left = most(limit) - this.#spent[kind];
    const state =
      left < 0 ? `is passed by ${shown(-left)}, which a service charged beyond its limits` : `has ${shown(left)} left`;
    return new BudgetError(
      `The budget of ${describeAmount(kind, amount)} ${state}, and the next request may come to ` +
        `${shown(worst[kind])}. What was bought is kept: the same command with a larger budget goes on from there.`,
    );
  }
}

/** A limit's amount, money in nano-dollars. */
function most(limit: BudgetLimit): number {
  const [kind, amount] = entryOf(limit);
  return kind === 'usd' ? Math.round(amount * NANO_DOLLARS) : amount;
}

function sum(one: Amounts, other: Amounts, sign: 1 | -1 = 1): Amounts {
  return {
    calls: one.calls + sign * other.calls,
    tokens: one.tokens + sign * other.tokens,
    usd: one.usd + sign * other.usd,
  };
}
