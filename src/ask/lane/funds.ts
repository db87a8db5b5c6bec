import {BudgetError} from '../../errors.ts';
import type {Question} from '../../teacher.ts';
import type {PartialReservation} from '../budget.ts';
import type {Charge} from '../price.ts';
import type {LaneWork} from './lane-work.ts';

/** What is reserved for a batch. */
export interface Funds {
  /** The most that it can come to. */
  readonly worst: Charge;
  /** To be called once, with what it came to. */
  settle(actual: Charge): void;
}

/** How many of some questions the budget lets through, from the first on, and why not all. */
export interface Funding {
  readonly count: number;
  readonly refusal?: BudgetError;
  readonly funds: Funds;
}

/** Reserves the most that a batch of these questions can come to. */
export function reserveFor({service, budget}: LaneWork, questions: readonly Question[]): Funding {
  const charges = questions.map((question): Charge => ({calls: 1, usage: service.worstCase?.([question])}));
  let reserved: PartialReservation | undefined;
  try {
    reserved = budget?.reserveFirst(charges);
  } catch (error) {
    if (error instanceof BudgetError) return {count: 0, refusal: error, funds: NONE};
    throw error;
  }
  const {count = questions.length, reservation, refusal} = reserved ?? {};
  const worst = sumOf(charges.slice(0, count));
  const settle = (actual: Charge) => reservation?.settle(actual);
  return {count, funds: {worst, settle}, ...(refusal && {refusal})};
}

const NONE: Funds = {worst: {calls: 0}, settle: () => {}};

function sumOf(charges: readonly Charge[]): Charge {
  let [calls, inputTokens, outputTokens] = [0, 0, 0];
  for (const charge of charges) {
    calls += charge.calls;
    inputTokens += charge.usage?.inputTokens ?? 0;
    outputTokens += charge.usage?.outputTokens ?? 0;
  }
  return {calls, usage: {inputTokens, outputTokens}};
}
