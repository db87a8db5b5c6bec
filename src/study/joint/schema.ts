import {z} from 'zod';
import type {ChoiceMeasures, PredicateMeasures, ScoreMeasures} from '../../evaluate/typed-measures.ts';
import {condition, earlierStudy, failure, sizes, versions} from '../results-schema.ts';
import {
  count,
  exchangeRate,
  interval,
  level,
  measured,
  oneOf,
  pairVerdict,
  schemaNames,
  schemaOf,
  text,
} from '../schema-parts.ts';
import type * as joint from './results.ts';

/** The format that this version reads and writes. */
export const JOINT_FORMAT = 'limbeck.joint/1';

const choice = schemaOf<ChoiceMeasures>()('ChoiceMeasures', {
  type: z.literal('choice'),
  agreement: measured,
  macroF1: measured,
});

const predicate = schemaOf<PredicateMeasures>()('PredicateMeasures', {
  type: z.literal('predicate'),
  auroc: measured,
  averagePrecision: measured,
  answered: count,
  yes: count,
  saidYes: count,
  agreement: measured,
  precision: measured,
  recall: measured,
  f1: measured,
});

const score = schemaOf<ScoreMeasures>()('ScoreMeasures', {
  type: z.literal('score'),
  answered: count,
  exact: measured,
  withinOne: measured,
  mae: measured,
  rmse: measured,
  bias: measured,
  spearman: measured,
  quadraticKappa: measured,
  expectedMae: measured.optional(),
  expectedSpearman: measured.optional(),
});

const student = {level, method: text, seed: z.number()};

const measuredStudent: z.ZodType<joint.MeasuredStudent> = z.intersection(
  z.union([choice, predicate, score]),
  z.object(student),
);

const question = schemaOf<joint.JointQuestion>()('JointQuestion', {
  name: text,
  type: oneOf<joint.JointQuestion['type']>({choice: true, predicate: true, score: true}),
  instructions: text.optional(),
  directory: text,
  finishedAt: text,
  measures: z.array(measuredStudent),
});

const seedAgreement = schemaOf<joint.SeedAgreement>()('SeedAgreement', {seed: z.number(), agreement: measured});

const method = schemaOf<joint.JointMethodResult>()('JointMethodResult', {
  level,
  method: text,
  agreement: measured,
  interval,
  seeds: z.array(seedAgreement),
  inputs: count,
});

const budgetRow = schemaOf<joint.JointBudgetRow>()('JointBudgetRow', {...student, budget: count, agreement: measured});

const budgets = schemaOf<joint.JointBudgets>()('JointBudgets', {
  sizes: z.array(count),
  rows: z.array(budgetRow),
  exchangeRates: z.array(exchangeRate),
});

const missing = schemaOf<joint.JointMissing>()('JointMissing', {none: count, some: count, total: count});

/** The form of `joint.json`. Fields that it does not know, which later versions add, are dropped. */
export const jointSchema: z.ZodType<joint.JointResults> = schemaOf<joint.JointResults>()('JointResults', {
  schema: z.literal(JOINT_FORMAT),
  name: text,
  finishedAt: text,
  seconds: measured,
  versions,
  seeds: z.array(z.number()),
  sizes,
  missing: missing.optional(),
  questions: z.array(question),
  joint: z.array(method),
  failures: z.array(failure),
  verdicts: z.array(pairVerdict),
  budgets: budgets.optional(),
  conditions: z.array(condition).optional(),
  earlier: earlierStudy.optional(),
});

/** The same form as a JSON Schema (2020-12). Interfaces stand in `$defs` by their names. */
export function jointJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(jointSchema, {io: 'input', metadata: schemaNames});
}
