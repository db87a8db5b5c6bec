import type {Dataset, UnlabelledDataset} from '../data/split.ts';
import {InputError} from '../errors.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {planOf} from '../select/options.ts';

/**
 * Checks that methods that choose their inputs have some to choose from, and calls left to choose by.
 *
 * @throws InputError that names the method
 */
export function checkSelections({methods, transfer}: Recipe, {train}: Dataset | UnlabelledDataset): void {
  for (const {method, select} of methods) {
    if (select === undefined) continue;
    try {
      planOf(train.inputs, {...select, most: transfer.size, seed: 0});
    } catch (error) {
      throw new InputError(`Method \`${method}\`, \`select\`: ${(error as Error).message}`, {cause: error});
    }
  }
}
