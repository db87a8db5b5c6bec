import {mkdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {type Collection, type CollectOptions, collectAnswered, type Missing, missingError} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {withProgress} from '../ask/progress/meter.ts';
import {type Distributions, distributionsOf} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {mixSeed} from '../data/random.ts';
import {type TransferSet, transferSet} from '../data/split.ts';
import {PendingError} from '../errors.ts';
import {type Evaluation, evaluate} from '../evaluate/metrics.ts';
import {type Answers, answerAt} from '../knowledge/answers.ts';
import {namedBy} from '../knowledge/coarsen.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import {describeShares, planOf, type Selection, type SelectOptions, strategyName} from '../select/options.ts';
import {describeRound, type SelectionRound} from '../select/round.ts';
import {selectInRounds} from '../select/select-in-rounds.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import {keep} from './knowledge.ts';
import type {MethodSelection, OpenMethod} from './methods.ts';
import {checkAllowed, isUnasked, type Labelled, type LeftOut} from './missing.ts';
import type {LedgerTotals, MissingInputs} from './results.ts';
import type {Study} from './study.ts';

/**
 * Asks a teacher about the transfer set once, at the fullest detail that the methods need, and saves what is known of the
 * inputs that were answered; poorer details are made of it.
 *
 * @throws KnowledgeError if the budget ended or a batch has not ended before all inputs were asked about
 */
export async function askQueries(study: Study, plan: QueryPlan): Promise<Labelled> {
  const found = await collected(study, plan);
  if ('pending' in found) throw found.pending;
  checkAsked(found);
  return labelled(study, found);
}

/** @throws KnowledgeError if there is an input that another run may answer */
function checkAsked({teacher, missing, total}: LeftOut): void {
  if (missing.some(isUnasked)) throw missingError(teacher, missing, total);
}

/**
 * The teachers that are asked for answers to train on.
 *
 * @param levels - @default all of the recipe
 */
export function teachersAsked(
  {recipe, teacherFor}: Study,
  levels: readonly Access[] = recipe.levels,
): readonly Teacher[] {
  return recipe.queryPlans.filter(({level}) => levels.includes(level)).map(teacherFor);
}

/** Nothing yet: what was asked is in batches that have not ended. */
export interface Pending extends Pick<Labelled, 'plan' | 'ledger' | 'teacher'> {
  readonly pending: PendingError;
}

/** Asks as `askQueries` does, and saves what is known of the inputs that were answered. */
export async function labelQueries(study: Study, plan: QueryPlan): Promise<Labelled | Pending> {
  const found = await collected(study, plan);
  return 'pending' in found ? found : labelled(study, found);
}

async function labelled({directory}: Study, found: Omit<Labelled, 'path'>): Promise<Labelled> {
  // Nothing is known yet of the inputs that another run may answer.
  const unanswered = found.missing.filter(one => !isUnasked(one)).length;
  const knowledge = unanswered === 0 ? found.knowledge : {...found.knowledge, unanswered};
  return {...found, knowledge, path: await keep(directory, found.plan, knowledge)};
}

/**
 * The answers about the transfer set, or about inputs that the plan's method chooses instead. Saves no knowledge.
 *
 * @param transfer - @default all that the plan asks about
 */
export async function collected(
  study: Study,
  plan: QueryPlan,
  transfer: TransferSet = study.recipe.transferOf(plan),
): Promise<Omit<Labelled, 'path'> | Pending> {
  const {recipe, onNote} = study;
  const {select, detail} = plan;
  const methods = recipe.methods.filter(({queryPlan}) => queryPlan === plan);
  const asked = study.teacherFor(plan);
  for (const method of methods) if (isUnseen(method)) onNote(noteOnViews(method, asked));
  const opened = study.asking.open(asked);
  const {teacher, ledger} = opened;
  const total = transfer.inputs.count;
  const collection = await withProgress(study, opened, {task: `ask ${plan.name}`, total}, progress => {
    const options = {detail, ...progress};
    if (select !== undefined) return askSelected(study, {...methods[0]!, select}, plan, teacher, options);
    return collectAnswered(teacher, transfer, options);
  }).catch((error: unknown) => {
    if (error instanceof PendingError) return {pending: error};
    throw error;
  });
  return {plan, teacher: teacher.name, ledger: ledger.snapshot(), total, ...collection};
}

/** Whether nobody answers a method's views: its students see the inputs as they are. */
function isUnseen({views, viewing}: OpenMethod): boolean {
  return views !== undefined && views.count === undefined && viewing.view === undefined;
}

function noteOnViews({method}: OpenMethod, {name}: Teacher): string {
  return (
    `Method \`${method}\` learns from the inputs as they are: ${name} does not answer while students are trained, ` +
    'and how many views of each input it is to be asked about beforehand is not said. Give `views.count`.'
  );
}

/** The answers that students are measured against: those of the teacher that shows most, about the test split. */
export interface Reference {
  readonly name: string;
  /** Inputs of the test split without an answer. Nothing below is about them. */
  readonly missing: MissingInputs;
  /** [answered], indices in the test split of the inputs that have an answer, in its order. */
  readonly rows: Int32Array;
  /** [test split], the classes that it names; -1 for an input without an answer. */
  readonly named: Int32Array;
  /** [answered], the classes that it names; of a teacher that shows expected levels, see `namedBy`. */
  readonly labels: Int32Array;
  /** [answered], from 0 to classes − 1; undefined of a teacher that shows more or less. */
  readonly expectedLevels: Float32Array | undefined;
  /** [answered, classes], or log-probabilities; undefined of a teacher that shows less. */
  readonly logits: Float32Array | undefined;
  /** [answered], those of the logits. */
  readonly distributions: Distributions | undefined;
  /** [answered], the true classes; the same as `labels` if nobody knows them. */
  readonly truth: Int32Array;
  /** Against the true labels; of labels alone only the accuracy is known, and the rest is NaN, as all is without truth. */
  readonly metrics: Pick<Evaluation, 'accuracy' | 'nll' | 'ece'>;
  readonly ledger: LedgerTotals;
}

/**
 * Asks the teacher that shows most about the test split, for measurement: nothing of it is trained on.
 *
 * @throws KnowledgeError if more inputs are left without an answer than the study allows, or another run may answer some
 */
export async function askReference(study: Study): Promise<Reference> {
  const {reference: access, data} = study.recipe;
  const level = study.openLevel(access);
  const {teacher, ledger} = level;
  const {test} = data;
  const {inputs} = test;
  const detail = measurable(teacher.detail);
  const task = {task: `ask ${access} about the test split`, total: inputs.count};
  const {knowledge, missing: left} = await withProgress(study, level, task, progress =>
    collectAnswered(teacher, {role: 'transfer', inputs}, {detail, ...progress}),
  );
  const leftOut = {teacher: teacher.name, missing: left, total: inputs.count};
  checkAsked(leftOut);
  const missing = checkAllowed(study, leftOut, 'Nothing is measured on them.');
  const rows = rowsWithout(inputs.count, left);
  const {answers} = knowledge;
  const classes = data.classes.length;
  const logits = answers.kind === 'log-probabilities' ? answers.logProbabilities : undefined;
  const distributions = logits && distributionsOf(logits, classes);
  const expectedLevels = answers.kind === 'expected' ? answers.levels : undefined;
  if (expectedLevels) study.onNote(noteOnLevels(teacher));
  const labels = distributions?.named ?? labelsOf(answers);
  const named = new Int32Array(inputs.count).fill(-1);
  for (const [index, row] of rows.entries()) named[row] = labels[index]!;
  const seen = {rows, named, labels, expectedLevels, logits, distributions};
  const found = {name: teacher.name, missing, ...seen, ledger: ledger.snapshot()};
  if (!('labels' in test)) return {...found, truth: labels, metrics: UNKNOWN};
  const truth = selectRows(test.labels, 1, rows);
  if (distributions) return {...found, truth, metrics: evaluate(distributions, truth)};
  const right = labels.filter((label, index) => label === truth[index]).length;
  return {...found, truth, metrics: {...UNKNOWN, accuracy: right / labels.length}};
}

/** [answered], indices of the inputs that have an answer. */
function rowsWithout(count: number, missing: readonly Missing[]): Int32Array {
  const without = new Set(missing.map(({index}) => index));
  return Int32Array.from({length: count}, (_, row) => row).filter(row => !without.has(row));
}

function labelsOf(answers: Answers): Int32Array {
  if (answers.kind === 'label') return answers.labels;
  return Int32Array.from({length: answers.count}, (_, row) => namedBy(answerAt(answers, row, 0)));
}

function noteOnLevels({name}: Pick<Teacher, 'name'>): string {
  return (
    `${name} shows expected levels alone: students are measured against the level that is nearest to each. Half way ` +
    'between two it is the higher one.'
  );
}

const UNKNOWN = {accuracy: Number.NaN, nll: Number.NaN, ece: Number.NaN};

/** Whole distributions if the teacher gives them, else its labels; expected levels if it gives those alone. */
export function measurable({kind}: Detail): Detail {
  if (kind === 'expected') return {kind};
  return kind === 'logits' || kind === 'log-probabilities' ? {kind: 'log-probabilities'} : {kind: 'label'};
}

/**
 * Asks a teacher in rounds about training inputs that a method's own students choose, at most as many as are drawn for the
 * others. Tells the outcome of each round, and saves the choice beside the knowledge.
 *
 * @throws as `selectInRounds` does
 */
async function askSelected(
  study: Study,
  method: OpenMethod & {readonly select: Selection},
  plan: QueryPlan,
  teacher: LayeredTeacher,
  options: CollectOptions,
): Promise<Collection & {readonly selection: MethodSelection}> {
  const {recipe, trainer} = study;
  const {size: most, seed = 0} = recipe.transfer;
  const path = join(study.directory, 'knowledge', `${plan.fileName}.selection.json`);
  const rounds: SelectionRound[] = [];
  const missing: Missing[] = [];
  const pool = transferSet(recipe.data.train);
  const selecting: SelectOptions = {
    ...method.select,
    ...options,
    most,
    seed,
    // So many are drawn at random besides.
    calibration: recipe.calibrationSizeOf(most),
    encodings: study.cacheFolder,
    train: (knowledge, drawn) =>
      trainer.chooser({...method, knowledge}, mixSeed(recipe.seeds[0]!, `chooses by ${drawn}`)),
  };
  study.onNote(
    `Method \`${method.method}\` asks about at most ${most} inputs: ${describeShares(planOf(pool.inputs, selecting))}.`,
  );
  for await (const round of selectInRounds(teacher, pool, selecting)) {
    study.onNote(describeRound(round));
    rounds.push(round);
    for (const one of round.missing) missing.push(one);
    await saveSelection(path, method.select, rounds);
  }
  const {knowledge, stopped} = rounds.at(-1)!;
  // Otherwise the last answer said so.
  if (stopped !== 'most') options.onProgress?.(most);
  return {knowledge, missing, selection: selectionOf(method.select, rounds)};
}

function selectionOf(select: Selection, rounds: readonly SelectionRound[]): MethodSelection {
  return {
    by: strategyName(select),
    rounds: rounds.map(({round, rows, held, agreement, gain, stopped}) => ({
      round,
      answers: rows.length,
      held,
      agreement,
      gain,
      stopped,
    })),
  };
}

async function saveSelection(path: string, select: Selection, rounds: readonly SelectionRound[]): Promise<void> {
  // Indices in the training split of the inputs of the knowledge, in its order.
  const document = {...selectionOf(select, rounds), rows: Array.from(rounds.at(-1)!.rows)};
  await mkdir(dirname(path), {recursive: true});
  await writeFileAtomic(path, `${JSON.stringify(document, undefined, 2)}\n`);
}
