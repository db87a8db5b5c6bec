import {randomNormal, seededRandom} from '../../data/random.ts';
import {InputError, KnowledgeError} from '../../errors.ts';
import {coarsen, describeDetail, satisfies} from '../../knowledge/coarsen.ts';
import {LEVELS} from '../../levels.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../../options.ts';
import {detailFor} from '../../questions.ts';
import type {
  Access,
  Answer,
  AnswerOf,
  Detail,
  LogitsAnswer,
  LogProbabilitiesAnswer,
  Outcome,
  Query,
  Teacher,
  TopKAnswer,
} from '../../teacher.ts';
import {keyed, showsKind} from '../layer.ts';
import {composed} from './composed.ts';

export interface DegradeOptions<A extends Access = Access> extends Transforms {
  /** The level to show; no more than the teacher's own. */
  readonly access: A;
  /** The detail of every answer. */
  readonly detail: Detail;
}

const KINDS = {
  access: oneOf('black-box', 'gray-box', 'white-box'),
  detail: kinds.object,
  temperature: kinds.number,
  noise: kinds.object,
  decimals: kinds.number,
} satisfies Shape<DegradeOptions>;

/**
 * A teacher that shows less than it could, or shows it less clearly. It always asks for the detail that this takes,
 * even if a query wants less, so one set of the full teacher's kept answers serves every level. A teacher with several
 * questions shows less of the answer to each, and is still asked all of them about an input in one request.
 *
 * @throws KnowledgeError if it would show more than the teacher does, or more than the level may show
 * @throws InputError if an option is out of its range
 */
export function degrade<A extends Access>(teacher: Teacher, options: DegradeOptions<A>): Teacher<A> {
  checkOptions('degrade', options, KINDS, ['access', 'detail']);
  const {access, detail, ...transforms} = options;
  checkTransforms(transforms);
  const taken = detailTakenFor(options);
  checkShown(teacher, options, taken);
  const show = (query: Query, outcome: Outcome): Outcome<A> => {
    if ('error' in outcome) return outcome;
    const clear = coarsen(outcome.answer, taken);
    const {key} = keyed(teacher, query);
    return {answer: shownOf(clear, options, key) as AnswerOf<A>};
  };
  return composed<A>({
    name: `${teacher.name} as ${access}`,
    identity: {...teacher.identity, shown: {access, detail, ...transforms}},
    ...{access, detail, classes: teacher.classes, questions: teacher.questions},
    parts: [{teacher, detail: taken}],
    async answer(queries, [ask], askOptions) {
      const outcomes = await ask!(queries, askOptions);
      return queries.map((query, row) => show(query, outcomes[row]!));
    },
  });
}

/** The detail that the teacher is asked for: a whole distribution, if it is changed and not only cut. */
function detailTakenFor({detail, temperature, noise}: DegradeOptions): Detail {
  if (temperature === undefined && noise === undefined) return detail;
  return detail.kind === 'logits' ? detail : {kind: 'log-probabilities'};
}

function shownOf(answer: Answer, options: DegradeOptions, key: string): Answer {
  const {detail, decimals, temperature, noise} = options;
  const isScores = answer.kind === 'logits' || answer.kind === 'log-probabilities';
  const isDisturbed = temperature !== undefined || noise !== undefined;
  const cut = coarsen(isScores && isDisturbed ? disturbed(answer, options, key) : answer, detail);
  const isRounded = decimals !== undefined && (cut.kind === 'top-k' || cut.kind === 'log-probabilities');
  return isRounded ? rounded(cut, decimals) : cut;
}

function checkShown(teacher: Teacher, {access, detail, decimals}: DegradeOptions, taken: Detail): void {
  const shown = describeDetail(detail);
  if (LEVELS.indexOf(access) > LEVELS.indexOf(teacher.access) || !satisfies(teacher.detail, detail)) {
    throw new KnowledgeError(
      `Teacher ${teacher.name} is ${teacher.access} and gives ${describeDetail(teacher.detail)}: ` +
        `it can't be shown as ${access} with ${shown}. Name a level and a detail that it holds.`,
    );
  }
  // A black-box teacher may show its estimates at its own level, and so may any teacher that shows less of it.
  const isEstimate = teacher.access === 'black-box' && detail.kind === teacher.detail.kind;
  if (!showsKind(access, detail.kind) && !isEstimate) {
    throw new KnowledgeError(`A ${access} teacher doesn't show ${shown}. Name another level or another detail.`);
  }
  if (!satisfies(teacher.detail, taken)) {
    throw new KnowledgeError(
      `Teacher ${teacher.name} gives ${describeDetail(teacher.detail)}, and a temperature and noise are for whole ` +
        'distributions. Leave them out, or name a teacher that shows all classes.',
    );
  }
  const own = teacher.questions?.list.find(question => {
    const full = detailFor(teacher, {question}, teacher.detail);
    return !satisfies(full, detail) || !satisfies(full, taken);
  });
  if (own !== undefined) {
    throw new KnowledgeError(
      `Teacher ${teacher.name} gives ${describeDetail(detailFor(teacher, {question: own}, teacher.detail))} for question ` +
        `\`${own.name}\`: it can't be shown with ${shown}. Leave the question out, or name a detail that it holds.`,
    );
  }
  const choice = teacher.questions?.list.find(({type}) => type === 'choice');
  if (detail.kind === 'expected' && choice !== undefined) {
    throw new InputError(
      `The options of a choice have no order, so question \`${choice.name}\` has no expected level. Name another detail.`,
    );
  }
  if (decimals !== undefined && detail.kind !== 'top-k' && detail.kind !== 'log-probabilities') {
    throw new InputError(`\`decimals\` rounds probabilities, and ${shown} shows none. Leave it out.`);
  }
}

