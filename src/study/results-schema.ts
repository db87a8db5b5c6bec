import {z} from 'zod';
import type {ClassResult, ConfusedPair, Confusion} from '../evaluate/by-class.ts';
import type {Coverage, CoveragePoint} from '../evaluate/calibration.ts';
import type {TargetSummary} from '../evaluate/effects.ts';
import type {ReliabilityBin} from '../evaluate/reliability.ts';
import {CONDITION_MEASURES, CONDITION_OPERATORS, type Condition} from '../recipe/conditions.ts';
import type {Setting} from '../recipe/settings.ts';
import type {ExpectedGain, LearningCurve} from '../select/curve.ts';
import type {ShareInterval, StopReason} from '../select/round.ts';
import type * as choices from './methods.ts';
import type * as results from './results.ts';
import type {EarlierStudy, MeanShare, StudyChange} from './results.ts';
import {
  access,
  count,
  interval,
  level,
  measured,
  oneOf,
  schemaNames,
  schemaOf,
  share,
  text,
  verdict,
} from './schema-form.ts';
import {
  budgetFindings,
  ceiling,
  curvePoint,
  ledger,
  metrics,
  pairVerdict,
  row,
  studentEfficiency,
  teacherEfficiency,
} from './schema-parts.ts';
import {vectorMethod, vectorStudy} from './vectors/schema.ts';

/** The format that this version reads and writes. */
export const FORMAT = 'limbeck.results/1';

const matrix = z.array(z.array(measured));

export const versions: z.ZodType<results.Results['versions']> = z.object({limbeck: text, node: text});

export const sizes: z.ZodType<results.Results['sizes']> = z.object({
  train: count,
  validation: count,
  test: count,
  transfer: count,
});

const missingInputs = schemaOf<results.MissingInputs>()('MissingInputs', {count, total: count, share});

const writtenInputs = schemaOf<results.WrittenInputs>()('WrittenInputs', {transfer: count, test: count});

export const failure: z.ZodType<results.RunFailure> = schemaOf<results.RunFailure>()('RunFailure', {
  level,
  method: text,
  budget: count.optional(),
  seed: z.number(),
  reason: text,
});

const targets = schemaOf<TargetSummary>()('TargetSummary', {
  entropy: measured,
  smoothing: measured,
  histogram: z.array(count),
});

const bin = schemaOf<ReliabilityBin>()('ReliabilityBin', {
  low: share,
  high: share,
  count,
  confidence: measured,
  accuracy: measured,
});

const setting = schemaOf<Setting>()('Setting', {
  temperature: z.number().exactOptional(),
  weights: z.array(z.number()),
});

const trial = schemaOf<choices.Trial>()('Trial', {
  setting: count,
  epochs: count,
  score: share.nullable(),
  curve: z.array(curvePoint),
  failure: text.exactOptional(),
});

const tuning = schemaOf<choices.Tuning>()('Tuning', {
  judgedBy: oneOf<choices.Tuning['judgedBy']>({'validation accuracy': true, 'agreement in cross-validation': true}),
  terms: z.array(text),
  chosen: count,
  settings: z.array(setting),
  trials: z.array(trial),
});

const learningCurve = schemaOf<LearningCurve>()('LearningCurve', {floor: measured, scale: measured, rate: measured});

const gain = schemaOf<ExpectedGain>()('ExpectedGain', {calls: count, gain: measured, interval, curve: learningCurve});

const shareInterval = schemaOf<ShareInterval>()('ShareInterval', {share: measured, interval});

const round = schemaOf<choices.RoundResult>()('RoundResult', {
  round: count,
  answers: count,
  held: count,
  agreement: shareInterval.optional(),
  gain: gain.optional(),
  stopped: oneOf<StopReason>({most: true, agreement: true, gain: true, pool: true, budget: true}).optional(),
});

const selection = schemaOf<choices.MethodSelection>()('MethodSelection', {by: text, rounds: z.array(round)});

const judgement = {verdict, p: measured, interval, confidence: measured, detectable: measured};

const difference = {
  difference: measured,
  between: oneOf<results.Comparison['between']>({methods: true, students: true}),
  paired: z.boolean(),
  seeds: z.tuple([count, count]),
};

const comparison = schemaOf<results.Comparison>()('Comparison', {
  baseline: text,
  ...difference,
  ...judgement,
  pAlone: measured.optional(),
});

const meanShare = schemaOf<MeanShare>()('MeanShare', {mean: share, interval: z.tuple([share, share])});

