import {InputError} from '../../errors.ts';
import type {Price, Usage} from '../../teacher.ts';

/** The cause of a charge: requests and their tokens. */
export interface Charge {
  /** Requests that went out. */
  readonly calls: number;
  /** @default no tokens */
  readonly usage?: Usage | undefined;
}

/** Money is counted in whole nano-dollars, so that sums of many small amounts stay exact. */
export const NANO_DOLLARS = 1e9;

/** The price of a token is a whole number of these: $0.0375 for a million tokens is 37,500 for one. */
const PICO_DOLLARS = 1e12;

/** The cost of a charge in US dollars: a whole number of nano-dollars, rounded up. */
export function costOf(price: Price, charge: Charge): number {
  return nanoDollars(price, charge) / NANO_DOLLARS;
}

/** The cost of a charge in nano-dollars. */
export function nanoDollars(price: Price, {calls, usage}: Charge): number {
  const {perCall = 0, perMillionInputTokens = 0, perMillionOutputTokens = 0} = price;
  const {perMillionCacheReadTokens = perMillionInputTokens, perMillionCacheWriteTokens = perMillionInputTokens} = price;
  const {inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0} = usage ?? {};
  const perToken = (perMillion: number) => Math.round(perMillion * (PICO_DOLLARS / 1e6));
  const picoDollars =
    calls * Math.round(perCall * PICO_DOLLARS) +
    (inputTokens - cacheReadTokens - cacheWriteTokens) * perToken(perMillionInputTokens) +
    cacheReadTokens * perToken(perMillionCacheReadTokens) +
    cacheWriteTokens * perToken(perMillionCacheWriteTokens) +
    outputTokens * perToken(perMillionOutputTokens);
  return Math.ceil(picoDollars / (PICO_DOLLARS / NANO_DOLLARS));
}

const FIELDS = Object.keys({
  perCall: 0,
  perMillionInputTokens: 0,
  perMillionOutputTokens: 0,
  perMillionCacheReadTokens: 0,
  perMillionCacheWriteTokens: 0,
} satisfies {readonly [K in keyof Required<Price>]: 0});

/**
 * @param teacher - its name, for the message
 * @throws InputError if a price is negative or no number, or nobody knows what it is for
 */
export function checkPrice(price: Price, teacher: string): void {
  for (const [field, value] of Object.entries(price)) {
    if (!FIELDS.includes(field)) {
      throw new InputError(
        `\`price.${field}\` of teacher ${teacher} is no part of a price. Those are ${FIELDS.join(', ')}.`,
      );
    }
    if (Number.isFinite(value) && value >= 0) continue;
    throw new InputError(`Expected \`price.${field}\` of teacher ${teacher} to be 0 or more dollars, got ${value}.`);
  }
}

/** True if a price depends on the number of tokens. */
export function isByToken({perCall: _, ...byToken}: Price): boolean {
  return Object.values(byToken).some(perMillion => perMillion > 0);
}

/** Dollars as `$1,234.50`; below one dollar with two significant digits, as `$0.0042`. */
export function dollars(usd: number): string {
  const digits = usd > 0 && usd < 1 ? Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(usd)))) : 2;
  return `$${usd.toLocaleString('en-GB', {minimumFractionDigits: digits, maximumFractionDigits: digits})}`;
}