/** Changes to a distribution before it is shown, in this order: softened, disturbed, cut to the detail, rounded. */
export interface Transforms {
  /**
   * T, above 0, that logits or log-probabilities are divided by.
   *
   * @default 1
   */
  readonly temperature?: number;
  /** @default none */
  readonly noise?: Noise;
  /**
   * Decimals that probabilities are rounded to, so that they still sum to 1: each is rounded down, and those with the
   * largest remainder up.
   *
   * @default not rounded
   */
  readonly decimals?: number;
}

/** Gaussian noise on every logit or log-probability. The same query gets the same noise each time. */
export type Noise = {
  /** Standard deviation, in nats; above 0. */
  readonly deviation: number;
  /** @default 0 */
  readonly seed?: number;
};

/** @throws InputError if one is out of its range */
function checkTransforms({temperature = 1, noise, decimals = 1}: Transforms): void {
  const check = (name: string, isRight: boolean, range: string, value: number) => {
    if (!isRight) throw new InputError(`Expected \`${name}\` of degrade to be ${range}, got ${value}.`);
  };
  check('temperature', temperature > 0 && temperature < Number.POSITIVE_INFINITY, 'a number above 0', temperature);
  check(
    'decimals',
    Number.isInteger(decimals) && decimals >= 1 && decimals <= 9,
    'a whole number from 1 to 9',
    decimals,
  );
  const {deviation = 1, seed = 0} = noise ?? {};
  check('noise.deviation', deviation > 0 && deviation < Number.POSITIVE_INFINITY, 'a number above 0', deviation);
  check('noise.seed', Number.isSafeInteger(seed), 'a whole number', seed);
}

type Scores = LogitsAnswer | LogProbabilitiesAnswer;

/**
 * Softens a distribution and disturbs it.
 *
 * @param key - the query's key, which seeds the noise
 */
export function disturbed(answer: Scores, {temperature = 1, noise}: Transforms, key: string): Scores {
  const {deviation = 0, seed = 0} = noise ?? {};
  const random = seededRandom(seed, key);
  const draw = noise ? () => randomNormal(random) : () => 0;
  const scores = answer.kind === 'logits' ? answer.logits : answer.logProbabilities;
  const logits = scores.map(score => score / temperature + deviation * draw());
  if (answer.kind === 'logits') return {...answer, logits};
  // Log-probabilities are logits, too. The result must sum to 1 again.
  return coarsen({kind: 'logits', logits, features: {}}, {kind: 'log-probabilities'});
}

/** An answer with its probabilities rounded. With the rest they still sum to 1. */
export function rounded(
  answer: TopKAnswer | LogProbabilitiesAnswer,
  decimals: number,
): TopKAnswer | LogProbabilitiesAnswer {
  const probabilities = [...answer.logProbabilities].map(Math.exp);
  if (answer.kind === 'log-probabilities')
    return {...answer, logProbabilities: logs(roundedTo(probabilities, decimals))};
  const shares = roundedTo([...probabilities, answer.rest], decimals);
  return {...answer, logProbabilities: logs(shares.slice(0, -1)), rest: shares.at(-1)!};
}

function logs(probabilities: readonly number[]): Float32Array {
  return Float32Array.from(probabilities, Math.log);
}

/** By the largest remainder, so that the sum stays 1 and the order stays the same. */
function roundedTo(shares: readonly number[], decimals: number): readonly number[] {
  const units = 10 ** decimals;
  const sum = shares.reduce((total, share) => total + share, 0);
  const exact = shares.map(share => (share / sum) * units);
  const whole = exact.map(Math.floor);
  const left = units - whole.reduce((total, count) => total + count, 0);
  const byRemainder = [...exact.keys()].sort((a, b) => exact[b]! - whole[b]! - (exact[a]! - whole[a]!));
  for (const index of byRemainder.slice(0, left)) whole[index]!++;
  return whole.map(count => count / units);
}
