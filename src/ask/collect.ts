import {type Inputs, inputAt, selectInputs} from '../data/inputs.ts';
import type {TransferSet} from '../data/split.ts';
import {KnowledgeError, PendingError} from '../errors.ts';
import {type Answers, tabulate} from '../knowledge/answers.ts';
import {describeDetail, satisfies, withoutFeatures} from '../knowledge/coarsen.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {classesOf, type Question} from '../question.ts';
import type {Access, AnswerOf, Detail, Outcome, Query, Teacher} from '../teacher.ts';
import type {LayeredTeacher} from './layer.ts';
import {askSet, type QuerySet} from './refusals/ask-set.ts';

/** How many of the failed inputs a message names. */
const NAMED_FAILURES = 3;

export interface CollectOptions {
  /**
   * The least that each answer must hold.
   *
   * @default the teacher's `detail`, without its features
   */
  readonly detail?: Detail;
  /** Sends nothing more when it aborts. Requests under way finish and are kept. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of queries that have an outcome. */
  readonly onProgress?: (done: number) => void;
}

/** The kinds of `CollectOptions`. */
export const COLLECT_KINDS: Shape<CollectOptions> = {
  detail: kinds.object,
  signal: kinds.object,
  onProgress: kinds.call,
};

/** An input without an answer. */
export interface Missing {
  /** Its index in the transfer set, which counts each version. */
  readonly index: number;
  readonly error: Error;
}

/** A teacher's answers about a transfer set, and the inputs without an answer. */
export interface Collection {
  /** The answered inputs, in their order. An input with several versions is here only if all of them were answered. */
  readonly knowledge: Knowledge;
  readonly missing: readonly Missing[];
}

/**
 * Asks a teacher about a whole transfer set.
 *
 * @param teacher - with its layers, see `stack`
 * @throws KnowledgeError if inputs have no answer, after all others were asked and kept; or if the teacher doesn't give
 * the detail
 */
export async function collect<A extends Access>(
  teacher: LayeredTeacher<A>,
  transfer: TransferSet,
  options: CollectOptions = {},
): Promise<Knowledge> {
  checkOptions('collect', options, COLLECT_KINDS);
  const {knowledge, missing} = await collectAnswered(teacher, transfer, options);
  checkNoneMissing(teacher.name, missing, transfer.inputs.count);
  return knowledge;
}

/**
 * Asks a teacher about a transfer set and leaves out the inputs without an answer: those that are quarantined, and
 * those that the budget didn't cover.
 *
 * @throws KnowledgeError if the teacher answered nothing, or doesn't give the detail
 * @throws PendingError if the teacher answered nothing yet, and queries are in batches
 */
export async function collectAnswered<A extends Access>(
  teacher: LayeredTeacher<A>,
  transfer: TransferSet,
  options: CollectOptions = {},
): Promise<Collection> {
  checkOptions('collectAnswered', options, COLLECT_KINDS);
  const {detail = withoutFeatures(teacher.detail)} = options;
  checkShown(teacher, teacher.detail, detail);
  return collectionOf(await outcomesOf(teacher, setOf(transfer), options), {teacher, transfer, detail});
}

/** What was asked for. */
interface Wanted {
  readonly teacher: Pick<Teacher, 'name' | 'access' | 'identity' | 'classes'>;
  readonly transfer: TransferSet;
  readonly detail: Detail;
  readonly question?: Question;
}

/** @throws KnowledgeError or PendingError if nothing was answered */
export function collectionOf(outcomes: readonly Outcome[], {teacher, transfer, detail, question}: Wanted): Collection {
  const {inputs, versions = 1} = transfer;
  const {access, identity} = teacher;
  const classes = question ? classesOf(question) : teacher.classes;
  const {answered: all, missing} = sorted(outcomes);
  const answered = wholly(all, versions);
  if (answered.length === 0) {
    const pending = missing.find(({error}) => error instanceof PendingError);
    if (pending) throw pending.error;
    checkNoneMissing(teacher.name, missing, inputs.count);
  }
  const answers = tabulate(
    answered.map(({answer}) => answer),
    detail,
    classes.length,
  );
  const isWhole = missing.length === 0;
  const kept = isWhole
    ? inputs
    : selectInputs(
        inputs,
        answered.map(({index}) => index),
      );
  const knowledge = {source: {access, identity}, classes, detail, inputs: kept, answers, ...(question && {question})};
  return {knowledge: versions > 1 ? {...knowledge, versions} : knowledge, missing};
}

