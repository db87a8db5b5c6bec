import {InputError} from '../../errors.ts';
import {coarsen, satisfies, withoutFeatures} from '../../knowledge/coarsen.ts';
import {LEVELS} from '../../levels.ts';
import {checkOptions, type Kind, kinds} from '../../options.ts';
import type {Access, Answer, AnswerOf, Detail, Outcome, Query, Teacher} from '../../teacher.ts';
import {composed, errorOfPart, reorderTo} from './composed.ts';

/** The lowest of these access levels. */
type Least<A extends Access> = Access extends A
  ? Access
  : 'black-box' extends A
    ? 'black-box'
    : 'gray-box' extends A
      ? 'gray-box'
      : A;

/**
 * Asks the first teacher, and the next one if the answer is not sure enough. The last teacher's answer always stands.
 * Give the teachers from the cheapest to the dearest. All must have the same classes. Answers use the order of the
 * first.
 *
 * Every answer shows as much as the teacher with the lowest access does. If a teacher can't answer a query, the query
 * has that teacher's error, and no other teacher is asked instead.
 *
 * @param sureness - decides which answers stand; for votes, their shares count as probabilities
 * @throws InputError if the teachers have different classes, if a teacher before the last shows labels alone, or if
 * `sureness` is out of its range
 */
export function cascade<A extends Access>(teachers: readonly Teacher<A>[], sureness: Sureness): Teacher<Least<A>> {
  checkOptions('cascade', sureness, KINDS);
  checkSureness(sureness);
  checkTeachers(teachers);
  const {classes} = teachers[0]!;
  const reorders = teachers.map(teacher => reorderTo(classes, teacher));
  const detail = teachers.map(teacher => withoutFeatures(teacher.detail)).reduce(common);
  const access = LEVELS.find(level => teachers.some(teacher => teacher.access === level)) as Least<A>;
  return composed<Least<A>>({
    name: `cascade of ${teachers.map(({name}) => name).join(', ')}`,
    identity: {cascade: teachers.map(({identity}) => identity), stands: {...sureness}},
    ...{access, classes, detail},
    parts: teachers.map((teacher, index) => ({teacher, ...(index > 0 && {least: 0})})),
    async answer(queries, parts, {onSettled, ...options}) {
      const outcomes = new Array<Outcome<Least<A>>>(queries.length);
      let open = [...queries.keys()];
      for (const [position, ask] of parts.entries()) {
        if (open.length === 0) break;
        const isLast = position === parts.length - 1;
        const asked = open.map((row): Query => queries[row]!);
        const given = await ask(asked, {...options, onSettled: isLast ? onSettled : undefined});
        const left = open.filter((row, index) => {
          const outcome = given[index]!;
          if ('error' in outcome) {
            outcomes[row] = {error: errorOfPart(outcome.error, teachers[position]!)};
            return false;
          }
          const answer = reorders[position]!(outcome.answer);
          if (!isLast && !surely(answer, sureness, classes.length)) return true;
          outcomes[row] = {answer: coarsen(answer, detail) as AnswerOf<Least<A>>};
          return false;
        });
        if (!isLast) onSettled?.(open.length - left.length);
        open = left;
      }
      return outcomes;
    },
  });
}

function checkTeachers(teachers: readonly Teacher[]): void {
  if (teachers.length < 2) throw new InputError(`A cascade is of two teachers at least, got ${teachers.length}.`);
  const unsure = teachers.slice(0, -1).find(({detail}) => detail.kind === 'label');
  if (unsure === undefined) return;
  throw new InputError(
    `Teacher ${unsure.name} shows labels alone, which don't tell how sure it is. Ask it several times, ` +
      'with `repeat(teacher, {samples: 5})`, and the share of its votes tells; or put it last.',
  );
}

/** The most that both hold. */
function common(one: Detail, other: Detail): Detail {
  if (satisfies(one, other)) return other;
  return satisfies(other, one) ? one : {kind: 'label'};
}

/** The condition under which an answer stands. */
export type Sureness =
  /** Its best class has at least this probability, from 0 to 1. */
  | {readonly confidence: number}
  /** Its best class is at least this much more probable than the next, from 0 to 1. */
  | {readonly margin: number}
  /** The entropy of its distribution is at most this many nats. */
  | {readonly entropy: number};

const KINDS: Readonly<Record<string, Kind<number>>> = {
  confidence: kinds.number,
  margin: kinds.number,
  entropy: kinds.number,
};

/** @throws InputError if it isn't one of these, or out of its range */
function checkSureness(sureness: Sureness): void {
  const entries = Object.entries(sureness);
  const [[name, value] = ['', Number.NaN]] = entries;
  if (entries.length !== 1 || !['confidence', 'margin', 'entropy'].includes(name)) {
    const got = entries.map(([other]) => `\`${other}\``).join(', ') || 'nothing';
    throw new InputError(`Expected one of \`confidence\`, \`margin\` and \`entropy\` for a cascade, got ${got}.`);
  }
  const most = name === 'entropy' ? Number.POSITIVE_INFINITY : 1;
  if (value >= 0 && value <= most) return;
  throw new InputError(`Expected \`${name}\` to be ${most === 1 ? 'from 0 to 1' : '0 or more nats'}, got ${value}.`);
}

/**
 * True if an answer is sure for every possible distribution over the classes that it doesn't name.
 *
 * @param classes - how many classes the teacher has
 */
export function surely(answer: Answer, sureness: Sureness, classes: number): boolean {
  const {probabilities, rest} = namedBy(answer, classes);
  const [best = 0, next = 0] = probabilities;
  if ('confidence' in sureness) return best >= sureness.confidence;
  if ('margin' in sureness) {
    const isNextKnown = probabilities.length > 1;
    return best - (isNextKnown ? next : Math.min(best, rest)) >= sureness.margin;
  }
  return entropyOf(probabilities) + mostEntropyOf(rest, classes - probabilities.length) <= sureness.entropy;
}

/** Probabilities of the classes that an answer names, the largest first; for votes, their shares. */
function namedBy(answer: Answer, classes: number): {readonly probabilities: readonly number[]; readonly rest: number} {
  if (answer.kind === 'votes') {
    const votes = answer.counts.reduce((sum, count) => sum + count, 0);
    return {probabilities: [...answer.counts].map(count => count / votes).sort(descending), rest: 0};
  }
  const {logProbabilities, rest} = coarsen(answer, {kind: 'top-k', k: classes});
  return {probabilities: [...logProbabilities].map(Math.exp), rest};
}

function descending(one: number, other: number): number {
  return other - one;
}

function entropyOf(probabilities: readonly number[]): number {
  return probabilities.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
}

/** The entropy of a rest that is spread evenly over the classes that can share it. */
function mostEntropyOf(rest: number, classes: number): number {
  return rest > 0 ? -rest * Math.log(rest / Math.max(1, classes)) : 0;
}
