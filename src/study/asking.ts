import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import type {OpenTeacher} from '../ask/asking.ts';
import {type Collection, type CollectOptions, collectAnswered, type Missing, missingError} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {selectRows} from '../data/inputs.ts';
import type {TransferSet} from '../data/split.ts';
import {PendingError} from '../errors.ts';
import {argmaxRows} from '../evaluate/distributions.ts';
import {type Evaluation, evaluateLogits} from '../evaluate/metrics.ts';
import {saveKnowledge} from '../knowledge/files.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Detail} from '../teacher.ts';
import {askedBy, detailOf, fileNameOf, type Inquiry, nameOf} from './inquiries.ts';
import {referenceLevel} from './methods.ts';
import {checkAllowed, isUnasked, type LeftOut, type MissingInputs} from './missing.ts';
import type {LedgerTotals} from './results.ts';
import {askSelected, isSelecting} from './selecting.ts';
import type {Study} from './study.ts';
import {transferOf} from './transfer.ts';
import {noteOnViews} from './viewing.ts';

/** What came of an inquiry. */
export interface Asked {
  readonly inquiry: Inquiry;
  readonly knowledge: Knowledge;
  readonly ledger: LedgerTotals;
  /** Where the knowledge was saved. */
  readonly path: string;
}

/** What came of an inquiry, of the inputs that were answered. */
export interface Labelled extends Asked, LeftOut {
  /** Inputs of the transfer set, where versions count for themselves. */
  readonly total: number;
}

/**
 * Asks a teacher about the transfer set once, at the fullest detail that the methods need, and saves what is known of the
 * inputs that were answered; poorer details are made of it.
 *
 * @throws KnowledgeError if the budget ended or a batch has not ended before all inputs were asked about
 */
export async function askInquiry(study: Study, inquiry: Inquiry): Promise<Labelled> {
  const {opened, total, collection} = await askedAbout(study, inquiry, async (teacher, ...asked) =>
    checkAsked(teacher.name, await collectionFor(study, inquiry)(teacher, ...asked), asked[0].inputs.count),
  );
  return {...(await labelled(study, inquiry, opened, collection)), total};
}

/** @throws KnowledgeError if there is an input that another run may answer */
function checkAsked(teacher: string, collection: Collection, count: number): Collection {
  if (collection.missing.some(isUnasked)) throw missingError(teacher, collection.missing, count);
  return collection;
}

async function labelled(
  study: Study,
  inquiry: Inquiry,
  {teacher, ledger}: OpenTeacher,
  {knowledge: answered, missing}: Collection,
): Promise<Omit<Labelled, 'total'>> {
  // Of those that another run may answer nothing is known yet.
  const unanswered = missing.filter(one => !isUnasked(one)).length;
  const knowledge = unanswered === 0 ? answered : {...answered, unanswered};
  const path = await keep(study, inquiry, knowledge);
  return {inquiry, knowledge, path, missing, teacher: teacher.name, ledger: ledger.snapshot()};
}

/** Nothing yet: what was asked is in batches that have not ended. */
export interface Pending extends Pick<Labelled, 'inquiry' | 'ledger' | 'teacher'> {
  readonly pending: PendingError;
}

/** Asks as `askInquiry` does, and saves what is known of the inputs that were answered. */
export async function labelInquiry(study: Study, inquiry: Inquiry): Promise<Labelled | Pending> {
  const {opened, total, collection} = await askedAbout(study, inquiry, (...asked) =>
    collectionFor(
      study,
      inquiry,
    )(...asked).catch((error: unknown) => {
      if (error instanceof PendingError) return {pending: error};
      throw error;
    }),
  );
  if ('pending' in collection) {
    return {inquiry, ledger: opened.ledger.snapshot(), teacher: opened.teacher.name, ...collection};
  }
  return {...(await labelled(study, inquiry, opened, collection)), total};
}

type Collect = (teacher: LayeredTeacher, transfer: TransferSet, options: CollectOptions) => Promise<Collection>;

/** Asks about the transfer set, or about inputs that the inquiry's method chooses instead. */
function collectionFor(study: Study, inquiry: Inquiry): Collect {
  if (!isSelecting(inquiry)) return collectAnswered;
  return (teacher, _, options) => askSelected(study, inquiry, teacher, options);
}

async function askedAbout<T>(
  study: Study,
  inquiry: Inquiry,
  ask: (teacher: LayeredTeacher, transfer: TransferSet, options: CollectOptions) => Promise<T>,
): Promise<{readonly opened: OpenTeacher; readonly total: number; readonly collection: T}> {
  for (const method of inquiry.methods) {
    const note = noteOnViews(study, method);
    if (note !== undefined) study.onNote(note);
  }
  const opened = study.asking.open(askedBy(inquiry, study.teacherOf(inquiry.level)));
  const transfer = transferOf(inquiry, study.drawn);
  const total = transfer.inputs.count;
  const detail = detailOf(inquiry);
  const collection = await withProgress(study, opened, {task: `ask ${nameOf(inquiry)}`, total}, options =>
    ask(opened.teacher, transfer, {detail, ...options}),
  );
  return {opened, total, collection};
}

