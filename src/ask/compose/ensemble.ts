import {InputError} from '../../errors.ts';
import type {Answer, Detail, Outcome, Teacher} from '../../teacher.ts';
import {askTogether} from './ask-together.ts';
import {reorderTo} from './class-order.ts';
import {type Combined, combine, partShowing, shownBy, unknownBest} from './combination.ts';
import {composed, errorOfPart} from './composed.ts';
import type {Share} from './mean-answer.ts';

type Scored = 'gray-box' | 'white-box';

export interface EnsembleOptions {
  /**
   * How much each teacher counts, above 0, in their order: its share of the mean, or how many votes it has, a whole
   * number.
   *
   * @default all the same
   */
  readonly weights?: readonly number[];
}

/**
 * Several teachers as one. Of those that show distributions it answers with the mean of their probabilities, of others
 * with their votes. All have the same classes, and answer with the order of the first.
 *
 * Of teachers that name their best classes only, the mean names those that are known to be the most probable ones, and
 * may name fewer than each of the teachers does; a query of which it isn't known which class is the most probable has
 * an error. A query that one teacher can't answer has that teacher's error.
 *
 * @throws InputError where the teachers have different classes, or only some of them show distributions, and where a
 * weight is out of its range
 */
export function ensemble(teachers: readonly Teacher<'black-box'>[], options?: EnsembleOptions): Teacher<'black-box'>;
export function ensemble(teachers: readonly Teacher<Scored>[], options?: EnsembleOptions): Teacher<'gray-box'>;
export function ensemble(
  teachers: readonly Teacher[],
  {weights = teachers.map(() => 1)}: EnsembleOptions = {},
): Teacher<Combined> {
  if (teachers.length === 0) throw new InputError('An ensemble is of one teacher at least. Give it its teachers.');
  if (weights.length !== teachers.length || !weights.every(weight => weight > 0 && Number.isFinite(weight))) {
    throw new InputError(
      `Expected \`weights\` of an ensemble to be a number above 0 for each of ${teachers.length} teachers, got ` +
        `${weights.join(', ')}. Leave out a teacher that is to have none.`,
    );
  }
  const name = `ensemble of ${teachers.map(teacher => teacher.name).join(', ')}`;
  const {access, detail} = shownBy(teachers);
  const {classes} = teachers[0]!;
  const readers = readersOf(teachers, sharesOf(weights, detail));
  return composed({
    identity: {ensemble: teachers.map((teacher, index) => ({teacher: teacher.identity, weight: weights[index]!}))},
    ...{name, access, classes, detail},
    parts: teachers.map(partShowing),
    async answer(queries, parts, options) {
      const asked = await askTogether(queries, parts, options);
      return queries.map((_, row): Outcome<Combined> => {
        const shares: Share[] = [];
        for (const [index, teacher] of teachers.entries()) {
          const outcome = asked[index]![row]!;
          if ('error' in outcome) return {error: errorOfPart(outcome.error, teacher)};
          shares.push(readers[index]!(outcome.answer));
        }
        const answer = combine(shares, detail, classes.length);
        return answer ? {answer} : {error: unknownBest(name)};
      });
    },
  });
}

function readersOf(teachers: readonly Teacher[], weights: readonly number[]): readonly ((answer: Answer) => Share)[] {
  return teachers.map((teacher, index) => {
    const reorder = reorderTo(teachers[0]!.classes, teacher);
    return answer => ({answer: reorder(answer), weight: weights[index]!});
  });
}

/**
 * What one answer of each teacher counts.
 *
 * @throws InputError where there would be parts of a vote
 */
function sharesOf(weights: readonly number[], {kind}: Detail): readonly number[] {
  if (kind !== 'votes') {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map(weight => weight / sum);
  }
  const broken = weights.find(weight => !Number.isSafeInteger(weight));
  if (broken === undefined) return weights;
  throw new InputError(`The weights of teachers that vote are votes, and so whole numbers; got ${broken}.`);
}