const studyChange = schemaOf<StudyChange>()('StudyChange', {
  level,
  method: text,
  budget: count,
  measure: oneOf<StudyChange['measure']>({agreement: true, accuracy: true}),
  before: meanShare,
  after: meanShare,
  ...difference,
  ...judgement,
});

export const earlierStudy: z.ZodType<EarlierStudy> = schemaOf<EarlierStudy>()('EarlierStudy', {
  name: text,
  finishedAt: text,
  limbeck: text,
  differences: z.array(text),
  changes: z.array(studyChange),
});

const confusedPair = schemaOf<ConfusedPair>()('ConfusedPair', {label: count, named: count, count});

const confusion = schemaOf<Confusion>()('Confusion', {
  counts: z.array(z.array(count)).optional(),
  largest: z.array(confusedPair).optional(),
});

const classResult = schemaOf<ClassResult>()('ClassResult', {
  inputs: count.optional(),
  teacherInputs: count,
  recall: measured,
  precision: measured,
  f1: measured,
  agreement: measured,
});

const coveragePoint = schemaOf<CoveragePoint>()('CoveragePoint', {
  coverage: share,
  agreement: measured,
  threshold: z.number(),
});

const coverage = schemaOf<Coverage>()('Coverage', {
  points: z.array(coveragePoint),
  chosen: coveragePoint.optional(),
});

const method = schemaOf<results.MethodResult>()('MethodResult', {
  level,
  method: text,
  description: text,
  targets,
  reliability: z.array(bin),
  relation: matrix,
  relationCorrelation: measured,
  intraClassVariance: measured,
  confusion: z.object({truth: confusion.optional(), teacher: confusion}).optional(),
  classes: z.array(classResult).optional(),
  coverage: coverage.optional(),
  efficiency: studentEfficiency.optional(),
  selection: selection.optional(),
  tuning: tuning.optional(),
  vectors: vectorMethod.optional(),
  versusLabels: comparison.optional(),
});

const repeatability = schemaOf<results.Repeatability>()('Repeatability', {
  level: access,
  teacher: text,
  compared: count,
  flips: count,
  meanKl: measured,
  verdict: oneOf<results.Repeatability['verdict']>({same: true, noise: true, perturbed: true}),
  ledger,
  fallbacks: z.array(text),
});

const student = schemaOf<results.StudentShape>()('StudentShape', {
  name: text,
  parameters: count,
  layers: z.array(text),
});

export const condition: z.ZodType<Condition> = schemaOf<Condition>()('Condition', {
  measure: z.enum(CONDITION_MEASURES),
  operator: z.enum(CONDITION_OPERATORS),
  value: z.number(),
  method: text.optional(),
  level: level.optional(),
  budget: count.optional(),
  question: text.optional(),
  class: text.optional(),
  confident: z.boolean().optional(),
});

/** The form of `results.json`. Fields that it does not know, which later versions add, are dropped. */
export const resultsSchema: z.ZodType<results.Results> = schemaOf<results.Results>()('Results', {
  schema: z.literal(FORMAT),
  name: text,
  finishedAt: text,
  seconds: measured,
  engine: z.object({name: text, version: text, threads: count}),
  versions,
  classes: z.array(text),
  truth: oneOf<results.Results['truth']>({labels: true, teacher: true}),
  sizes,
  missing: z.object({transfer: missingInputs, test: missingInputs}).exactOptional(),
  written: writtenInputs.optional(),
  teacher: z.intersection(z.object({name: text}), metrics),
  ledger: z.intersection(
    ledger,
    z.object({byLevel: z.partialRecord(access, ledger), byMethod: z.record(z.string(), ledger), evaluation: ledger}),
  ),
  steadiness: z.array(repeatability).optional(),
  ceiling: ceiling.optional(),
  students: z.array(student),
  seeds: z.array(z.number()),
  rows: z.array(row),
  failures: z.array(failure),
  methods: z.array(method),
  verdicts: z.array(pairVerdict).optional(),
  conditions: z.array(condition).optional(),
  budgets: budgetFindings.optional(),
  earlier: earlierStudy.optional(),
  teacherTargets: targets.optional(),
  teacherRelation: matrix,
  teacherReliability: z.array(bin),
  teacherEfficiency: z.array(teacherEfficiency).optional(),
  vectors: vectorStudy.optional(),
});

/** The same form as a JSON Schema (2020-12). Interfaces stand in `$defs` by their names. */
export function resultsJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(resultsSchema, {io: 'input', metadata: schemaNames});
}
