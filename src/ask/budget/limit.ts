import {BudgetError, InputError} from '../../errors.ts';
import type {Service, Teacher, Unbounded} from '../../teacher.ts';
import {dollars, isByToken, NANO_DOLLARS} from './price.ts';

/** The most that a run may spend of one thing. */
export type BudgetLimit = {readonly calls: number} | {readonly tokens: number} | {readonly usd: number};

/** The amounts spent of everything that a budget can limit. */
export interface Spending {
  /** Requests that went out. */
  readonly calls: number;
  /** Input and output tokens. */
  readonly tokens: number;
  /** US dollars, for the teachers with a known price. */
  readonly usd: number;
}

const FORMS = 'Give a budget as 5usd (or $5), 2000calls or 3Mtok.';

const UNITS: readonly (readonly [RegExp, keyof Spending])[] = [
  [/^(\$|usd|dollars?)$/i, 'usd'],
  [/^calls?$/i, 'calls'],
  [/^tok(ens?)?$/i, 'tokens'],
];

/**
 * Reads a budget: an amount and its unit, as `5usd`, `$5`, `2000calls`, `3Mtok`, `500k tokens`.
 *
 * @throws InputError that shows the forms
 *
 * @example
 * ```ts
 * import {createBudget, parseBudget} from 'limbeck/ask';
 *
 * export const budget = createBudget([parseBudget('5usd'), parseBudget('2000calls')]);
 * ```
 */
export function parseBudget(text: string): BudgetLimit {
  const refuse = (problem: string) => new InputError(`The budget \`${text}\` ${problem}. ${FORMS}`);
  const [, sign, digits, scale, unit] = /^\s*(\$?)\s*(\d+(?:\.\d+)?)\s*([km]?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  if (digits === undefined) throw refuse('is not an amount of something');
  if (sign && unit) throw refuse('gives its unit twice');
  const kind = UNITS.find(([names]) => names.test(sign || unit || ''))?.[1];
  if (kind === undefined) throw refuse(unit ? `is of \`${unit}\`, which is no unit` : 'has no unit');
  if (scale && kind === 'usd') throw refuse('shortens an amount of dollars, which is to be given in full');
  const limit = {[kind]: scaled(digits, scale)} as unknown as BudgetLimit;
  checkLimit(limit);
  return limit;
}

function scaled(digits: string, scale = ''): number {
  const power = {'': 0, k: 3, m: 6}[scale.toLowerCase()];
  // The exponent is part of the text, because 4.35 * 1000 would be a little less than 4350.
  return Number(`${digits}e${power}`);
}

/** @throws InputError if an amount is not above 0, or has a fraction of a call or a token */
export function checkLimit(limit: BudgetLimit): void {
  const [kind, amount] = entryOf(limit);
  const isWhole = kind === 'usd' || Number.isSafeInteger(amount);
  if (amount > 0 && Number.isFinite(amount) && isWhole) return;
  throw new InputError(
    `A budget is a ${kind === 'usd' ? '' : 'whole '}number above 0, not ${amount} ${kind}. ${FORMS}`,
  );
}

/** The unit of a limit, and its amount. */
export function entryOf(limit: BudgetLimit): readonly [keyof Spending, number] {
  return Object.entries(limit)[0] as [keyof Spending, number];
}

/** An amount as messages show it, for example `2,000 calls` or `$5.00`. */
export function describeAmount(kind: keyof Spending, amount: number): string {
  if (kind === 'usd') return dollars(amount);
  return `${amount.toLocaleString('en-GB')} ${amount === 1 ? kind.slice(0, -1) : kind}`;
}

/** The facts that a budget needs about a teacher. */
export interface PricedTeacher extends Pick<Teacher, 'name'> {
  readonly service?: Pick<Service, 'price' | 'worstCase' | 'unbounded'> | undefined;
}

/** The cost of requests whose most tokens are not known, although the service counts tokens. */
export const NO_BOUND: Unbounded = {
  of: 'tokens',
  problem: 'The most tokens of an image depend on the model: give the adapter `imageTokens`.',
};

/** @throws InputError if nobody could tell when the limit is reached */
export function checkKeepable(limit: BudgetLimit, {name, service}: PricedTeacher): void {
  if (service === undefined || 'calls' in limit) return;
  const {price, worstCase, unbounded} = service;
  const refused = `so a budget of ${describeAmount(...entryOf(limit))} can't be kept`;
  if ('usd' in limit && price === undefined) {
    throw new InputError(
      `The price of teacher ${name} is not known, ${refused}. Give its adapter one, in US dollars: ` +
        '`price: {perCall, perMillionInputTokens, perMillionOutputTokens}`, or `price: {}` if it is free. ' +
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

/** Money is in nano-dollars, so that all amounts are whole numbers. */
export type Amounts = Spending;

export const NOTHING: Amounts = {calls: 0, tokens: 0, usd: 0};

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
export function most(limit: BudgetLimit): number {
  const [kind, amount] = entryOf(limit);
  return kind === 'usd' ? Math.round(amount * NANO_DOLLARS) : amount;
}

export function sum(one: Amounts, other: Amounts, sign: 1 | -1 = 1): Amounts {
  return {
    calls: one.calls + sign * other.calls,
    tokens: one.tokens + sign * other.tokens,
    usd: one.usd + sign * other.usd,
  };
}
