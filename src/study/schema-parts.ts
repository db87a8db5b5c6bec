import {z} from 'zod';
import type {LedgerSnapshot} from '../ask/ledger.ts';
import type {Estimate} from '../ask/plan/cost.ts';
import type {Ceiling} from '../ask/probe/repetition.ts';
import type {CascadeResult} from '../evaluate/calibration.ts';
import type {Latency, StudentEfficiency, TeacherEfficiency} from '../evaluate/efficiency.ts';
import type {Guarantee} from '../student/student.ts';
import type {Fit} from '../train/trend.ts';
import type * as budgets from './budget-results.ts';
import type {ExpectedNext} from './expect-next.ts';
import type * as choices from './methods.ts';
import type * as results from './results.ts';
import {access, count, interval, level, measured, oneOf, schemaOf, share, text, verdict} from './schema-form.ts';
import {vectorMeasures} from './vectors/schema.ts';

export const ledger: z.ZodType<LedgerSnapshot> = schemaOf<LedgerSnapshot>()('LedgerSnapshot', {
  asked: count,
  bought: count,
  cached: count,
  imported: count.exactOptional(),
  setAside: count,
  inDoubt: count,
  calls: count,
  refused: count,
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count.exactOptional(),
  cacheWriteTokens: count.exactOptional(),
  usd: measured.optional(),
});

const estimate = schemaOf<Estimate>()('Estimate', {low: measured, expected: measured, worst: measured});

export const metrics: z.ZodType<results.Metrics> = schemaOf<results.Metrics>()('Metrics', {
  accuracy: measured,
  nll: measured,
  ece: measured,
});

const guarantee = schemaOf<Guarantee>()('Guarantee', {
  agreement: share,
  confidence: share,
  answers: count,
  disagreements: count,
  localShare: share,
  bound: share,
  moreAnswers: count.exactOptional(),
});

const cascade = schemaOf<CascadeResult>()('CascadeResult', {
  localShare: measured,
  agreement: measured,
  interval,
  inputs: count,
  threshold: z.number(),
  guarantee: guarantee.optional(),
});

export const curvePoint: z.ZodType<choices.CurvePoint> = schemaOf<choices.CurvePoint>()('CurvePoint', {
  epoch: count,
  step: count,
  loss: measured,
  validationAccuracy: share.nullable(),
});

const fit = schemaOf<Fit>()('Fit', {
  trainingAgreement: measured,
  fall: measured,
  pace: measured,
  underfitted: z.boolean(),
});

const candidate = schemaOf<choices.Candidate>()('Candidate', {name: text, parameters: count, agreement: measured});

const assistant = schemaOf<choices.AssistantUse>()('AssistantUse', {
  encoder: text,
  answers: count,
  further: count,
  agreement: measured,
  penalty: measured,
  knowsNames: z.boolean(),
  plainAgreement: measured,
  plainly: z.literal('numbers').exactOptional(),
  weight: measured,
});

const next = schemaOf<ExpectedNext>()('ExpectedNext', {
  answers: count,
  gain: measured,
  interval,
  confidence: measured,
  encoder: text.optional(),
});

const choice = schemaOf<choices.StudentChoice>()('StudentChoice', {chosen: count, candidates: z.array(candidate)});

export const row: z.ZodType<results.ResultRow> = schemaOf<results.ResultRow>()('ResultRow', {
  level,
  method: text,
  seed: z.number(),
  budget: count,
  accuracy: measured,
  agreement: measured,
  agreementBounds: interval.optional(),
  agreementWhereTeacherErrs: measured.optional(),
  balancedAccuracy: measured.optional(),
  macroF1: measured.optional(),
  adaptiveEce: measured.optional(),
  klToTeacher: measured,
  nll: measured,
  ece: measured,
  brier: measured,
  entropy: measured,
  seconds: measured,
  curve: z.array(curvePoint),
  fit: fit.optional(),
  choice: choice.optional(),
  assistant: assistant.optional(),
  next: next.optional(),
  vectors: vectorMeasures.optional(),
  cascade: cascade.optional(),
});

const budgetRow = schemaOf<budgets.BudgetRow>()('BudgetRow', {
  level,
  method: text,
  seed: z.number(),
  budget: count,
  answers: count,
  accuracy: measured,
  agreement: measured,
  klToTeacher: measured,
  nll: measured,
  ece: measured,
  vectors: vectorMeasures.optional(),
  seconds: measured,
});

const budgetCost = schemaOf<budgets.BudgetCost>()('BudgetCost', {
  level,
  method: text,
  budget: count,
  calls: estimate,
  tokens: estimate.optional(),
  usd: estimate.optional(),
});

export const exchangeRate: z.ZodType<budgets.ExchangeRate> = schemaOf<budgets.ExchangeRate>()('ExchangeRate', {
  method: text,
  budget: count,
  agreement: measured,
  inAnswersOf: text,
  worth: count.nullable(),
  low: count.nullable(),
  high: count.nullable(),
  confidence: measured,
});

const cheapest = schemaOf<budgets.CheapestMethod>()('CheapestMethod', {
  agreement: share,
  level,
  method: text,
  budget: count,
  calls: count,
  usd: z.number().optional(),
});

export const budgetFindings: z.ZodType<budgets.BudgetFindings> = schemaOf<budgets.BudgetFindings>()('BudgetFindings', {
  sizes: z.array(count),
  steps: count,
  rows: z.array(budgetRow),
  costs: z.array(budgetCost),
  exchangeRates: z.array(exchangeRate),
  cheapest: z.array(cheapest),
});

export const pairVerdict: z.ZodType<budgets.PairVerdict> = schemaOf<budgets.PairVerdict>()('PairVerdict', {
  a: text,
  b: text,
  budget: z.union([count, z.literal('curve')]),
  measure: oneOf<budgets.PairVerdict['measure']>({agreement: true, cosine: true, recall: true}),
  difference: measured,
  low: measured,
  high: measured,
  confidence: measured,
  p: measured,
  adjustedP: measured,
  verdict,
  detectable: measured,
});

const latency = schemaOf<Latency>()('Latency', {
  p50: z.number(),
  p99: z.number(),
  requests: count,
  inputsEach: z.number(),
});

const speed = {latency: latency.optional(), answersPerSecond: z.number().optional()};

export const studentEfficiency: z.ZodType<StudentEfficiency> = schemaOf<StudentEfficiency>()('StudentEfficiency', {
  ...speed,
  bytes: count,
  parameters: count,
});

export const teacherEfficiency: z.ZodType<TeacherEfficiency> = schemaOf<TeacherEfficiency>()('TeacherEfficiency', {
  ...speed,
  level: access,
  teacher: text,
  usdPerThousand: z.number().optional(),
});

export const ceiling: z.ZodType<Ceiling> = schemaOf<Ceiling>()('Ceiling', {
  teacher: text,
  inputs: count,
  share,
  interval: z.tuple([share, share]),
  most: share,
  ledger: ledger.optional(),
});
