import type {TopKAnswer} from '../../src/teacher.ts';
import type {Completion, Finish, Step, Token} from './dialect.ts';
import {isTold, logSumExp, topKOf, withinOne} from './projection-answer.ts';
import {type LabelMatcher, labelMatcher, type Reading} from './projection-text.ts';

export interface ProjectionOptions extends ScoreOptions {
  /** What the model was to answer for each class: codes, or the names. As `labelCodes` gives or checks them. */
  readonly labels: readonly string[];
}

/**
 * The distribution over classes that one free generation tells of. The generated tokens are a path; every alternative
 * to one of them is a branch, with the product of the probabilities up to it. Each branch goes to one class, or to the
 * rest:
 *
 * - one that says a label, or can lead to no label but one, goes whole to that class. The latter is an upper bound of
 *   what the class would get: after `ut`, `utral` is likely but not sure. A label at the end of a branch is such too;
 * - one that may still say several labels, or can say none, goes to the rest, as does all that no list tells;
 * - the generated token's own branch is followed instead, to where a label is told or the generation ends.
 *
 * The mass of all labels is `1 - rest`. Only for generations that no grammar, bias or list of choices bent.
 *
 * @returns every class that has some mass, or why there is no answer, as sentences for a `TeacherError`
 */
export function projectCompletion(
  {steps = [], finish}: Pick<Completion, 'steps' | 'finish'>,
  {labels, ...scores}: ProjectionOptions,
): TopKAnswer | string {
  if (steps.length === 0) return 'Its reply holds no log-probabilities. Take a model that gives them, or read labels.';
  const branches = branchesOf({steps, finish}, labelMatcher(labels), scores);
  if (typeof branches === 'string') return branches;
  const logMasses: number[][] = labels.map(() => []);
  for (const {reading, logProbability} of branches) {
    const [label, ...others] = reading.labels;
    if (label !== undefined && others.length === 0) logMasses[label]!.push(logProbability);
  }
  const listed = Math.max(...steps.map(({alternatives}) => alternatives.length));
  return (
    topKOf(logMasses.map(logSumExp)) ??
    `None of the ${labels.length} classes is among its ${listed} most probable tokens. Have more of them told, or say more plainly in the prompt what to answer.`
  );
}

/** A text that was generated, or could have been. */
interface Branch extends Alternative {
  readonly reading: Reading;
}

/** All branches of which something is told; that of the generated tokens last, and no further than it is of use. */
function branchesOf(
  {steps, finish}: {readonly steps: readonly Step[]; readonly finish: Finish},
  matcher: LabelMatcher,
  scores: ScoreOptions,
): readonly Branch[] | string {
  const extend = (path: Alternative, token: Alternative, isWhole: boolean): Branch => {
    const bytes = [...path.bytes, ...token.bytes];
    const logProbability = path.logProbability + token.logProbability;
    return {bytes, logProbability, reading: isWhole ? matcher.readWhole(bytes) : matcher.read(bytes)};
  };
  const branches: Branch[] = [];
  let path: Alternative = {bytes: [], logProbability: 0};
  for (const [index, step] of steps.entries()) {
    const alternatives = alternativesOf(step, scores);
    if (typeof alternatives === 'string') return alternatives;
    const {tokens, chosen} = alternatives;
    for (const token of tokens) if (token !== chosen) branches.push(extend(path, token, isControl(token)));
    if (chosen === undefined) return branches;
    const isLast = index === steps.length - 1;
    const followed = extend(path, chosen, isLast && (finish === 'stop' || isControl(chosen)));
    const {isDecided, labels} = followed.reading;
    if (isLast || isDecided || labels.length === 0) return [...branches, followed];
    path = followed;
  }
  return branches;
}

/** The end of a turn, or another token without text, which a text is taken to end at. */
function isControl({bytes}: Alternative): boolean {
  return bytes.length === 0;
}

/** What a service's numbers are. */
interface ScoreOptions {
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
interface Alternatives {
  readonly tokens: readonly Alternative[];
  /** The one of `tokens` that was generated. */
  readonly chosen: Alternative | undefined;
}

interface Alternative {
  /** UTF-8. Empty of a control token that has no text, such as the end of a turn. */
  readonly bytes: readonly number[];
  readonly logProbability: number;
}

/** Reads one step, or says why its numbers can't be used. */
function alternativesOf(step: Step, scores: ScoreOptions): Alternatives | string {
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
  const read = told.map((token, index) => ({bytes: bytesOf(token), logProbability: logs[index]!}));
  const {chosen} = step;
  // A token that was generated though its probability is not told leads nowhere that could be counted.
  return {tokens: read, chosen: chosen && read[told.findIndex(token => isSame(token, chosen))]};
}

/** The listed tokens and the chosen one, which may be among them at any place or be missing. */
function tokensOf({alternatives, chosen}: Step): readonly Token[] {
  const byId = new Map(alternatives.map((token, index) => [token.id ?? `place ${index}`, token]));
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
