import {KnowledgeError} from '../errors.ts';
import type {
  Answer,
  Detail,
  ExpectedAnswer,
  LabelAnswer,
  LogitsAnswer,
  LogProbabilitiesAnswer,
  TopKAnswer,
  VectorAnswer,
  VotesAnswer,
} from '../teacher.ts';

/** Details that show a distribution, from the poorest to the fullest. Votes stand apart: only votes give votes. */
const FULLNESS = {'top-k': 1, 'log-probabilities': 2, logits: 3} as const;

/**
 * True if an answer of one detail holds all that another detail asks for, so that `coarsen` can make the other from it.
 * A partial order: a label is in everything but an expected level, votes are only in votes, an expected level is in
 * whole distributions, logits hold the features they name, and a vector is only in a vector.
 */
export function satisfies(held: Detail, wanted: Detail): boolean {
  if (held.kind === 'vector' || wanted.kind === 'vector') return held.kind === wanted.kind;
  if (wanted.kind === 'expected') return ['expected', 'log-probabilities', 'logits'].includes(held.kind);
  if (held.kind === 'expected') return false;
  if (wanted.kind === 'label') return true;
  if (held.kind === 'label') return false;
  if (held.kind === 'votes' || wanted.kind === 'votes') return held.kind === wanted.kind;
  if (held.kind === 'top-k' && wanted.kind === 'top-k') return held.k >= wanted.k;
  if (held.kind === 'logits' && wanted.kind === 'logits') {
    return (wanted.features ?? []).every(name => held.features?.includes(name) ?? false);
  }
  return FULLNESS[held.kind] >= FULLNESS[wanted.kind];
}

/**
 * The least detail that satisfies every one of these details; a label if there are none.
 *
 * @throws KnowledgeError if votes and a distribution, or a vector and classes, are wanted together: no answer holds both
 */
export function joinDetails(details: readonly Detail[]): Detail {
  const [first = {kind: 'label'}, ...others] = details;
  return others.reduce(join, first);
}

function join(one: Detail, other: Detail): Detail {
  if (satisfies(one, other)) return one;
  if (satisfies(other, one)) return other;
  if (one.kind === 'logits' && other.kind === 'logits') {
    return {kind: 'logits', features: [...new Set([...(one.features ?? []), ...(other.features ?? [])])]};
  }
  const kinds = [one.kind, other.kind];
  if (kinds.includes('expected') && !kinds.includes('votes') && !kinds.includes('vector'))
    return {kind: 'log-probabilities'};
  throw new KnowledgeError(
    `No answer holds both ${describeDetail(one)} and ${describeDetail(other)}. Ask for them one after the other.`,
  );
}

/** The same detail without features: the default request. */
export function withoutFeatures(detail: Detail): Detail {
  return detail.kind === 'logits' ? {kind: 'logits'} : detail;
}

/** The detail of an answer. */
export function detailOf(answer: Answer): Detail {
  if (answer.kind === 'top-k') return {kind: 'top-k', k: answer.classes.length};
  if (answer.kind !== 'logits') return {kind: answer.kind};
  const features = Object.keys(answer.features);
  return features.length === 0 ? {kind: 'logits'} : {kind: 'logits', features};
}

/** A detail as messages name it, for example `top-k (k = 5)`. */
export function describeDetail(detail: Detail): string {
  if (detail.kind === 'top-k') return `top-k (k = ${detail.k})`;
  if (detail.kind !== 'logits' || !detail.features?.length) return detail.kind;
  return `logits with features ${detail.features.join(', ')}`;
}

/**
 * Coarsens a fuller answer to a poorer one. An answer that already has the wanted detail comes back unchanged.
 *
 * A top-k answer that names fewer than k classes counts as all that its teacher named, because some teachers name only
 * the classes they saw. The requested number is kept beside an answer, not in it.
 *
 * @throws KnowledgeError if the answer does not hold what is wanted
 */
export function coarsen<D extends Detail>(answer: Answer, detail: D): AnswerLike<D> {
  return convert(answer, detail) as AnswerLike<D>;
}

/** Index of an answer's best class, the lowest one on ties. */
export function labelOf(answer: Answer): number {
  return toLabel(answer).label;
}

/**
 * The class that an answer names: its best one, or the level that is nearest to an expected level. Half way between two
 * levels it is the higher one.
 */
export function namedBy(answer: Answer): number {
  return answer.kind === 'expected' ? Math.round(answer.level) : labelOf(answer);
}

/** The answer type of a detail's kind. */
type AnswerLike<D extends Detail> = Extract<Answer, {readonly kind: D['kind']}>;

function convert(answer: Answer, detail: Detail): Answer {
  switch (detail.kind) {
    case 'label':
      return toLabel(answer);
    case 'votes':
      return toVotes(answer);
    case 'expected':
      return toExpected(answer);
    case 'top-k':
      return toTopK(answer, detail.k);
    case 'log-probabilities':
      return toLogProbabilities(answer);
    case 'logits':
      return toLogits(answer, detail.features ?? []);
    case 'vector':
      return toVector(answer);
  }
}

