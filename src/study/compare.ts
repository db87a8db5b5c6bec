import {mkdir, readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {z} from 'zod';
import type {Interruption} from '../ask/ledger.ts';
import {checkPermission} from '../ask/provider/terms.ts';
import {InputError} from '../errors.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {resolveRecipe} from '../recipe/resolve.ts';
import {withoutSecrets} from '../secrets.ts';
import {besideEarlier, type EndedStudy, readStudy} from './against.ts';
import {askQueries, teachersAsked} from './asking.ts';
import {costsOf} from './budgets.ts';
import {checkStudyWritable} from './folders.ts';
import {answeredMethod} from './knowledge.ts';
import {type Manifest, manifestOf, manifestPath} from './manifest.ts';
import {type Run as MeasuredRun, measure, measureEfficiency, type PartRun, sortRuns} from './measure.ts';
import {type AnsweredMethod, changed, type MethodChanges} from './methods.ts';
import {type Asked, type Labelled, toCommonInputs} from './missing.ts';
import {askReference} from './reference.ts';
import {changesFor, checkRepeatability, measureCeiling} from './repeatability.ts';
import type {Repeatability, Results} from './results.ts';
import {resultsOf, type StudyParts} from './results-of.ts';
import {type Samples, samplesOf} from './samples.ts';
import {directoryOf, type OpenStudyOptions, openStudy, STUDY, type Study, type StudyOptions} from './study.ts';
import {type TrainedRun, trainMethods} from './train-methods.ts';
import {tuneMethods} from './tune/tune.ts';
import type {OpenRunner} from './workers.ts';

export interface CompareOptions extends StudyOptions {
  /**
   * `results.json` of an earlier study, or its folder, to lay beside this one.
   *
   * @default none
   */
  readonly against?: string | undefined;
  /**
   * Opens what trains the students.
   *
   * @default worker processes if the study has some, or this process
   */
  readonly openRunner?: OpenRunner | undefined;
}

export const COMPARE: Shape<CompareOptions> = {...STUDY, against: kinds.text, openRunner: kinds.call};

/**
 * Compares what levels of access are worth: asks each level about the same inputs, and once more for a method that asks in
 * its own way; trains the same student by every method from every seed, measures all of them on the test split, and writes
 * `results.json`, `results.csv`, `results.md`, `report.html`, and the manifest from which it can be reproduced.
 *
 * @throws InputError before anything is asked if the earlier study can't be read
 */
export async function compare(recipe: Recipe, given: CompareOptions = {}): Promise<Results> {
  checkOptions('compare', given, COMPARE);
  if (recipe.questions) {
    throw new InputError(
      'The recipe has several questions. Use `compareQuestions()`, which gives the results of each.',
    );
  }
  const {against, openRunner, ...options} = given;
  // Read first: it may stand where this study's results will.
  const earlier = against === undefined ? undefined : await readStudy(against);
  const started = performance.now();
  const study = await beginStudy(recipe, options);
  try {
    const prepared = await prepare(study, started, openRunner);
    const {methods, reference} = prepared;
    const trained = await trainMethods(study, methods, {
      measure: (job, executed) => measure(job, executed, reference, study.recipe.data),
      openRunner,
    });
    return await finish(prepared, trained, earlier);
  } finally {
    await study.close();
  }
}

/** A study that has all its answers. */
export interface Prepared
  extends Pick<StudyParts, 'study' | 'asked' | 'reference' | 'methods' | 'repeatability' | 'ceiling' | 'missing'> {
  /** When it began, by `performance.now()`. */
  readonly started: number;
}

/** Opens a study that asks and trains all that its recipe says, and marks that it has begun. Asks nothing yet. */
export async function beginStudy(recipe: Recipe, options: StudyOptions & OpenStudyOptions): Promise<Study> {
  const directory = directoryOf(recipe, options);
  await checkStudyWritable(recipe, options);
  const resolved = await resolveRecipe(recipe);
  const note = resolved.scaleNote();
  if (note !== undefined) options.onNote?.(note);
  const interruption = await interruptionOf(directory);
  const study = await openStudy(resolved, [...resolved.levels, resolved.reference], {...options, interruption});
  try {
    checkPermission(teachersAsked(study), study.hasPermission);
    if (interruption === undefined) await markBegun(directory);
    return study;
  } catch (error) {
    await study.close();
    throw error;
  }
}

/**
 * Asks all that a study asks, and settles the losses of its methods.
 *
 * @param openRunner - opens what tries settings of losses
 */
export async function prepare(study: Study, started: number, openRunner?: OpenRunner): Promise<Prepared> {
  const labelled: Labelled[] = [];
  for (const plan of study.recipe.queryPlans) labelled.push(await askQueries(study, plan));
  const {asked, missing, changes} = await toCommonInputs(study, labelled);
  const reference = await askReference(study);
  const ceiling = await measureCeiling(study, reference);
  const {answered, repeatability} = await answeredMethods(study, asked, changes);
  const methods = await tuneMethods(study, answered, openRunner);
  return {study, started, asked, missing, reference, ceiling, repeatability, methods};
}

/** Measures what was trained, and writes the results. */
export async function finish(
  prepared: Prepared,
  trained: readonly TrainedRun<MeasuredRun | PartRun>[],
  earlier?: EndedStudy,
): Promise<Results> {
  const {study, started, methods, asked, reference, ceiling, repeatability, missing} = prepared;
  const measured = sortRuns(trained);
  const efficiency = await measureEfficiency(study, measured.runs);
  const costs = await costsOf(study, study.recipe.budgets?.sizes ?? []);
  const seconds = (performance.now() - started) / 1000;
  const asking = {asked, reference, repeatability, ceiling, missing};
  const found = await resultsOf({study, methods, ...asking, ...measured, efficiency, costs, seconds});
  const manifest = await manifestOf(study, asked, found);
  const results = {...found, earlier: earlier && besideEarlier({results: found, manifest}, earlier)};
  const {inputs} = study.recipe.data.test;
  // The report shows samples of classes alone.
  const samples = reference.vectors ? undefined : await samplesOf({inputs, reference, results, runs: measured.runs});
  await writeResults(study.directory, results, samples, manifest);
  await markEnded(study.directory);
  return results;
}

/** Gives each method what it learns from: labels in place of scores that its teacher perturbs. */
async function answeredMethods(
  study: Study,
  asked: readonly Asked[],
  changes: MethodChanges,
): Promise<{
  readonly answered: readonly AnsweredMethod<Knowledge>[];
  readonly repeatability: readonly Repeatability[];
}> {
  const {recipe} = study;
  const outcomes: (Asked & {readonly repeatability: Repeatability | undefined})[] = [];
  for (const one of asked) outcomes.push({...one, repeatability: await checkRepeatability(study, one)});
  const answered = recipe.methods.map(method => {
    const own = outcomes.find(({plan}) => plan === method.queryPlan);
    const steady = changesFor(recipe, method, own?.repeatability?.verdict);
    return answeredMethod(recipe, changed(method, {...steady, ...changes}), own?.knowledge);
  });
  return {answered, repeatability: outcomes.flatMap(({repeatability}) => repeatability ?? [])};
}

/** The files that a study writes its findings to. */
export function resultFiles(directory: string): Readonly<Record<'results' | 'csv' | 'markdown' | 'report', string>> {
  const [results, csv, markdown] = ['json', 'csv', 'md'].map(ending => join(directory, `results.${ending}`)) as [
    string,
    string,
    string,
  ];
  return {results, csv, markdown, report: join(directory, 'report.html')};
}

/** Writes each file whole or not at all. */
async function writeResults(
  directory: string,
  results: Results,
  samples: Samples | undefined,
  manifest: Manifest,
): Promise<void> {
  // The package that draws plots is large, and most programs write no report.
  const {renderReport} = await import('./report/page.ts');
  const {resultsCsv, resultsMarkdown} = await import('./result-tables.ts');
  await mkdir(directory, {recursive: true});
  const files = resultFiles(directory);
  const texts = [
    [files.results, `${JSON.stringify(results, undefined, 2)}\n`],
    [files.csv, resultsCsv(results)],
    [files.markdown, resultsMarkdown(results)],
    [files.report, renderReport(results, samples)],
    [manifestPath(directory), `${JSON.stringify(manifest, undefined, 2)}\n`],
  ] as const;
  for (const [path, text] of texts) await writeFileAtomic(path, withoutSecrets(text));
}

const schema = z.object({begun: z.iso.datetime()});

/** Tells from when a study was under way that has not come to its results; undefined if this process begins it. */
async function interruptionOf(directory: string): Promise<Interruption | undefined> {
  const text = await readFile(markPath(directory), 'utf8').catch(() => '{}');
  try {
    const {begun} = schema.parse(JSON.parse(text));
    return {from: begun, until: new Date().toISOString()};
  } catch {
    // What was bought then counts as cached, as it does for any other study.
    return undefined;
  }
}

/** Marks that a study is under way. To be called before anything is asked. */
async function markBegun(directory: string): Promise<void> {
  await mkdir(directory, {recursive: true});
  await writeFileAtomic(markPath(directory), `${JSON.stringify({begun: new Date().toISOString()})}\n`);
}

/** Marks that a study has its results. */
async function markEnded(directory: string): Promise<void> {
  await rm(markPath(directory), {force: true});
}

function markPath(directory: string): string {
  return join(directory, 'begun.json');
}
