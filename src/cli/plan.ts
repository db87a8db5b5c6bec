import {loadRecipe} from '../recipe/load.ts';
import {planStudy} from '../study/plan.ts';
import type {Lane} from './label.ts';
import {planText} from './plan-text.ts';
import {openTerminal} from './terminal.ts';

interface PlanFlags {
  readonly cache: string;
  /** Calls a second. */
  readonly rate?: number;
  readonly lane?: Lane;
  readonly json?: boolean;
}

export async function runPlan(path: string, {cache, rate, lane, json = false}: PlanFlags): Promise<void> {
  const recipe = await loadRecipe(path);
  const byBatches = lane === 'batch';
  const plan = await planStudy(recipe, {cache, byBatches, ...(rate && {rate: {requestsPerMinute: 60 * rate}})});
  openTerminal({json}).result(plan, planText(plan));
}
