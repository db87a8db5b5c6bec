import {sameClasses} from '../../data/arrays.ts';
import {InputError} from '../../errors.ts';
import {labelOf} from '../../knowledge/coarsen.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import type {Answer, Detail, Outcome, Query, Teacher} from '../../teacher.ts';
import type {LayerOptions} from '../layer.ts';
import {type Combined, partShowing} from './combination.ts';
import {composed, errorOfPart} from './composed.ts';
import {GroupDescent, groupIndices} from './group-descent.ts';
import {type AskPart, allAtOnce} from './parts.ts';

export interface TwoStepOptions {
  /**
   * The names of all classes, in the order of answers.
   *
   * @default in the order of the groups
   */
  readonly classes?: readonly string[];
  /**
   * The share of the probability, from 0 to 1, that is to be divided among classes. With 0, further groups are asked
   * about only until the most probable class is known; with 1, all groups that are named.
   *
   * @default 0.9
   */
  readonly coverage?: number;
}

const KINDS = {classes: kinds.texts, coverage: kinds.number} satisfies Shape<TwoStepOptions>;

/** The classes of each group, by the name of the group. */
export type Groups = Readonly<Record<string, readonly string[]>>;

/**
 * Asks in two steps: for the group first, and then for the class within it. Each prompt then holds a short list.
 *
 * If the teachers show distributions, the probability of a class is that of its group times that of the class within
 * the group, and the next most probable groups are asked about until `coverage` is reached. What no class is known to
 * have is the `rest`. If one of them shows labels alone, the answer is a label, after two queries.
 *
 * @param groups - a group of one class needs no second step
 * @param teacherOf - makes the teacher of the groups (`group` is undefined then), and those of the classes of each group
 * @throws InputError if a class has no group or several, or a teacher speaks of other classes
 */
export function twoStep(
  groups: Groups,
  teacherOf: (classes: readonly string[], group?: string) => Teacher,
  options: TwoStepOptions = {},
): Teacher<Combined> {
  checkOptions('twoStep', options, KINDS);
  const {classes = Object.values(groups).flat(), coverage = 0.9} = options;
  if (!(coverage >= 0 && coverage <= 1))
    throw new InputError(`Expected \`coverage\` to be from 0 to 1, got ${coverage}.`);
  const names = Object.keys(groups);
  if (names.length < 2) throw new InputError(`Two steps need two groups at least, got ${names.length}.`);
  const indices = groupIndices(groups, classes);
  const first = checked(teacherOf(names), names);
  const asked = names.filter(group => groups[group]!.length > 1);
  const within = asked.map(group => checked(teacherOf(groups[group]!, group), groups[group]!));
  const teachers = [first, ...within];
  const isLabelling = teachers.some(({detail}) => detail.kind === 'label' || detail.kind === 'votes');
  const detail: Detail = isLabelling ? {kind: 'label'} : {kind: 'top-k', k: classes.length};
  const name = `two steps of ${first.name}`;
  return composed<Combined>({
    name,
    identity: {
      twoStep: {first: first.identity, within: within.map(({identity}) => identity)},
      groups: names.map(group => [group, ...groups[group]!]),
      ...(isLabelling ? {} : {coverage}),
    },
    access: teachers.some(({access}) => access === 'black-box') ? 'black-box' : 'gray-box',
    ...{classes, detail},
    parts: teachers.map((teacher, index) => ({...partShowing(teacher), ...(index > 0 && {least: 0})})),
    async answer(queries, [askFirst, ...askWithin], options) {
      const {onSettled, ...rest} = options;
      const askerOf = new Map(asked.map((group, index) => [names.indexOf(group), askWithin[index]!]));
      const inputs = (await askFirst!(queries, rest)).map((outcome, row): Descending => {
        if ('error' in outcome) return {row, error: errorOfPart(outcome.error, first)};
        const answer = isLabelling ? labelled(outcome.answer) : outcome.answer;
        return {row, descent: new GroupDescent(indices, answer)};
      });
      for (let open = opened(inputs, coverage), told = 0; ; open = opened(inputs, coverage)) {
        onSettled?.(inputs.length - open.length - told);
        told = inputs.length - open.length;
        if (open.length === 0) break;
        await askWithinGroups(open, queries, {askerOf, isLabelling}, rest);
      }
      return inputs.map(input => outcomeOf(input, name, isLabelling));
    },
  });
}

/** One input, and how far it has come. */
interface Descending {
  readonly row: number;
  readonly descent?: GroupDescent;
  error?: Error;
}

/** An input with the group that it is to be asked about. */
interface Open {
  readonly input: Descending;
  readonly descent: GroupDescent;
  readonly group: number;
}

function opened(inputs: readonly Descending[], coverage: number): readonly Open[] {
  return inputs.flatMap((input): readonly Open[] => {
    const {descent, error} = input;
    const group = error ? undefined : descent?.next(coverage);
    return descent === undefined || group === undefined ? [] : [{input, descent, group}];
  });
}

interface Askers {
  /** By the index of a group. */
  readonly askerOf: ReadonlyMap<number, AskPart>;
  readonly isLabelling: boolean;
}

/** Asks about the next group of each input, all groups at once. */
async function askWithinGroups(
  open: readonly Open[],
  queries: readonly Query[],
  {askerOf, isLabelling}: Askers,
  options: LayerOptions,
): Promise<void> {
  const byGroup = new Map<number, Open[]>();
  for (const one of open) byGroup.set(one.group, [...(byGroup.get(one.group) ?? []), one]);
  await allAtOnce(
    [...byGroup].map(([group, some]) => async (own: LayerOptions) => {
      const outcomes = await askerOf.get(group)!(
        some.map(({input}) => queries[input.row]!),
        own,
      );
      for (const [index, {input, descent}] of some.entries()) {
        const outcome = outcomes[index]!;
        if ('error' in outcome) input.error = outcome.error;
        else descent.take(group, isLabelling ? labelled(outcome.answer) : outcome.answer);
      }
    }),
    options,
  );
}

function labelled(answer: Answer): Answer {
  return {kind: 'label', label: labelOf(answer)};
}

function outcomeOf({descent, error}: Descending, name: string, isLabelling: boolean): Outcome<Combined> {
  if (error) return {error};
  try {
    const answer = descent!.answer(name);
    return {answer: isLabelling ? {kind: 'label', label: answer.classes[0]!} : answer};
  } catch (problem) {
    return {error: problem as Error};
  }
}

/** @throws InputError if a teacher does not speak of these classes in this order, or not of classes at all */
function checked(teacher: Teacher, classes: readonly string[]): Teacher {
  if (teacher.questions === undefined && sameClasses(teacher.classes, classes)) return teacher;
  throw new InputError(
    `Teacher ${teacher.name} is to speak of ${classes.join(', ')}, in this order. Pass the classes on to it as they come.`,
  );
}
