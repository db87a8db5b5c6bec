import {BudgetError, InputError} from '../errors.ts';
import type {Service, Teacher} from '../teacher.ts';
import {type BudgetLimit, checkLimit, describeAmount, entryOf, type Spending} from './budget-limit.ts';
import {type Charge, checkPrice, isByToken, NANO_DOLLARS, nanoDollars} from './price.ts';

/** What one run may spend, over all of its teachers. */
export interface Budget {
  readonly limits: readonly BudgetLimit[];
  /** What was settled so far, without what is reserved. */
  readonly spent: Spending;
  /**
   * The budget as one teacher draws on it, at its price.
   *
   * @throws InputError where a limit could not be kept, for want of a price or of a count of tokens
   */
  forTeacher(teacher: PricedTeacher): TeacherBudget;
}

/** What a budget needs to know of a teacher. */
export interface PricedTeacher extends Pick<Teacher, 'name'> {
  readonly service?: Pick<Service, 'price' | 'worstCase'>;
}

export interface TeacherBudget {
  /**
   * Reserves the most that a request can come to. Where that doesn't fit, but requests under way may come to less than
   * was reserved for them, it waits for these. Those who wait are served in turn.
   *
   * @param signal - ends the wait
   * @throws BudgetError where nothing is under way and it doesn't fit; nothing is reserved then
   */
  reserve(worst: Charge, signal?: AbortSignal): Promise<Reservation>;
  /**
   * Reserves the most that requests can come to that go out together: of as many of them, from the first on, as fit.
   *
   * @throws BudgetError where not even the first one fits
   */
  reserveFirst(worst: readonly Charge[]): PartialReservation;
}

export interface PartialReservation {
  /** How many fit. */
  readonly count: number;
  readonly reservation: Reservation;
  /** Why not all of them did. */
  readonly refusal?: BudgetError;
}

export interface Reservation {
  /**
   * Puts what the request came to in the place of what was reserved. To be called once, whatever became of the request:
   * with no calls where it never went out.
   *
   * @throws TypeError the second time
   */
  settle(actual: Charge): void;
}

/**
 * A budget that keeps every one of these limits, however many requests are under way: before a request goes out its
 * worst case is reserved. It can be passed by a teacher only whose requests come to more than their worst case.
 *
 * @param limits - none: it counts and never refuses
 * @throws InputError where a limit is no amount
 */
export function createBudget(limits: readonly BudgetLimit[] = []): Budget {
  limits.forEach(checkLimit);
  return new SharedBudget(limits);
}

/** Money in nano-dollars, so that all of it is whole numbers. */
type Amounts = Spending;

const NOTHING: Amounts = {calls: 0, tokens: 0, usd: 0};

interface Waiting {
  readonly worst: Amounts;
  readonly admit: () => void;
  readonly refuse: (error: unknown) => void;
}

class SharedBudget implements Budget {
  readonly limits: readonly BudgetLimit[];
  #spent: Amounts = NOTHING;
  #reserved: Amounts = NOTHING;
  #underWay = 0;
  readonly #queue: Waiting[] = [];

  constructor(limits: readonly BudgetLimit[]) {
    this.limits = [...limits];
  }

  get spent(): Spending {
    return {...this.#spent, usd: this.#spent.usd / NANO_DOLLARS};
  }

  forTeacher(teacher: PricedTeacher): TeacherBudget {
    const {price} = teacher.service ?? {};
    if (price) checkPrice(price, teacher.name);
    for (const limit of this.limits) checkKeepable(limit, teacher);
    const amountsOf = (charge: Charge): Amounts => ({
      calls: charge.calls,
      tokens: charge.usage ? charge.usage.inputTokens + charge.usage.outputTokens : 0,
      usd: price ? nanoDollars(price, charge) : 0,
    });
    return {
      reserve: async (charge, signal) => {
        signal?.throwIfAborted();
        const worst = amountsOf(charge);
        if (this.#queue.length === 0 && !this.#passedBy(worst)) this.#admit(worst);
        else await this.#wait(worst, signal);
        return this.#reservationOf(worst, amountsOf);
      },
      reserveFirst: charges => {
        let [count, worst] = [0, NOTHING];
        let refusal: BudgetError | undefined;
        for (const charge of charges) {
          const next = amountsOf(charge);
          const limit = this.#passedBy(sum(worst, next));
          refusal = limit && this.#exhausted(limit, next);
          if (refusal) break;
          [count, worst] = [count + 1, sum(worst, next)];
        }
        if (refusal && count === 0) throw refusal;
        this.#admit(worst);
        return {count, reservation: this.#reservationOf(worst, amountsOf), ...(refusal && {refusal})};
      },
    };
  }

  #reservationOf(worst: Amounts, amountsOf: (charge: Charge) => Amounts): Reservation {
    let isSettled = false;
    return {
      settle: actual => {
        if (isSettled) throw new TypeError('A reservation was settled twice.');
        isSettled = true;
        this.#leave(worst, amountsOf(actual));
      },
    };
  }

  #admit(worst: Amounts): void {
    this.#underWay++;
    this.#reserved = sum(this.#reserved, worst);
  }

  #wait(worst: Amounts, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        waiting.refuse(signal?.reason);
        this.#serve();
      };
      const waiting: Waiting = {
        worst,
        admit: () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        },
        refuse: error => {
          signal?.removeEventListener('abort', stop);
          reject(error);
        },
      };
      this.#queue.push(waiting);
      this.#serve();
      if (this.#queue.includes(waiting)) signal?.addEventListener('abort', stop);
    });
  }

  #leave(worst: Amounts, actual: Amounts): void {
    this.#underWay--;
    this.#reserved = sum(this.#reserved, worst, -1);
    this.#spent = sum(this.#spent, actual);
    this.#serve();
  }

  /** Decides about those who wait, in turn, up to the one for whom it depends on what is under way. */
  #serve(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const limit = this.#passedBy(next.worst);
      if (limit && this.#underWay > 0) return;
      this.#queue.shift();
      if (limit) {
        next.refuse(this.#exhausted(limit, next.worst));
      } else {
        this.#admit(next.worst);
        next.admit();
      }
    }
  }

  /** The first limit that so much more could pass. */
  #passedBy(worst: Amounts): BudgetLimit | undefined {
    return this.limits.find(limit => {
      const [kind] = entryOf(limit);
      return this.#spent[kind] + this.#reserved[kind] + worst[kind] > most(limit);
    });
  }

  #exhausted(limit: BudgetLimit, worst: Amounts): BudgetError {
    const [kind, amount] = entryOf(limit);
    const shown = (value: number) => describeAmount(kind, kind === 'usd' ? value / NANO_DOLLARS : value);
    const left = Math.max(0, most(limit) - this.#spent[kind]);
    return new BudgetError(
      `The budget of ${describeAmount(kind, amount)} has ${shown(left)} left, and the next request may come to ` +
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

/** @throws InputError where nobody could tell when the limit is reached */
function checkKeepable(limit: BudgetLimit, {name, service}: PricedTeacher): void {
  if (service === undefined || 'calls' in limit) return;
  const {price, worstCase} = service;
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
}
