import type {Inspection, ScoredToken, TokenKey, TokenScores, TokenStep} from '../../service-probe.ts';
import {decimalsOf, OF_DOUBLES} from './decimals.ts';
import {type Range, rangeOf} from './range.ts';

/** What the scores of tokens are in truth. */
export interface TokenFindings {
  readonly declared: TokenScores;
  /** Absent where it can't be told. */
  readonly meaning?: TokenScores['meaning'];
  /** Places in the generations that were looked at. */
  readonly positions: number;
  /** Tokens that are named at a place. */
  readonly named: Range;
  /** Probability mass of these; of logits no such thing. */
  readonly mass: Range;
  /** Tokens with a stand-in, such as -9999, in the place of a log-probability. */
  readonly untold: number;
  readonly key: TokenKey;
  /** Places at which two tokens are written alike. */
  readonly alike: number;
  /** Places at which another token than the most probable one was generated. */
  readonly bent: number;
  /** To how many decimals log-probabilities are rounded; absent where they aren't. */
  readonly decimals?: number;
  readonly temperature?: TemperatureTrial;
}

/** What came of asking one query again with another temperature. */
export interface TemperatureTrial {
  readonly temperature: number;
  /** The largest change of a token's log-probability at the first place, in nats. */
  readonly change?: number;
  /** Why it is not known. */
  readonly problem?: string;
}

/** Services write this, or less, for what is below the least that they tell. */
const UNTOLD = -9999;

/** How far above 1 the probabilities of services that round may be. */
const SLACK = 0.02;

/** By how much a log-probability may change that no temperature has changed, in nats. */
const JITTER = 0.05;

/** Undefined where no reply shows any. */
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

/** The most by which a token's log-probability differs between two steps; undefined where they share none. */
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

/** The alternatives with the chosen token, which may be among them or not. */
function tokensAt({chosen, alternatives}: TokenStep): readonly ScoredToken[] {
  if (chosen === undefined || alternatives.some(token => nameOf(token) === nameOf(chosen))) return alternatives;
  return [chosen, ...alternatives];
}

/** By how much tokens may differ that are as good as level, in nats. */
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

/** A control token may have no text, and then has no bytes. */
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

/** Whether a token is named among the most probable that has no probability: all others were ruled out, too. */
function hasRuledOut({alternatives}: TokenStep): boolean {
  return alternatives.some(({logProbability}) => !isTold(logProbability));
}

/** What a single token may have without any cut: the others are all but impossible. */
const SURE = -7;

/** Whether all mass is on fewer tokens than were asked for: the others were left out, and the rest scaled to 1. */
function isShort(tokens: readonly ScoredToken[], topK: number): boolean {
  const told = tokens.map(({logProbability}) => logProbability).filter(isTold);
  if (told.length >= topK || massOf(told) < 1 - 1e-6) return false;
  return (told.toSorted((one, other) => other - one)[1] ?? SURE) > SURE;
}