function toLabel(answer: Answer): LabelAnswer {
  switch (answer.kind) {
    case 'label':
      return answer;
    case 'votes':
      return {kind: 'label', label: largest(answer.counts)};
    case 'expected':
    case 'vector':
      throw poorer(answer, {kind: 'label'});
    case 'top-k':
      return {kind: 'label', label: answer.classes[0]!};
    case 'log-probabilities':
      return {kind: 'label', label: largest(answer.logProbabilities)};
    case 'logits':
      return {kind: 'label', label: largest(answer.logits)};
  }
}

function toVotes(answer: Answer): VotesAnswer {
  if (answer.kind === 'votes') return answer;
  throw new KnowledgeError(
    `Votes can't be made of ${describeDetail(detailOf(answer))}: they are counts of repeated answers. Ask for votes.`,
  );
}

function toExpected(answer: Answer): ExpectedAnswer {
  if (answer.kind === 'expected') return answer;
  if (answer.kind !== 'log-probabilities' && answer.kind !== 'logits') throw poorer(answer, {kind: 'expected'});
  const probabilities = Array.from(toLogProbabilities(answer).logProbabilities, Math.exp);
  const mass = probabilities.reduce((sum, value) => sum + value, 0);
  return {kind: 'expected', level: probabilities.reduce((sum, value, level) => sum + level * value, 0) / mass};
}

function toTopK(answer: Answer, k: number): TopKAnswer {
  if (!Number.isInteger(k) || k < 1) {
    throw new KnowledgeError(`Expected \`k\` of a top-k detail to be a whole number above 0, got ${k}.`);
  }
  if (answer.kind === 'top-k') return shorten(answer, k);
  const {logProbabilities} = toLogProbabilities(answer);
  const classes = logProbabilities.length;
  const top = largestIndices(logProbabilities, Math.min(k, classes));
  const named = Float32Array.from(top, index => logProbabilities[index]!);
  // If every class is named, the rest is 0, whatever rounding says.
  const rest = k >= classes ? 0 : Math.max(0, 1 - mass(named));
  return {kind: 'top-k', classes: top, logProbabilities: named, rest};
}

function shorten(answer: TopKAnswer, k: number): TopKAnswer {
  if (answer.classes.length <= k) return answer;
  return {
    kind: 'top-k',
    classes: answer.classes.slice(0, k),
    logProbabilities: answer.logProbabilities.slice(0, k),
    rest: Math.min(1, answer.rest + mass(answer.logProbabilities.subarray(k))),
  };
}

function toLogProbabilities(answer: Answer): LogProbabilitiesAnswer {
  if (answer.kind === 'log-probabilities') return answer;
  if (answer.kind === 'logits') return {kind: 'log-probabilities', logProbabilities: logSoftmax(answer.logits)};
  throw poorer(answer, {kind: 'log-probabilities'});
}

function toLogits(answer: Answer, features: readonly string[]): LogitsAnswer {
  const wanted: Detail = {kind: 'logits', features};
  if (answer.kind !== 'logits' || !satisfies(detailOf(answer), wanted)) throw poorer(answer, wanted);
  if (Object.keys(answer.features).length === features.length) return answer;
  return {...answer, features: Object.fromEntries(features.map(name => [name, answer.features[name]!]))};
}

function toVector(answer: Answer): VectorAnswer {
  if (answer.kind === 'vector') return answer;
  throw poorer(answer, {kind: 'vector'});
}

function poorer(answer: Answer, wanted: Detail): KnowledgeError {
  const [held, asked] = [describeDetail(detailOf(answer)), describeDetail(wanted)];
  return new KnowledgeError(`An answer of ${held} can't give ${asked}. Ask the teacher for ${asked}.`);
}

/** Log-softmax in double precision, rounded once. Rounding must not tie the best logit with another. */
function logSoftmax(logits: Float32Array): Float32Array {
  const best = largest(logits);
  const peak = logits[best]!;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - peak);
  const logSum = Math.log(sum);
  const logProbabilities = logits.map(logit => logit - peak - logSum);
  if (largest(logProbabilities) !== best) raise(logProbabilities, best);
  return logProbabilities;
}

/** Moves one negative value up to the next 32-bit float. */
function raise(values: Float32Array, index: number): void {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  bits[index]! -= 1;
}

function mass(logProbabilities: Float32Array): number {
  let sum = 0;
  for (const logProbability of logProbabilities) sum += Math.exp(logProbability);
  return sum;
}

/** Index of the largest value, the lowest one on ties. */
function largest(values: Float32Array | Uint32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if (values[index]! > values[best]!) best = index;
  }
  return best;
}

/** Indices of the k largest values, the largest first, the lower index first on ties. */
function largestIndices(values: Float32Array, k: number): Int32Array {
  const top = new Int32Array(k);
  for (let index = 0, size = 0; index < values.length; index++) {
    let position = size;
    while (position > 0 && values[index]! > values[top[position - 1]!]!) position--;
    if (position >= k) continue;
    top.copyWithin(position + 1, position, Math.min(size, k - 1));
    top[position] = index;
    if (size < k) size++;
  }
  return top;
}

/** A top-k answer that names fewer classes than were asked for is all that its teacher has: more can't be bought. */
export function heldDetail(answer: Answer, wanted: Detail): Detail {
  const held = detailOf(answer);
  return held.kind === 'top-k' && wanted.kind === 'top-k' ? {kind: 'top-k', k: Math.max(held.k, wanted.k)} : held;
}
