import {readFile, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {InputError} from '../errors.ts';
import type {ClassResult, ConfusedPair, Confusion} from '../evaluate/by-class.ts';
import type {Coverage, CoveragePoint} from '../evaluate/calibration.ts';
import type {TargetSummary} from '../evaluate/effects.ts';
import type {ReliabilityBin} from '../evaluate/reliability.ts';
import type {Condition} from '../recipe/conditions.ts';
import {CONDITION_MEASURES, CONDITION_OPERATORS} from '../recipe/conditions.ts';
import type {Setting} from '../recipe/settings.ts';
import type * as results from './results.ts';
import {
  access,
  budgetFindings,
  ceiling,
  count,
  curvePoint,
  interval,
  ledger,
  level,
  measured,
  metrics,
  oneOf,
  pairVerdict,
  row,
  schemaNames,
  schemaOf,
  share,
  studentEfficiency,
  teacherEfficiency,
  text,
  verdict,
} from './schema-parts.ts';

const FORMAT = 'limbeck.results/1';

const matrix = z.array(z.array(measured));

const missingInputs = schemaOf<results.MissingInputs>()('MissingInputs', {count, total: count, share});

const failure = schemaOf<results.RunFailure>()('RunFailure', {
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

const trial = schemaOf<results.Trial>()('Trial', {
  setting: count,
  epochs: count,
  score: share.nullable(),
  curve: z.array(curvePoint),
  failure: text.exactOptional(),
});

const tuning = schemaOf<results.Tuning>()('Tuning', {
  judgedBy: oneOf<results.Tuning['judgedBy']>({'validation accuracy': true, 'agreement in cross-validation': true}),
  terms: z.array(text),
  chosen: count,
  settings: z.array(setting),
  trials: z.array(trial),
});

const comparison = schemaOf<results.Comparison>()('Comparison', {
  baseline: text,
  difference: measured,
  between: oneOf<results.Comparison['between']>({methods: true, students: true}),
  paired: z.boolean(),
  seeds: z.tuple([count, count]),
  verdict,
  p: measured,
  interval,
  confidence: measured,
  detectable: measured,
  pAlone: measured.optional(),
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
  tuning: tuning.optional(),
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

const condition = schemaOf<Condition>()('Condition', {
  measure: z.enum(CONDITION_MEASURES),
  operator: z.enum(CONDITION_OPERATORS),
  value: z.number(),
  method: text.optional(),
  level: level.optional(),
  budget: count.optional(),
  class: text.optional(),
  confident: z.boolean().optional(),
});

/** The form of `results.json`. Fields that it does not know, which later versions add, are dropped. */
const resultsSchema = schemaOf<results.Results>()('Results', {
  schema: z.literal(FORMAT),
  name: text,
  finishedAt: text,
  seconds: measured,
  engine: z.object({name: text, version: text, threads: count}),
  versions: z.object({limbeck: text, node: text}),
  classes: z.array(text),
  truth: oneOf<results.Results['truth']>({labels: true, teacher: true}),
  sizes: z.object({train: count, validation: count, test: count, transfer: count}),
  missing: z.object({transfer: missingInputs, test: missingInputs}).exactOptional(),
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
  teacherTargets: targets.optional(),
  teacherRelation: matrix,
  teacherReliability: z.array(bin),
  teacherEfficiency: z.array(teacherEfficiency).optional(),
});

/**
 * Reads the results of a study. They have NaN for each null of the file that stands for a number that is not finite.
 *
 * @param path - `results.json`, or the folder that holds it
 * @throws InputError if there is no such file, or if it holds no results that this version can read
 */
export async function readResults(path: string): Promise<results.Results> {
  const file = (await isFolder(path)) ? join(path, 'results.json') : path;
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (cause) {
    const problem = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : "can't be read";
    throw new InputError(`${file} ${problem}. Give the \`results.json\` of a study, or its folder.`, {cause});
  }
  const document = parsed(content);
  const format = formatOf(document);
  if (format === undefined) {
    throw new InputError(`${file} holds no results. Give the \`results.json\` that \`limbeck compare\` wrote.`);
  }
  if (format !== FORMAT) {
    throw new InputError(
      `${file} has the format ${format}, and this version of limbeck reads ${FORMAT}. Update limbeck.`,
    );
  }
  const {success, data, error} = resultsSchema.safeParse(document);
  if (success) return data;
  const [{path: field, message}] = error.issues as [z.core.$ZodIssue];
  throw new InputError(
    `${file} is not as \`limbeck compare\` wrote it: ${field.join('.')}: ${message}. Run \`limbeck compare\` again; kept answers cost nothing.`,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    entry => entry.isDirectory(),
    () => false,
  );
}

function parsed(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** The format that a document names; undefined if it is no document of results. */
function formatOf(document: unknown): string | undefined {
  const named = z.object({schema: z.string().regex(/^limbeck\.results\/\d+$/)}).safeParse(document);
  return named.data?.schema;
}

/** The same form as a JSON Schema (2020-12). Interfaces stand in `$defs` by their names. */
export function resultsJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(resultsSchema, {io: 'input', metadata: schemaNames});
}
