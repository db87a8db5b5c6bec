import {leavesOf} from '../../ask/compose/parts.ts';
import {keyed} from '../../ask/layer.ts';
import {type Inputs, inputAt} from '../../data/inputs.ts';
import {InputError} from '../../errors.ts';
import {inputsOfKinds} from '../../input-kinds.ts';
import {joinDetails} from '../../knowledge/coarsen.ts';
import {LEVELS} from '../../levels.ts';
import type {ResolvedRecipe} from '../../recipe/resolve.ts';
import {measurable} from '../../study/reference.ts';
import type {Access, Detail, Query, Teacher} from '../../teacher.ts';

/** Reads the value of `--teacher`: a recipe and one of its levels. */
export function recipeAndLevel(teacher: string | undefined): {readonly path: string; readonly level: Access} {
  const [, path, name] = /^(.+)#([^#]+)$/.exec(teacher ?? '') ?? [];
  const level = LEVELS.find(known => known === name);
  if (path !== undefined && level !== undefined) return {path, level};
  throw new InputError(
    'Name the teacher whose answers these are with `--teacher`: a recipe and its level, such as recipe.ts#black-box. ' +
      `The levels are ${LEVELS.join(', ')}.`,
  );
}

/** The one teacher that a level asks, perhaps several times or in other words. */
export interface SoleLeaf {
  readonly teacher: Teacher;
  /** The least that the level's methods need. */
  readonly wanted: Detail;
  queryAbout(text: string): Promise<Query>;
}

/** @throws InputError if the level asks several teachers, or if the recipe has no texts */
export function soleLeaf(teacher: Teacher, {data, queryPlans}: ResolvedRecipe, level: Access): SoleLeaf {
  if (data.train.inputs.kind !== 'text') {
    throw new InputError(
      `The inputs of this recipe are ${inputsOfKinds(data.train.inputs.kind)}, and logs hold texts. ` +
        '`limbeck cache import FILE` takes exported answers.',
    );
  }
  const plans = queryPlans.filter(plan => plan.level === level);
  const detail = plans.length === 0 ? measurable(teacher.detail) : joinDetails(plans.map(plan => plan.detail));
  const leaves = leavesOf(teacher, detail).filter(({beforehand}) => beforehand === undefined);
  const [leaf, ...others] = leaves;
  if (leaf === undefined || others.some(other => other.teacher !== leaf.teacher)) {
    const names = new Set(leaves.map(({teacher: {name}}) => name));
    throw new InputError(
      `The ${level} teacher is made of several: ${[...names].join(', ')}. Import by a recipe whose ${level} teacher is ` +
        'the one that gave these answers. They then serve this recipe, too.',
    );
  }
  return {
    teacher: leaf.teacher,
    wanted: leaf.detail,
    queryAbout: async text => (await leaf.queriesFor({input: {kind: 'text', text}}))[0]!,
  };
}

/** How many inputs of a recipe have an answer in the logs. */
export interface CoverageRow {
  readonly about: 'transfer set' | 'test split';
  readonly inputs: number;
  readonly answered: number;
}

export interface Coverage {
  /** Takes keys of answers into account. */
  add(keys: readonly string[]): void;
  rows(): readonly CoverageRow[];
}

/** Counts which inputs of a recipe have an answer. */
export async function coverageOf({drawn, data}: ResolvedRecipe, leaf: SoleLeaf): Promise<Coverage> {
  const sets = [
    {about: 'transfer set', inputs: drawn.inputs.count, open: await keysOf(drawn.inputs, leaf)},
    {about: 'test split', inputs: data.test.inputs.count, open: await keysOf(data.test.inputs, leaf)},
  ] as const;
  const answered = sets.map(() => 0);
  return {
    add(keys) {
      for (const key of keys) {
        for (const [index, {open}] of sets.entries()) answered[index]! += open.get(key) ?? 0;
      }
    },
    rows: () => sets.map(({about, inputs}, index) => ({about, inputs, answered: answered[index]!})),
  };
}

/** By key, how many inputs share it. */
async function keysOf(inputs: Inputs, {teacher, queryAbout}: SoleLeaf): Promise<ReadonlyMap<string, number>> {
  const keys = new Map<string, number>();
  for (let index = 0; index < inputs.count; index++) {
    const input = inputAt(inputs, index);
    if (input.kind !== 'text') continue;
    const {key} = keyed(teacher, await queryAbout(input.text));
    keys.set(key, (keys.get(key) ?? 0) + 1);
  }
  return keys;
}
