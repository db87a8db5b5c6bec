import {InputError} from '../../errors.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import type {Answer, Detail, Outcome, Teacher} from '../../teacher.ts';
import {type Combined, combine, partShowing, type Share, shownBy, unknownBest} from './combination.ts';
import {composed, errorOfPart, reorderTo} from './composed.ts';
import {askTogether} from './parts.ts';

type Scored = 'gray-box' | 'white-box';

export interface EnsembleOptions {
  /**
   * The weight of each teacher, above 0, in their order: its share of the mean, or its number of votes, a whole number.
   *
   * @default all the same
   */
  readonly weights?: readonly number[];
}

const KINDS = {weights: kinds.numbers} satisfies Shape<EnsembleOptions>;

/**
 * Several teachers as one. If they show distributions, the answer is the mean of their probabilities; otherwise it is
 * their votes. All must have the same classes. Answers use the order of the first.
 *
 * If teachers name their best classes only, the mean names the classes that are known to be the most probable. It can
 * name fewer than each teacher does. If the most probable class isn't known, the query has an error. If one teacher
 * can't answer a query, the query has that teacher's error.
 *
 * @throws InputError if the teachers have different classes, if only some of them show distributions, or if a weight is
 * out of its range
 */
export function ensemble(teachers: readonly Teacher<'black-box'>[], options?: EnsembleOptions): Teacher<'black-box'>;
export function ensemble(teachers: readonly Teacher<Scored>[], options?: EnsembleOptions): Teacher<'gray-box'>;
export function ensemble(teachers: readonly Teacher[], options: EnsembleOptions = {}): Teacher<Combined> {
  checkOptions('ensemble', options, KINDS);
  const {weights = teachers.map(() => 1)} = options;
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
 * The weight of one answer of each teacher.
 *
 * @throws InputError if a vote would have a fraction
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
