import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import {answersTo, collect} from '../ask/collect.ts';
import {transferSet} from '../data/split.ts';
import {argmaxRows} from '../evaluate/distributions.ts';
import {type Evaluation, evaluateLogits} from '../evaluate/metrics.ts';
import {loadKnowledge, saveKnowledge} from '../knowledge/files.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Method} from '../recipe/recipe.ts';
import type {Access, Detail} from '../teacher.ts';
import {detailOfLevel, knowledgeFor, referenceLevel} from './methods.ts';
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
 */
export async function askLevel(study: Study, access: Access): Promise<AskedLevel> {
  const level = study.openLevel(access);
  const knowledge = await collect(level.teacher, transferSet(study.drawn), {
    detail: detailOfLevel(study.recipe, access),
    ...progressOf(study, level, `ask ${access}`, study.drawn.inputs.count),
  });
  const path = knowledgePath(study.directory, access);
  await mkdir(join(path, '..'), {recursive: true});
  await saveKnowledge(path, knowledge);
  return {knowledge, path, ledger: level.ledger.snapshot()};
}

/** Where a level's knowledge is saved. */
export function knowledgePath(directory: string, access: Access): string {
  return join(directory, 'knowledge', `${access}.safetensors`);
}

/**
 * What a method learns from, out of the knowledge that its level's asking saved.
 *
 * @throws KnowledgeError or InputError where there is none, or it is damaged
 */
export async function savedKnowledge({directory, drawn, data}: Study, method: Method): Promise<Knowledge> {
  const {level} = method;
  const levels = new Map<Access, Knowledge>();
  if (level !== 'none') levels.set(level, await loadKnowledge(knowledgePath(directory, level)));
  return knowledgeFor(method, levels, drawn, data.classes);
}

/** What students are measured against: the answers of the teacher that shows most, about the test split. */
export interface Reference {
  readonly name: string;
  /** [test examples], the classes that it names. */
  readonly labels: Int32Array;
  /** [test examples, classes], or log-probabilities; undefined of a teacher that shows less. */
  readonly logits: Float32Array | undefined;
  /** Against the true labels; of labels alone only the accuracy is known, and the rest is NaN. */
  readonly metrics: Pick<Evaluation, 'accuracy' | 'nll' | 'ece'>;
  readonly ledger: LedgerTotals;
}

/** Asks the teacher that shows most about the test split, for measurement: nothing of it is trained on. */
export async function askReference(study: Study): Promise<Reference> {
  const access = referenceLevel(study.recipe);
  const level = study.openLevel(access);
  const {teacher, ledger} = level;
  const {inputs, labels: truth} = study.data.test;
  const detail = measurable(teacher.detail);
  const options = {detail, ...progressOf(study, level, `ask ${access} about the test split`, inputs.count)};
  const answers = await answersTo(teacher, inputs, options);
  const classes = study.data.classes.length;
  const shared = {name: teacher.name, ledger: ledger.snapshot()};
  if (answers.kind === 'log-probabilities') {
    const logits = answers.logProbabilities;
    const metrics = evaluateLogits({logits, labels: truth, classes});
    return {...shared, labels: argmaxRows(logits, classes), logits, metrics};
  }
  const {labels} = answers as {labels: Int32Array};
  const right = labels.filter((label, index) => label === truth[index]).length;
  return {
    ...shared,
    labels,
    logits: undefined,
    metrics: {accuracy: right / labels.length, nll: Number.NaN, ece: Number.NaN},
  };
}

/** Whole distributions where the teacher gives them, else its labels. */
function measurable({kind}: Detail): Detail {
  return kind === 'logits' || kind === 'log-probabilities' ? {kind: 'log-probabilities'} : {kind: 'label'};
}

/** Says at once that a task has begun: the first answers may be long in coming. */
function progressOf({signal, onProgress}: Study, {ledger}: OpenLevel, task: string, total: number) {
  const tell = (done: number) => onProgress({task, done, total, detail: `${ledger.snapshot().bought} bought`});
  tell(0);
  return {...(signal && {signal}), onProgress: tell};
}
