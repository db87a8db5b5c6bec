import {InputError, TeacherError} from '../../errors.ts';
import {coarsen} from '../../knowledge/coarsen.ts';
import type {Answer, AnswerOf, Detail, Outcome, Part, Question, Teacher, VotesAnswer} from '../../teacher.ts';
import {haltAfter} from '../each.ts';
import type {LayerOptions} from '../layer.ts';
import {reorderTo} from './class-order.ts';
import {composed, errorOfPart} from './composed.ts';
import {meanDistribution, meanTopK, type Share} from './mean-answer.ts';
import type {AskPart} from './parts.ts';

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
 * Several teachers as one. Of those that show distributions it answers with the mean of their probabilities; of
 * black-box ones with their votes. All have the same classes, and answer with the order of the first.
 *
 * Of teachers that name their best classes only, the mean names those that are known to be the most probable ones, and
 * may name fewer than each of the teachers does; a question of which it isn't known which class is the most probable has
 * an error. A question that one teacher can't answer has that teacher's error.
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
  const identity = {ensemble: teachers.map((teacher, place) => ({teacher: teacher.identity, weight: weights[place]!}))};
  const members = teachers.map((teacher, place) => ({teacher, weight: weights[place]!}));
  return combined({name, identity, members});
}

export interface RepeatOptions {
  /** How often each question is put: its samples 0, 1, … */
  readonly samples: number;
}

/**
 * Asks a teacher the same question several times: of a black-box teacher it answers with the votes, of another one with
 * the mean of its distributions. What changes from sample to sample is the teacher's, such as the order in which a chat
 * model is shown the classes; one that takes no notice of `sample` is asked as often, and answers as often the same.
 *
 * @throws InputError where `samples` is no whole number above 0
 */
export function repeat(teacher: Teacher<'black-box'>, options: RepeatOptions): Teacher<'black-box'>;
export function repeat(teacher: Teacher<Scored>, options: RepeatOptions): Teacher<'gray-box'>;
export function repeat(teacher: Teacher, {samples}: RepeatOptions): Teacher<Combined> {
  if (!Number.isSafeInteger(samples) || samples < 1) {
    throw new InputError(`Expected \`samples\` to be a whole number above 0, got ${samples}.`);
  }
  const name = `${teacher.name}, ${samples} times`;
  return combined({name, identity: {repeat: teacher.identity, samples}, members: [{teacher, weight: 1, samples}]});
}

interface Member {
  readonly teacher: Teacher;
  readonly weight: number;
  readonly samples?: number;
}

interface Combination extends Pick<Teacher, 'name' | 'identity'> {
  readonly members: readonly Member[];
}

type Combined = 'black-box' | 'gray-box';

function combined({name, identity, members}: Combination): Teacher<Combined> {
  const {access, detail} = shownBy(members);
  const {classes} = members[0]!.teacher;
  const weights = weightsOf(members, access);
  const readers = members.map(({teacher}, place) => {
    const reorder = reorderTo(classes, teacher);
    return (answer: Answer): Share => ({answer: reorder(answer), weight: weights[place]!});
  });
  return composed({
    ...{name, identity, access, classes, detail},
    parts: members.map(partOf),
    async answer(questions, parts, options) {
      const asked = await askTogether(questions, parts, options);
      return questions.map((_, row): Outcome<Combined> => {
        const shares: Share[] = [];
        for (const [place, {teacher}] of members.entries()) {
          for (const outcome of asked[place]![row]!) {
            if ('error' in outcome) return {error: errorOfPart(outcome.error, teacher)};
            shares.push(readers[place]!(outcome.answer));
          }
        }
        const answer = combine(shares, detail, classes.length);
        return answer ? {answer} : {error: unknownBest(name)};
      });
    },
  });
}

/** @throws InputError where votes and distributions would have to be put together */
function shownBy(members: readonly Member[]): {readonly access: Combined; readonly detail: Detail} {
  const [scored, voting] = [false, true].map(isBlack =>
    members.map(({teacher}) => teacher).filter(({access}) => (access === 'black-box') === isBlack),
  ) as [Teacher[], Teacher[]];
  if (scored.length === 0) return {access: 'black-box', detail: {kind: 'votes'}};
  if (voting.length > 0) {
    throw new InputError(
      `Teacher ${voting[0]!.name} is black-box and ${scored[0]!.name} shows distributions, of which there is no mean. ` +
        "Have them all vote: `degrade(teacher, {access: 'black-box', detail: {kind: 'label'}})` shows labels alone.",
    );
  }
  const most = scored.flatMap(({detail}) => (detail.kind === 'top-k' ? [detail.k] : []));
  return {
    access: 'gray-box',
    detail: most.length === 0 ? {kind: 'log-probabilities'} : {kind: 'top-k', k: Math.min(...most)},
  };
}

function partOf({teacher, samples}: Member): Part {
  const isWhole = teacher.detail.kind === 'logits';
  return {teacher, ...(samples && {samples}), ...(isWhole && {detail: {kind: 'log-probabilities'}})};
}

/**
 * What one answer of each member counts.
 *
 * @throws InputError where there would be parts of a vote
 */
function weightsOf(members: readonly Member[], access: Combined): readonly number[] {
  const weights = members.map(({weight}) => weight);
  if (access === 'gray-box') {
    const sum = members.reduce((total, {weight, samples = 1}) => total + weight * samples, 0);
    return weights.map(weight => weight / sum);
  }
  const broken = weights.find(weight => !Number.isSafeInteger(weight));
  if (broken === undefined) return weights;
  throw new InputError(`The weights of black-box teachers are votes, and so whole numbers; got ${broken}.`);
}

function combine(shares: readonly Share[], {kind}: Detail, classes: number): AnswerOf<Combined> | undefined {
  if (kind === 'votes') return votesIn(shares, classes);
  return kind === 'top-k' ? meanTopK(shares, classes) : meanDistribution(shares, classes);
}

/** A teacher that votes has as many votes as it gives, each with its weight. */
function votesIn(shares: readonly Share[], classes: number): VotesAnswer {
  const counts = new Uint32Array(classes);
  for (const {answer, weight} of shares) {
    if (answer.kind === 'votes') for (const [index, count] of answer.counts.entries()) counts[index]! += weight * count;
    else counts[coarsen(answer, {kind: 'label'}, classes).label]! += weight;
  }
  return {kind: 'votes', counts};
}

function unknownBest(name: string): TeacherError {
  return new TeacherError(
    name,
    'Its teachers name so few classes that it is not known which is the most probable. Have them name more.',
  );
}

/**
 * Asks all parts at once. A question has an outcome when every part has one for it. Where a part can't be asked the others
 * are let finish what is under way, so that it is kept.
 */
async function askTogether(questions: readonly Question[], parts: readonly AskPart[], options: LayerOptions) {
  const {stop, onSettled, ...others} = options;
  const halt = haltAfter(stop, options.signal);
  const settled = parts.map(() => 0);
  let told = 0;
  const tell = (least: number) => {
    if (least > told) onSettled?.(least - told);
    told = Math.max(told, least);
  };
  const asked = await Promise.all(
    parts.map(async (ask, place) => {
      const onPart = (count: number) => {
        settled[place]! += count;
        tell(Math.min(...settled));
      };
      try {
        return await ask(questions, {...others, stop: halt.signal, onSettled: onPart});
      } catch (error) {
        halt.fail(error);
        return [];
      }
    }),
  );
  halt.end(asked.every(({length}) => length === questions.length));
  tell(questions.length);
  return asked;
}