/** The rows whose input has all its other versions among the rows. */
function wholly<T extends {readonly index: number}>(rows: readonly T[], versions: number): readonly T[] {
  if (versions === 1) return rows;
  const inputOf = ({index}: T) => Math.floor(index / versions);
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(inputOf(row), (counts.get(inputOf(row)) ?? 0) + 1);
  return rows.filter(row => counts.get(inputOf(row)) === versions);
}

/**
 * Asks a teacher about each of these inputs. Row i answers input i.
 *
 * @throws KnowledgeError as `collect` does
 */
export async function answersTo<A extends Access>(
  teacher: LayeredTeacher<A>,
  inputs: Inputs,
  options: CollectOptions = {},
): Promise<Answers> {
  checkOptions('answersTo', options, COLLECT_KINDS);
  const {answers} = await collect(teacher, {role: 'transfer', inputs}, options);
  return answers;
}

function setOf({inputs, views}: TransferSet): QuerySet {
  return {count: inputs.count, at: index => queryAbout(inputs, index, views)};
}

/** @throws KnowledgeError if a teacher does not show what is wanted */
export function checkShown({name}: Teacher, full: Detail, wanted: Detail, question?: Question): void {
  if (satisfies(full, wanted)) return;
  const about = question ? ` for question \`${question.name}\`` : '';
  throw new KnowledgeError(
    `Teacher ${name} gives ${describeDetail(full)}${about}, and ${describeDetail(wanted)} was asked for. ` +
      'Ask for less, or ask another teacher.',
  );
}

export async function outcomesOf<A extends Access>(
  teacher: LayeredTeacher<A>,
  set: QuerySet,
  {
    detail = withoutFeatures(teacher.detail),
    signal,
    onProgress,
  }: Omit<CollectOptions, 'detail'> & {
    readonly detail?: Detail | undefined;
  },
): Promise<readonly Outcome<A>[]> {
  return askSet(teacher, set, {detail, stop: signal, onProgress});
}

/** The queries about inputs, in their order. */
export function* queriesAbout({inputs, views}: Pick<TransferSet, 'inputs' | 'views'>): Generator<Query> {
  for (let index = 0; index < inputs.count; index++) yield queryAbout(inputs, index, views);
}

/**
 * The query about one input.
 *
 * @param views - [inputs], the seed of each input's view
 */
export function queryAbout(inputs: Inputs, index: number, views?: ArrayLike<number>): Query {
  const input = inputAt(inputs, index);
  return views ? {input, view: views[index]!} : {input};
}

/**
 * The answers of a call in which every query was answered.
 *
 * @param teacher - its name
 * @throws KnowledgeError that counts the queries without an answer and names the first of them with their reasons
 */
export function answersOf<A extends Access>(outcomes: readonly Outcome<A>[], teacher: string): AnswerOf<A>[] {
  const {answered, missing} = sorted(outcomes);
  checkNoneMissing(teacher, missing, outcomes.length);
  return answered.map(({answer}) => answer);
}

function sorted<A extends Access>(outcomes: readonly Outcome<A>[]) {
  const answered: {readonly index: number; readonly answer: AnswerOf<A>}[] = [];
  const missing: Missing[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if ('error' in outcome) missing.push({index, error: outcome.error});
    else answered.push({index, answer: outcome.answer});
  }
  return {answered, missing};
}

function checkNoneMissing(teacher: string, missing: readonly Missing[], count: number): void {
  if (missing.length > 0) throw missingError(teacher, missing, count);
}

/** The error that counts the inputs without an answer and names the first of them with their reasons. */
export function missingError(teacher: string, missing: readonly Missing[], count: number): KnowledgeError {
  const named = missing.slice(0, NAMED_FAILURES).map(({index, error}) => `\n  input ${index}: ${error.message}`);
  const others = missing.length - named.length;
  if (others > 0) named.push(`\n  and ${others} more.`);
  return new KnowledgeError(
    `Teacher ${teacher} left ${missing.length} of ${count} inputs without an answer:${named.join('')}`,
    {cause: missing[0]!.error},
  );
}
