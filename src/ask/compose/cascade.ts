import {InputError} from '../../errors.ts';
import {coarsen, satisfies, withoutFeatures} from '../../knowledge/coarsen.ts';
import {LEVELS} from '../../levels.ts';
import type {Access, Answer, AnswerOf, Detail, Outcome, Query, Teacher} from '../../teacher.ts';
import {reorderTo} from './class-order.ts';
import {composed, errorOfPart} from './composed.ts';

/** The level that shows least of these. */
type Least<A extends Access> = Access extends A
  ? Access
  : 'black-box' extends A
    ? 'black-box'
    : 'gray-box' extends A
      ? 'gray-box'
      : A;

/**
 * Asks the first teacher, and the next one where it isn't sure of its answer; the last one's answer stands however it is.
 * To be given from the cheapest to the dearest. All have the same classes, and answer with the order of the first.
 *
 * Every answer shows as much as the teacher does that shows least. A query that a teacher can't answer has that
 * teacher's error: another one is not asked in its place.
 *
 * @param sureness - what makes an answer stand; of votes, their shares are taken for probabilities
 * @throws InputError where the teachers have different classes, where one but the last shows labels alone, and where what
 * makes an answer stand is out of its range
 */
export function cascade<A extends Access>(teachers: readonly Teacher<A>[], sureness: Sureness): Teacher<Least<A>> {
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
        const given = await ask(asked, {...options, ...(isLast && onSettled && {onSettled})});
        const left = open.filter((row, index) => {
          const outcome = given[index]!;
          if ('error' in outcome) {
            outcomes[row] = {error: errorOfPart(outcome.error, teachers[position]!)};
            return false;
          }
          const answer = reorders[position]!(outcome.answer);
          if (!isLast && !surely(answer, sureness, classes.length)) return true;
          outcomes[row] = {answer: coarsen(answer, detail, classes.length) as AnswerOf<Least<A>>};
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

/** When a teacher is sure of an answer. */
export type Sureness =
  /** Where its best class has this probability at least, from 0 to 1. */
  | {readonly confidence: number}
  /** Where its best class is this much more probable than the next, from 0 to 1. */
  | {readonly margin: number}
  /** Where the entropy of its distribution is no more than so many nats. */
  | {readonly entropy: number};

/** @throws InputError where it isn't one of these, or out of its range */
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
 * Whether an answer is sure to be so, whatever the classes are like that it doesn't name.
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

/** Probabilities of the classes that an answer names, the largest first; of votes, their shares. */
function namedBy(answer: Answer, classes: number): {readonly probabilities: readonly number[]; readonly rest: number} {
  if (answer.kind === 'votes') {
    const votes = answer.counts.reduce((sum, count) => sum + count, 0);
    return {probabilities: [...answer.counts].map(count => count / votes).sort(descending), rest: 0};
  }
  const {logProbabilities, rest} = coarsen(answer, {kind: 'top-k', k: classes}, classes);
  return {probabilities: [...logProbabilities].map(Math.exp), rest};
}

function descending(one: number, other: number): number {
  return other - one;
}

function entropyOf(probabilities: readonly number[]): number {
  return probabilities.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
}

/** Of a rest that is spread evenly over the classes that it may be of. */
function mostEntropyOf(rest: number, classes: number): number {
  return rest > 0 ? -rest * Math.log(rest / Math.max(1, classes)) : 0;
}
