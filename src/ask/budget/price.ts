import {InputError} from '../../errors.ts';
import type {Price, Usage} from '../../teacher.ts';

/** What is charged for requests. */
export interface Charge {
  /** Requests that went out. */
  readonly calls: number;
  /** @default no tokens */
  readonly usage?: Usage | undefined;
}

/** Money is counted in whole nano-dollars, so that sums of many small amounts stay exact. */
export const NANO_DOLLARS = 1e9;

/** Of which a token's price has a whole number: $0.0375 for a million is 37,500 of them. */
const PICO_DOLLARS = 1e12;

/** What a charge costs, in US dollars: a whole number of nano-dollars, rounded up. */
export function costOf(price: Price, charge: Charge): number {
  return nanoDollars(price, charge) / NANO_DOLLARS;
}

/** The same in nano-dollars. */
export function nanoDollars(price: Price, {calls, usage}: Charge): number {
  const {perCall = 0, perMillionInputTokens = 0, perMillionOutputTokens = 0} = price;
  const {inputTokens = 0, outputTokens = 0} = usage ?? {};
  const picoDollars =
    calls * Math.round(perCall * PICO_DOLLARS) +
    inputTokens * Math.round(perMillionInputTokens * (PICO_DOLLARS / 1e6)) +
    outputTokens * Math.round(perMillionOutputTokens * (PICO_DOLLARS / 1e6));
  return Math.ceil(picoDollars / (PICO_DOLLARS / NANO_DOLLARS));
}

/**
 * @param teacher - its name, for the message
 * @throws InputError where a price is negative or no number
 */
export function checkPrice(price: Price, teacher: string): void {
  for (const [field, value] of Object.entries(price)) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new InputError(`Expected \`price.${field}\` of teacher ${teacher} to be 0 or more dollars, got ${value}.`);
  }
}

/** Whether a price depends on how many tokens a request uses. */
export function isByToken({perMillionInputTokens = 0, perMillionOutputTokens = 0}: Price): boolean {
  return perMillionInputTokens > 0 || perMillionOutputTokens > 0;
}

/** Dollars as `$1,234.50`; below one with two digits that count, as `$0.0042`. */
export function dollars(usd: number): string {
  const digits = usd > 0 && usd < 1 ? Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(usd)))) : 2;
  return `$${usd.toLocaleString('en-GB', {minimumFractionDigits: digits, maximumFractionDigits: digits})}`;
}
