import {keyed} from '../../ask/layer.ts';
import {type Inputs, inputAt} from '../../data/inputs.ts';
import type {ResolvedRecipe} from '../../recipe/resolve.ts';
import type {SoleLeaf} from './imported-teacher.ts';

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
