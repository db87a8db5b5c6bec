import {planAsking} from '../ask/plan/plan.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import {versionsOf} from '../data/versions.ts';
import type {BudgetCost} from './budget-results.ts';
import type {OpenMethod} from './methods.ts';
import type {Study} from './study.ts';

/** The cost if nobody is asked. */
const NOTHING = {low: 0, expected: 0, worst: 0};

/** The cost of each method's answers at each budget by themselves, as if no answer were kept. */
export async function costsOf(
  study: Pick<Study, 'recipe' | 'asking'>,
  sizes: readonly number[],
): Promise<readonly BudgetCost[]> {
  const {methods, drawn} = study.recipe;
  const parts = sizes.map(budget => {
    const first = Array.from({length: budget}, (_, index) => index);
    return {budget, inputs: selectInputs(drawn.inputs, first)};
  });
  const costs: BudgetCost[] = [];
  for (const method of methods) {
    for (const {budget, inputs} of parts) {
      const {level, method: name} = method;
      costs.push({level, method: name, budget, ...(await costOf(study, method, inputs))});
    }
  }
  return costs;
}

/** A method that chooses its inputs is asked about others, as many. */
async function costOf(
  {asking}: Pick<Study, 'asking'>,
  {asked, detail, countedViews}: OpenMethod,
  inputs: Inputs,
): Promise<Pick<BudgetCost, 'calls' | 'tokens' | 'usd'>> {
  if (asked === undefined) return {calls: NOTHING, usd: NOTHING};
  const {views, ...versions} = countedViews ? versionsOf(inputs, countedViews) : {inputs, views: undefined};
  const options = {store: asking.store, isFromNothing: true, detail, ...(views && {views})};
  const {isService, calls, tokens, usd} = await planAsking(asked, versions.inputs, options);
  return isService ? {calls, tokens, usd} : {calls: NOTHING, usd: NOTHING};
}
