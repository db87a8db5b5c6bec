import type {TopKAnswer} from '../../src/teacher.ts';
import type {Completion, Finish, Step, Token} from './dialect.ts';
import {type LabelMatcher, labelMatcher, plain, type Reading} from './projection-text.ts';

export interface ProjectionOptions extends ScoreOptions {
  /** The wanted answer of each class: its code or its name, as `labelCodes` returns or checks it. */
  readonly labels: readonly string[];
}

/**
 * Computes the distribution over classes from one free generation. The generated tokens are a path. Every alternative
 * to one of them is a branch, whose probability is the product up to it. Each branch goes to one class, or to the rest:
 *
 * - A branch that says a label, or can lead to only one label, goes whole to that class. The second case is an upper
 *   bound of the class's probability: after `ut`, `utral` is likely but not sure. A label at the end of a branch is an
 *   upper bound too.
 * - A branch that can still say several labels, or can say none, goes to the rest. So does the mass of unlisted tokens.
 * - The generated token's own branch is followed instead, until a label is decided or the generation ends.
 *
 * The mass of all labels is `1 - rest`. The generation must be free of a grammar, a bias or a list of choices.
 *
 * @returns every class that has some mass, or the reason that there is no answer, as sentences for a `TeacherError`
 */
export function projectCompletion(
  {steps = [], finish}: Pick<Completion, 'steps' | 'finish'>,
  {labels, ...scores}: ProjectionOptions,
): TopKAnswer | string {
  if (steps.length === 0) return 'Its reply holds no log-probabilities. Use a model that gives them, or read labels.';
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
    `None of the ${labels.length} classes is among its ${listed} most probable tokens. Have it list more, or say more plainly in the prompt what to answer.`
  );
}

/** Longer codes are no letters. */
const LETTERS = 2;

/** The share of the probability that is worth a note. */
const SHARED = 0.1;

/** Returns a note if much of the probability is on tokens with which several codes begin. */
export function sharedNote(
  {steps = [], finish}: Pick<Completion, 'steps' | 'finish'>,
  {labels, ...scores}: ProjectionOptions,
): string | undefined {
  if (labels.every(code => code.length <= LETTERS)) return undefined;
  const branches = branchesOf({steps, finish}, labelMatcher(labels), scores);
  if (typeof branches === 'string') return undefined;
  // White space and quotation marks begin every label and belong to none.
  const shared = branches.filter(({bytes, reading}) => reading.labels.length > 1 && plain(textOf(bytes)) !== '');
  const [most] = shared.toSorted((one, other) => other.logProbability - one.logProbability);
  const probability = Math.exp(logSumExp(shared.map(({logProbability}) => logProbability)));
  if (most === undefined || probability < SHARED) return undefined;
  const [one, other] = most.reading.labels.map(label => `\`${labels[label]}\``);
  return (
    `${Math.round(100 * probability)} % of the probability of an answer is on tokens such as \`${textOf(most.bytes).trim()}\`, with ` +
    `which several \`codes\` begin (${one}, ${other}): it belongs to none of them and counts as rest. Leave \`codes\` out: ` +
    'each class then has a letter, which is one token.'
  );
}

/** A text that was generated, or could have been. */
interface Branch extends Alternative {
  readonly reading: Reading;
}

/** Returns all listed branches. The branch of the generated tokens comes last, only as far as it is needed. */
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

/** True for an end-of-turn token, or another token without text. A text ends at it. */
function isControl({bytes}: Alternative): boolean {
  return bytes.length === 0;
}

/** The kind of a service's numbers. */
interface ScoreOptions {
  /**
   * Logits can be read only if they cover the whole vocabulary.
   *
   * @default 'log-probabilities'
   */
  readonly semantics?: 'log-probabilities' | 'logits';
  /**
   * True if each step lists the whole vocabulary.
   *
   * @default false
   */
  readonly wholeVocabulary?: boolean;
  /**
   * The sampling temperature that the numbers are already divided by. They are converted back to temperature 1.
   *
   * @default 1: the numbers were taken before sampling
   */
  readonly temperature?: number;
}

/** The possible tokens of one step: each token once, and only tokens with a known score. */
interface Alternatives {
  readonly tokens: readonly Alternative[];
  /** The element of `tokens` that was generated. */
  readonly chosen: Alternative | undefined;
}

