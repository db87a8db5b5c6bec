import {InputError} from '../../errors.ts';
import {coarsen, satisfies, withoutFeatures} from '../../knowledge/coarsen.ts';
import {LEVELS} from '../../levels.ts';
import type {Access, AnswerOf, Detail, Outcome, Question, Teacher} from '../../teacher.ts';
import {reorderTo} from './class-order.ts';
import {composed, errorOfPart} from './composed.ts';
import {checkSureness, type Sureness, surely} from './sureness.ts';

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
 * Every answer shows as much as the teacher does that shows least. A question that a teacher can't answer has that
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
    parts: teachers.map((teacher, place) => ({teacher, ...(place > 0 && {least: 0})})),
    async answer(questions, parts, {onSettled, ...options}) {
      const outcomes = new Array<Outcome<Least<A>>>(questions.length);
      let open = [...questions.keys()];
      for (const [place, ask] of parts.entries()) {
        if (open.length === 0) break;
        const isLast = place === parts.length - 1;
        const asked = open.map((row): Question => questions[row]!);
        const given = await ask(asked, {...options, ...(isLast && onSettled && {onSettled})});
        const left = open.filter((row, index) => {
          const outcome = given[index]!;
          if ('error' in outcome) {
            outcomes[row] = {error: errorOfPart(outcome.error, teachers[place]!)};
            return false;
          }
          const answer = reorders[place]!(outcome.answer);
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
