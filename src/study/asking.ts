import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import {answersTo, type CollectOptions, collect, collectAnswered, type Missing} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {type TransferSet, transferSet} from '../data/split.ts';
import {PendingError} from '../errors.ts';
import {argmaxRows} from '../evaluate/distributions.ts';
import {type Evaluation, evaluateLogits} from '../evaluate/metrics.ts';
import {saveKnowledge} from '../knowledge/files.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Access, Detail} from '../teacher.ts';
import {detailOfLevel, referenceLevel} from './methods.ts';
import type {LedgerTotals} from './results.ts';
import type {OpenLevel, Study} from './study.ts';

/** What one level knows of the transfer set. */
export interface AskedLevel {
  readonly knowledge: Knowledge;
  readonly ledger: LedgerTotals;
  /** Where the knowledge was saved. */
  readonly path: string;
}

/**
 * Asks a level about the transfer set once, at the fullest detail that its methods need, and saves the knowledge;
 * poorer details are made of it.
 *
 * @throws KnowledgeError where an input is left without an answer: the levels of a study learn from the same inputs
 */
export async function askLevel(study: Study, access: Access): Promise<AskedLevel> {
  const level = study.openLevel(access);
  const knowledge = await askedAbout(study, level, collect);
  return {knowledge, path: await keep(study, access, knowledge), ledger: level.ledger.snapshot()};
}

/** What one level knows of the inputs that it answered. */
export interface LabelledLevel extends AskedLevel {
  /** Name of the teacher. */
  readonly teacher: string;
  readonly missing: readonly Missing[];
}

/** A level that knows nothing yet: what it was asked is in batches that have not ended. */
export interface PendingLevel extends Pick<LabelledLevel, 'ledger' | 'teacher'> {
  readonly pending: PendingError;
}

/** Asks a level as `askLevel` does, and saves what it knows of the inputs that were answered. */
export async function labelLevel(study: Study, access: Access): Promise<LabelledLevel | PendingLevel> {
  const level = study.openLevel(access);
  const collection = await askedAbout(study, level, collectAnswered).catch((error: unknown) => {
    if (error instanceof PendingError) return {pending: error};
    throw error;
  });
  if ('pending' in collection) {
    return {...collection, ledger: level.ledger.snapshot(), teacher: level.teacher.name};
  }
  const {knowledge, missing} = collection;
  const path = await keep(study, access, knowledge);
  return {knowledge, path, ledger: level.ledger.snapshot(), teacher: level.teacher.name, missing};
}

function askedAbout<T>(
  study: Study,
  level: OpenLevel,
  ask: (teacher: LayeredTeacher, transfer: TransferSet, options: CollectOptions) => Promise<T>,
): Promise<T> {
  const {access, teacher} = level;
  const transfer = transferSet(study.drawn);
  const task = {task: `ask ${access}`, total: transfer.inputs.count};
  const detail = detailOfLevel(study.recipe, access);
  return withProgress(study, level, task, options => ask(teacher, transfer, {detail, ...options}));
}

async function keep({directory}: Study, access: Access, knowledge: Knowledge): Promise<string> {
  const path = knowledgePath(directory, access);
  await mkdir(join(path, '..'), {recursive: true});
  await saveKnowledge(path, knowledge);
  return path;
}

/** Where a level's knowledge is saved. */
export function knowledgePath(directory: string, access: Access): string {
  return join(directory, 'knowledge', `${access}.safetensors`);
}

/** What students are measured against: the answers of the teacher that shows most, about the test split. */
export interface Reference {
  readonly name: string;
  /** [test examples], the classes that it names. */
  readonly labels: Int32Array;
  /** [test examples, classes], or log-probabilities; undefined of a teacher that shows less. */
  readonly logits: Float32Array | undefined;
  /** [test examples], the true classes; where nobody knows them, the same as `labels`. */
  readonly truth: Int32Array;
  /** Against the true labels; of labels alone only the accuracy is known, and the rest is NaN, as all is without truth. */
  readonly metrics: Pick<Evaluation, 'accuracy' | 'nll' | 'ece'>;
  readonly ledger: LedgerTotals;
}

/** Asks the teacher that shows most about the test split, for measurement: nothing of it is trained on. */
export async function askReference(study: Study): Promise<Reference> {
  const access = referenceLevel(study.recipe);
  const level = study.openLevel(access);
  const {teacher, ledger} = level;
  const {test} = study.data;
  const {inputs} = test;
  const detail = measurable(teacher.detail);
  const task = {task: `ask ${access} about the test split`, total: inputs.count};
  const answers = await withProgress(study, level, task, options => answersTo(teacher, inputs, {detail, ...options}));
  const classes = study.data.classes.length;
  const shared = {name: teacher.name, ledger: ledger.snapshot()};
  const logits = answers.kind === 'log-probabilities' ? answers.logProbabilities : undefined;
  const labels = logits ? argmaxRows(logits, classes) : (answers as {readonly labels: Int32Array}).labels;
  if (!('labels' in test)) return {...shared, labels, logits, truth: labels, metrics: UNKNOWN};
  const truth = test.labels;
  if (logits) return {...shared, labels, logits, truth, metrics: evaluateLogits({logits, labels: truth, classes})};
  const right = labels.filter((label, index) => label === truth[index]).length;
  return {...shared, labels, logits, truth, metrics: {...UNKNOWN, accuracy: right / labels.length}};
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
  {meter}: OpenLevel,
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
