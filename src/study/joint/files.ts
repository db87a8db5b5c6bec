import {mkdir, stat} from 'node:fs/promises';
import {basename, dirname, join, relative} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {z} from 'zod';
import {InputError} from '../../errors.ts';
import type {ChoiceMeasures, PredicateMeasures, ScoreMeasures} from '../../evaluate/typed-measures.ts';
import {withoutSecrets} from '../../secrets.ts';
import {fileIn, readDocument, readResults} from '../read-results.ts';
import {condition, earlierStudy, failure, sizes, versions} from '../results-schema.ts';
import {count, interval, level, measured, oneOf, schemaNames, schemaOf, text} from '../schema-form.ts';
import {exchangeRate, pairVerdict} from '../schema-parts.ts';
import type * as joint from './results.ts';
import type {JointResults, QuestionResults, QuestionsResults} from './results.ts';

/** The files about all questions of a study together. */
export function jointFiles(directory: string): Readonly<Record<'results' | 'csv' | 'markdown' | 'report', string>> {
  const [results, csv, markdown] = ['json', 'csv', 'md'].map(ending => join(directory, `joint.${ending}`)) as [
    string,
    string,
    string,
  ];
  return {results, csv, markdown, report: join(directory, 'report.html')};
}

/**
 * Whether a path is that of a study of several questions.
 *
 * @param path - a file of results, or the folder of a study. If it has results of both kinds, the later ones count.
 */
export async function isOfSeveral(path: string): Promise<boolean> {
  const [joint, single] = await Promise.all(['joint.json', 'results.json'].map(name => modifiedAt(join(path, name))));
  if (joint === undefined) return basename(path) === 'joint.json';
  return single === undefined || joint > single;
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({mtimeMs}) => mtimeMs,
    () => undefined,
  );
}

/** Writes each file whole or not at all. */
export async function writeJointResults(directory: string, results: QuestionsResults): Promise<void> {
  // The package that draws plots is large, and most programs write no report.
  const {renderJointReport} = await import('../report/joint-page.ts');
  const {jointCsv, jointMarkdown} = await import('./tables.ts');
  const document = jointDocument(directory, results);
  await mkdir(directory, {recursive: true});
  const files = jointFiles(directory);
  const texts = [
    [files.results, `${JSON.stringify(document, undefined, 2)}\n`],
    [files.csv, jointCsv(results)],
    [files.markdown, jointMarkdown(results)],
    [files.report, renderJointReport(results, {folder: directory, document})],
  ] as const;
  for (const [path, text] of texts) await writeFileAtomic(path, withoutSecrets(text));
}

/** The results of each question stand in a file of their own. */
export function jointDocument(directory: string, {questions, ...findings}: QuestionsResults): JointResults {
  const entries = questions.map(({question: {name, type, instructions}, directory: own, results, measures}) => ({
    ...{name, type, instructions, directory: relative(directory, own)},
    ...{finishedAt: results.finishedAt, measures},
  }));
  return {...findings, questions: entries};
}

/**
 * Reads the results of a study of several questions. They have NaN for each null of the files that stands for a number that
 * is not finite.
 *
 * @param path - `joint.json`, or the folder that holds it
 * @throws InputError if there is no such file, or if it or the results of a question can't be read
 */
export async function readQuestionsResults(path: string): Promise<QuestionsResults> {
  const file = await fileIn(path, 'joint.json');
  const {questions, ...findings} = await readDocument(file, {format: JOINT_FORMAT, schema: jointSchema});
  const found: QuestionResults[] = [];
  for (const {name, type, instructions, directory: own, finishedAt, measures} of questions) {
    const directory = join(dirname(file), own);
    const results = await readResults(directory);
    // A study that was killed while it wrote its files can leave those of the one before.
    if (results.finishedAt !== finishedAt) {
      throw new InputError(
        `${file} is not of the same run as the results in ${directory}. Run \`limbeck compare\` again; kept answers cost nothing.`,
      );
    }
    found.push({question: {name, type, instructions}, directory, results, measures});
  }
  return {...findings, questions: found};
}

/** The format that this version reads and writes. */
const JOINT_FORMAT = 'limbeck.joint/1';

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
const jointSchema: z.ZodType<joint.JointResults> = schemaOf<joint.JointResults>()('JointResults', {
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
