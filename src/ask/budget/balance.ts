import {BudgetError} from '../../errors.ts';
import type {Usage} from '../../teacher.ts';
import {type BudgetLimit, describeAmount, entryOf, type Spending} from './limit.ts';
import {type Charge, NANO_DOLLARS} from './price.ts';

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

/** A count of tokens that was charged, and its worst case. */
interface Share {
  readonly charged: number;
  readonly worst: number;
}

const AS_SAID: Share = {charged: 1, worst: 1};

/**
 * The factor by which a teacher's replies passed their requests' worst case. A service may ignore its own limits, or
 * count tokens that no body shows. The highest ratio counts, for input and output separately.
 */
export class Excess {
  /** The ratio of the last note. */
  #told = 0.5;
  readonly #highest: Record<keyof Usage, Share> = {inputTokens: AS_SAID, outputTokens: AS_SAID};

  /** The worst case of a request by all that was seen. */
  raised({calls, usage}: Charge): Charge {
    if (usage === undefined) return {calls};
    const {inputTokens, outputTokens} = usage;
    return {
      calls,
      usage: {
        inputTokens: times(inputTokens, this.#highest.inputTokens),
        outputTokens: times(outputTokens, this.#highest.outputTokens),
      },
    };
  }

  /**
   * Compares the cost of a request with its worst case.
   *
   * @param worst - not raised
   * @returns the highest ratio by which it passes what was seen before, of one request's tokens; 1 if it doesn't
   */
  saw({usage: worst}: Charge, {usage: actual}: Charge): number {
    if (worst === undefined || actual === undefined) return 1;
    return Math.max(this.#sawOf('inputTokens', worst, actual), this.#sawOf('outputTokens', worst, actual));
  }

  /** The note about a ratio that was seen; undefined if it is less than twice the one before. */
  noteOf(ratio: number, teacher: string): string | undefined {
    if (ratio < 2 * this.#told) return undefined;
    this.#told = ratio;
    return (
      `Teacher ${teacher} counted ${(Math.ceil(10 * ratio) / 10).toLocaleString('en-GB')} times the tokens that a request ` +
      "may use by its body: it doesn't keep its limits. Its requests, those under way as well, are reserved at as many " +
      'times their worst case from now on. What it charges beyond its limits for those under way can pass the budget. ' +
      'Check which limits in `maxTokens` and `parameters` the service heeds.'
    );
  }

  #sawOf(kind: keyof Usage, worst: Usage, actual: Usage): number {
    if (actual[kind] <= times(worst[kind], this.#highest[kind])) return 1;
    this.#highest[kind] = {charged: actual[kind], worst: Math.max(1, worst[kind])};
    return actual[kind] / Math.max(1, worst[kind]);
  }
}

/** A count of 0 is raised like a count of 1. */
function times(count: number, share: Share): number {
  return share === AS_SAID ? count : Math.ceil((Math.max(1, count) * share.charged) / share.worst);
}