interface Alternative {
  /** The UTF-8 bytes. Empty for a control token without text, such as the end of a turn. */
  readonly bytes: readonly number[];
  readonly logProbability: number;
}

/** Reads one step, or returns the reason that its numbers can't be used. */
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
  // If the generated token's probability is unknown, its branch has no mass to follow.
  return {tokens: read, chosen: chosen && read[told.findIndex(token => isSame(token, chosen))]};
}

/** Returns the listed tokens and the chosen one, which can be anywhere in the list or missing from it. */
function tokensOf({alternatives, chosen}: Step): readonly Token[] {
  const byId = new Map(alternatives.map((token, index) => [token.id ?? `index ${index}`, token]));
  const distinct = [...byId.values()];
  if (chosen === undefined || distinct.some(token => isSame(token, chosen))) return distinct;
  return [...distinct, chosen];
}

/** The most that two values of one log-probability can differ. */
const ROUNDING = 1e-3;

/** True if an alternative is the chosen token. Without an id the values must match too: several tokens share a text. */
function isSame(token: Token, chosen: Token): boolean {
  if (token === chosen) return true;
  if (token.id !== undefined && chosen.id !== undefined) return token.id === chosen.id;
  const haveBytes = token.bytes?.length && chosen.bytes?.length;
  const areAlike = haveBytes ? token.bytes.join() === chosen.bytes.join() : token.text === chosen.text;
  return areAlike && Math.abs(token.logProbability - chosen.logProbability) <= ROUNDING;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function textOf(bytes: readonly number[]): string {
  return decoder.decode(Uint8Array.from(bytes));
}

function bytesOf({text, bytes}: Token): readonly number[] {
  return bytes?.length ? bytes : [...encoder.encode(text)];
}

/** The most mass that can be missing if a temperature above 1 is undone, which makes the missing mass smaller. */
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
  return `Its log-probabilities are those at temperature ${temperature}, and too few are listed to undo it. Ask with temperature 1.`;
}

/** Undoes a temperature: multiplies each value by it, and scales so that the total mass is `logTotal`. */
function spread(values: readonly number[], temperature: number, logTotal: number): readonly number[] {
  const sharp = values.map(value => value * temperature);
  const shift = logTotal - logSumExp(sharp);
  return sharp.map(value => value + shift);
}

/** The most that a probability, or a sum of them, can exceed 1: services round, some to two or three digits. */
const SLACK = 0.02;

/** Services write this value or a lower one for a probability below the least that they list. */
const UNTOLD = -9999;

/** True if a value is a log-probability, and not the stand-in for an unlisted one. */
export function isTold(logProbability: number | undefined): logProbability is number {
  return logProbability !== undefined && logProbability > UNTOLD;
}

/** Returns -Infinity for an empty list. */
export function logSumExp(values: readonly number[]): number {
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (most === Number.NEGATIVE_INFINITY) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** Returns log-probabilities of exclusive events, scaled down to a sum of 1 if rounding put the sum above it. */
export function withinOne(logs: readonly number[]): readonly number[] | string {
  const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (most > SLACK) {
    return `The service gives logits instead of log-probabilities: one is ${most.toPrecision(4)}, and none can be above 0. Have it give log-probabilities; vLLM does with \`--logprobs-mode raw_logprobs\`.`;
  }
  const total = logSumExp(logs);
  if (total > Math.log1p(SLACK)) {
    return `The log-probabilities of the service give a sum of ${Math.exp(total).toPrecision(4)}, above 1, so they are not of one distribution. Have it give log-probabilities before any sampling.`;
  }
  return total > 0 ? logs.map(value => value - total) : logs;
}

/**
 * @param logMasses - one per class, -Infinity if unknown; their sum is at most 1
 * @returns undefined if no class has a known mass
 */
export function topKOf(logMasses: readonly number[]): TopKAnswer | undefined {
  const known = [...logMasses.keys()].filter(label => logMasses[label] !== Number.NEGATIVE_INFINITY);
  if (known.length === 0) return undefined;
  known.sort((a, b) => logMasses[b]! - logMasses[a]!);
  const mass = known.reduce((sum, label) => sum + Math.exp(logMasses[label]!), 0);
  return {
    kind: 'top-k',
    classes: Int32Array.from(known),
    logProbabilities: Float32Array.from(known, label => Math.min(0, logMasses[label]!)),
    rest: Math.max(0, 1 - mass),
  };
}
