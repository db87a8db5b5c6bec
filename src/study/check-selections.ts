import type {Dataset, UnlabelledDataset} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {setApart} from '../recipe/cascade-target.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {planOf} from '../select/options.ts';

/**
 * Checks that methods that choose their inputs have some to choose from, and calls left to choose by.
 *
 * @throws InputError that names the method
 */
export function checkSelections(recipe: Recipe, {train}: Dataset | UnlabelledDataset): void {
  const {methods, transfer} = recipe;
  const calibration = setApart(recipe, transfer.size);
  for (const {method, select} of methods) {
    if (select === undefined) continue;
    try {
      planOf(train.inputs, {...select, most: transfer.size, seed: 0, calibration});
    } catch (error) {
      throw new InputError(`Method \`${method}\`, \`select\`: ${(error as Error).message}`, {cause: error});
    }
  }
}
