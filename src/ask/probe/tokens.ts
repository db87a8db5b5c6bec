import type {Inspection, ScoredToken, TokenKey, TokenScores, TokenStep} from '../../service-features.ts';
import {decimalsOf, OF_DOUBLES, type Range, rangeOf} from './decimals.ts';

/** The true meaning of token scores. */
export interface TokenFindings {
  readonly declared: TokenScores;
  /** Absent if it is unclear. */
  readonly meaning?: TokenScores['meaning'];
  /** Positions in the generations that were inspected. */
  readonly positions: number;
  /** Tokens that are named at a position. */
  readonly named: Range;
  /** Probability mass of these tokens; meaningless for logits. */
  readonly mass: Range;
  /** Tokens with a stand-in, such as -9999, instead of a log-probability. */
  readonly untold: number;
  readonly key: TokenKey;
  /** Positions at which two tokens are written alike. */
  readonly alike: number;
  /** Positions at which another token than the most probable one was generated. */
  readonly bent: number;
  /** The decimals to which log-probabilities are rounded; absent if they aren't. */
  readonly decimals?: number;
  readonly temperature?: TemperatureTrial;
}

/** The result of asking one query again with another temperature. */
export interface TemperatureTrial {
  readonly temperature: number;
  /** The largest change of a token's log-probability at the first position, in nats. */
  readonly change?: number;
  /** The reason why the change is not known. */
  readonly problem?: string;
}

/** Services write this, or less, for a log-probability below the least that they report. */
const UNTOLD = -9999;

/** How far above 1 the probabilities of services that round can be. */
const SLACK = 0.02;

/** How much a log-probability can change without a change of temperature, in nats. */
const JITTER = 0.05;

/** Undefined if no reply shows any. */
export function findInTokens(
  inspections: readonly Inspection[],
  declared: TokenScores,
  temperature?: TemperatureTrial,
): TokenFindings | undefined {
  const steps = inspections.flatMap(({steps: told = []}) => told).filter(step => tokensAt(step).length > 0);
  const locations = steps.map(tokensAt);
  if (locations.length === 0) return undefined;
  const told = locations.map(tokens => tokens.map(({logProbability}) => logProbability).filter(isTold));
  const meaning = meaningOf(steps, declared, temperature);
  const decimals = decimalsOf(told.flat(), OF_DOUBLES);
  return {
    declared,
    ...(meaning && {meaning}),
    positions: locations.length,
    named: rangeOf(locations.map(tokens => tokens.length))!,
    mass: rangeOf(told.map(massOf))!,
    untold: locations.flat().length - told.flat().length,
    key: keyOf(locations.flat()),
    alike: locations.filter(tokens => new Set(tokens.map(({text}) => text)).size < tokens.length).length,
    bent: steps.filter(isBent).length,
    ...(decimals !== undefined && {decimals}),
    ...(temperature && {temperature}),
  };
}

/** The largest change of a token's log-probability between two steps; undefined if they share no token. */
export function changeBetween(one: TokenStep, other: TokenStep): number | undefined {
  const after = new Map(tokensAt(other).map(token => [nameOf(token), token.logProbability]));
  const changes = tokensAt(one).flatMap(token => {
    const again = after.get(nameOf(token));
    return again === undefined || !isTold(again) || !isTold(token.logProbability)
      ? []
      : [Math.abs(again - token.logProbability)];
  });
  return rangeOf(changes)?.most;
}

/** The alternatives and the chosen token, which can be among them. */
function tokensAt({chosen, alternatives}: TokenStep): readonly ScoredToken[] {
  if (chosen === undefined || alternatives.some(token => nameOf(token) === nameOf(chosen))) return alternatives;
  return [chosen, ...alternatives];
}

/** How much equally probable tokens can differ, in nats. */
const LEVEL = 1e-3;

function isBent({chosen, alternatives}: TokenStep): boolean {
  if (chosen === undefined) return false;
  const most = Math.max(...alternatives.map(({logProbability}) => logProbability));
  return chosen.logProbability < most - LEVEL;
}

function nameOf({id, bytes, text}: ScoredToken): string {
  if (id !== undefined) return `id ${id}`;
  return bytes?.length ? `bytes ${bytes.join()}` : `text ${text}`;
}

function isTold(logProbability: number): boolean {
  return logProbability > UNTOLD;
}

function massOf(logs: readonly number[]): number {
  return logs.reduce((sum, value) => sum + Math.exp(value), 0);
}

/** A control token can have no text, and then has no bytes. */
function keyOf(tokens: readonly ScoredToken[]): TokenKey {
  if (tokens.every(({id}) => id !== undefined)) return 'id';
  return tokens.every(({bytes, text}) => text === '' || bytes?.length) ? 'bytes' : 'string';
}

function meaningOf(
  steps: readonly TokenStep[],
  {topK}: TokenScores,
  {change}: Partial<TemperatureTrial> = {},
): TokenScores['meaning'] | undefined {
  if (steps.flatMap(tokensAt).some(({logProbability}) => logProbability > SLACK)) return 'logits';
  if (change !== undefined && change > JITTER) return 'processed';
  const isMasked = steps.some(hasRuledOut) || steps.every(step => isShort(tokensAt(step), topK));
  if (isMasked) return 'masked';
  return change === undefined ? undefined : 'raw';
}

/** True if a token without a probability is named among the most probable ones, so all others were ruled out. */
function hasRuledOut({alternatives}: TokenStep): boolean {
  return alternatives.some(({logProbability}) => !isTold(logProbability));
}

/** The log-probability that single tokens reach without any cut: all others are nearly impossible. */
const SURE = -7;

/** True if all mass is on fewer tokens than were asked for: the others were left out, and the rest scaled to 1. */
function isShort(tokens: readonly ScoredToken[], topK: number): boolean {
  const told = tokens.map(({logProbability}) => logProbability).filter(isTold);
  if (told.length >= topK || massOf(told) < 1 - 1e-6) return false;
  return (told.toSorted((one, other) => other - one)[1] ?? SURE) > SURE;
}