/** Saves what came of an inquiry; what was saved before is replaced. */
export async function keep({directory}: Study, inquiry: Inquiry, knowledge: Knowledge): Promise<string> {
  const path = knowledgePath(directory, inquiry);
  await mkdir(join(path, '..'), {recursive: true});
  await saveKnowledge(path, knowledge);
  return path;
}

/** Where the knowledge of an inquiry is saved. */
export function knowledgePath(directory: string, inquiry: Inquiry): string {
  return join(directory, 'knowledge', `${fileNameOf(inquiry)}.safetensors`);
}

/** What students are measured against: the answers of the teacher that shows most, about the test split. */
export interface Reference {
  readonly name: string;
  /** Of the test split. Nothing below is about them. */
  readonly missing: MissingInputs;
  /** [answered], places in the test split of the inputs that have an answer, in its order. */
  readonly rows: Int32Array;
  /** [answered], the classes that it names. */
  readonly labels: Int32Array;
  /** [answered, classes], or log-probabilities; undefined of a teacher that shows less. */
  readonly logits: Float32Array | undefined;
  /** [answered], the true classes; where nobody knows them, the same as `labels`. */
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
  const access = referenceLevel(study.recipe);
  const level = study.openLevel(access);
  const {teacher, ledger} = level;
  const {test} = study.data;
  const {inputs} = test;
  const detail = measurable(teacher.detail);
  const task = {task: `ask ${access} about the test split`, total: inputs.count};
  const {knowledge, missing: left} = await withProgress(study, level, task, async options =>
    checkAsked(
      teacher.name,
      await collectAnswered(teacher, {role: 'transfer', inputs}, {detail, ...options}),
      inputs.count,
    ),
  );
  const leftOut = {teacher: teacher.name, missing: left, total: inputs.count};
  const missing = checkAllowed(study, leftOut, 'Nothing is measured on them.');
  const rows = rowsWithout(inputs.count, left);
  const {answers} = knowledge;
  const classes = study.data.classes.length;
  const shared = {name: teacher.name, missing, rows, ledger: ledger.snapshot()};
  const logits = answers.kind === 'log-probabilities' ? answers.logProbabilities : undefined;
  const labels = logits ? argmaxRows(logits, classes) : (answers as {readonly labels: Int32Array}).labels;
  if (!('labels' in test)) return {...shared, labels, logits, truth: labels, metrics: UNKNOWN};
  const truth = selectRows(test.labels, 1, rows);
  if (logits) return {...shared, labels, logits, truth, metrics: evaluateLogits({logits, labels: truth, classes})};
  const right = labels.filter((label, index) => label === truth[index]).length;
  return {...shared, labels, logits, truth, metrics: {...UNKNOWN, accuracy: right / labels.length}};
}

/** [answered], places of the inputs that have an answer. */
function rowsWithout(count: number, missing: readonly Missing[]): Int32Array {
  const without = new Set(missing.map(({index}) => index));
  return Int32Array.from({length: count}, (_, row) => row).filter(row => !without.has(row));
}

const UNKNOWN = {accuracy: Number.NaN, nll: Number.NaN, ece: Number.NaN};

/** Whole distributions where the teacher gives them, else its labels. */
export function measurable({kind}: Detail): Detail {
  return kind === 'logits' || kind === 'log-probabilities' ? {kind: 'log-probabilities'} : {kind: 'label'};
}

/** How often to show what changes while nothing is answered, in milliseconds. */
const TICK = 1000;

/**
 * Asks with progress: at once, since the first answers may be long in coming, at each answer, and while the service
 * makes wait.
 */
async function withProgress<T>(
  {signal, onProgress}: Study,
  {meter}: OpenTeacher,
  {task, total}: {readonly task: string; readonly total: number},
  ask: (options: CollectOptions) => Promise<T>,
): Promise<T> {
  let settled = 0;
  const tell = (done: number) => {
    settled = done;
    const {detail, progress} = meter(done, total);
    const {secondsLeft} = progress;
    onProgress({task, done, total, detail, ...(secondsLeft !== undefined && {secondsLeft})});
  };
  tell(0);
  const ticking = setInterval(() => settled < total && tell(settled), TICK);
  try {
    return await ask({...(signal && {signal}), onProgress: tell});
  } finally {
    clearInterval(ticking);
  }
}
