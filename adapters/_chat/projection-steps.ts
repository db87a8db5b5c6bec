import type {Step, Token} from './completion.ts';
import {isTold, logSumExp, withinOne} from './projection-answer.ts';

/** What a service's numbers are. */
export interface ScoreOptions {
  /**
   * Logits can only be read where they are those of the whole vocabulary.
   *
   * @default 'log-probabilities'
   */
  readonly semantics?: 'log-probabilities' | 'logits';
  /**
   * Whether each step lists every token that there is.
   *
   * @default false
   */
  readonly wholeVocabulary?: boolean;
  /**
   * The sampling temperature that the numbers are already divided by; they are brought back to 1.
   *
   * @default 1: they were taken before sampling
   */
  readonly temperature?: number;
}

/** What may have been generated at one step: each token once, those alone of which something is told. */
export interface Alternatives {
  readonly tokens: readonly Alternative[];
  /** The one of `tokens` that was generated. */
  readonly chosen: Alternative | undefined;
}

export interface Alternative {
  /** UTF-8. Empty of a control token that has no text, such as the end of a turn. */
  readonly bytes: readonly number[];
  readonly logProbability: number;
}

/** Reads one step, or says why its numbers can't be used. */
export function alternativesOf(step: Step, scores: ScoreOptions): Alternatives | string {
  const tokens = tokensOf(step);
  if (tokens.some(({text}) => /^token_id:\d+$/.test(text))) {
    return 'The service writes tokens as `token_id:N` and their bytes wrongly. Ask without `return_tokens_as_token_ids`.';
  }
  const told = tokens.filter(({logProbability}) => isTold(logProbability));
  const logs = distributionOf(
    told.map(({logProbability}) => logProbability),
    scores,
  );
  if (typeof logs === 'string') return logs;
  const read = told.map((token, place) => ({bytes: bytesOf(token), logProbability: logs[place]!}));
  const {chosen} = step;
  // A token that was generated though its probability is not told leads nowhere that could be counted.
  return {tokens: read, chosen: chosen && read[told.findIndex(token => isSame(token, chosen))]};
}

/** The listed tokens and the chosen one, which may be among them at any place or be missing. */
function tokensOf({alternatives, chosen}: Step): readonly Token[] {
  const byId = new Map(alternatives.map((token, place) => [token.id ?? `place ${place}`, token]));
  const distinct = [...byId.values()];
  if (chosen === undefined || distinct.some(token => isSame(token, chosen))) return distinct;
  return [...distinct, chosen];
}

/** How far two tellings of one log-probability may be apart. */
const ROUNDING = 1e-3;

/** Whether an alternative is the chosen token. Without an id that takes its value too: several are written alike. */
function isSame(token: Token, chosen: Token): boolean {
  if (token === chosen) return true;
  if (token.id !== undefined && chosen.id !== undefined) return token.id === chosen.id;
  const haveBytes = token.bytes?.length && chosen.bytes?.length;
  const areAlike = haveBytes ? token.bytes.join() === chosen.bytes.join() : token.text === chosen.text;
  return areAlike && Math.abs(token.logProbability - chosen.logProbability) <= ROUNDING;
}

const encoder = new TextEncoder();

function bytesOf({text, bytes}: Token): readonly number[] {
  return bytes?.length ? bytes : [...encoder.encode(text)];
}

/** How much of the mass may be missing where a temperature above 1 is undone: it makes what is missing still less. */
const MAY_MISS = 1e-3;

function distributionOf(values: readonly number[], scores: ScoreOptions): readonly number[] | string {
  const {semantics = 'log-probabilities', wholeVocabulary = false, temperature = 1} = scores;
  if (temperature === 0) return 'No log-probability is left at temperature 0. Ask with temperature 1.';
  if (semantics === 'logits') {
    if (!wholeVocabulary) return 'Its logits are not those of the whole vocabulary. Have it give log-probabilities.';
    return spread(values, temperature, 0);
  }
  const logs = withinOne(values);
  if (typeof logs === 'string' || temperature === 1) return logs;
  const listed = Math.min(0, logSumExp(logs));
  if (wholeVocabulary || (temperature > 1 && Math.exp(listed) >= 1 - MAY_MISS))
    return spread(logs, temperature, listed);
  return `Its log-probabilities are those at temperature ${temperature}, and too few are told to undo it. Ask with temperature 1.`;
}

/** Undoes a temperature: each value times it, with `logTotal` as the mass of all. */
function spread(values: readonly number[], temperature: number, logTotal: number): readonly number[] {
  const sharp = values.map(value => value * temperature);
  const shift = logTotal - logSumExp(sharp);
  return sharp.map(value => value + shift);
}
