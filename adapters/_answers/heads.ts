import {InputError} from '../../src/errors.ts';
import {nearestHint} from '../../src/options.ts';
import {classesOf, type Question, type Questions, type Source} from '../../src/question.ts';
import {areTogether, checkQuestions} from '../../src/questions.ts';
import type {Query} from '../../src/teacher.ts';
import {checkScale, type Expected, type LevelScale} from './questions.ts';

/** The kind of an output's numbers. Of a predicate, the probability of yes, or the logit of that probability. */
export type ScoreKind = 'logits' | 'probabilities';

/** An output of one of these kinds, by its name. */
export type NamedOutput<K extends string> = {readonly [kind in K]: {readonly [only in kind]: string}}[K];

/** The output that answers a question. */
export type QuestionOutput<K extends string = ScoreKind> = NamedOutput<K> & {
  /**
   * Of a predicate, or of an expected level, the column that holds its number, from 0, if the output has several.
   *
   * @default a predicate has an output of one number, or of two: no and yes; an expected level has one of one number
   */
  readonly column?: number;
} & ('expected' extends K ? Partial<LevelScale> : unknown);

/**
 * The output of each question, by the question's name. If all questions are predicates, it can be one output with a
 * column for each, in their order: that of a multi-label classifier, whose classes each have a sigmoid.
 */
export type QuestionOutputs<K extends string = ScoreKind> =
  | NamedOutput<K>
  | {readonly [question: string]: QuestionOutput<K>};

/** A part of a model's outputs that answers a question, or that chooses among the classes. */
export interface Head<K extends string = ScoreKind> {
  /** Undefined for the choice among the teacher's classes. */
  readonly question: Question | undefined;
  /** How many classes it is about. */
  readonly classes: number;
  readonly kind: K;
  /** The name of the output. */
  readonly output: string;
  /** The one column of the output that it reads; undefined for all. */
  readonly column?: number | undefined;
  /** How many columns the output has, if that is known. */
  readonly columns?: number | undefined;
  /** The numbers of the levels, if it is the expected level of a score. */
  readonly levels?: Expected | undefined;
}

/** What a model is asked: the choice among its classes, or questions. */
export interface ModelSubject<K extends string = ScoreKind> {
  readonly classes?: readonly string[] | undefined;
  readonly questions?: readonly Question[] | undefined;
  readonly output: QuestionOutputs<K>;
}

const SCORES: readonly ScoreKind[] = ['logits', 'probabilities'];

/** Returns the parts of a model's outputs that answer what it is asked; see `headsAmong`. */
export function headsOf(owner: string, subject: ModelSubject): readonly Head[] {
  return headsAmong(SCORES, owner, subject);
}

/**
 * Returns the parts of a model's outputs that answer what it is asked, in the order of the questions.
 *
 * @param kinds - of outputs that the model has
 * @param owner - the model, for messages
 * @throws InputError if there are both classes and questions or none of them, or the outputs are not theirs
 */
export function headsAmong<K extends string>(
  kinds: readonly K[],
  owner: string,
  {classes, questions, output}: ModelSubject<K>,
): readonly Head<K>[] {
  checkSubject(owner, {classes, questions});
  const partsOf = (own: object | undefined, of: string): Pick<Head<K>, 'kind' | 'output'> => {
    const [kind, ...others] = kinds.filter(one => own && Object.hasOwn(own, one));
    const name = kind && (own as Record<K, unknown>)[kind];
    if (kind && others.length === 0 && typeof name === 'string') return {kind, output: name};
    throw new InputError(`${of} of ${owner} takes one of ${kinds.join(', ')}, with the name of the output.`);
  };
  if (questions === undefined) return [{question: undefined, classes: classes!.length, ...partsOf(output, '`output`')}];
  // The outputs of questions are objects.
  if (typeof Object.values(output)[0] === 'string') {
    return columnsOf(owner, questions, partsOf(output, '`output`'), output as Partial<LevelScale>);
  }
  const byName = output as Readonly<Record<string, QuestionOutput<K>>>;
  const names = questions.map(({name}) => name);
  const unknown = Object.keys(byName).find(name => !names.includes(name));
  if (unknown !== undefined) {
    const hint = nearestHint(unknown, names);
    throw new InputError(`${owner} has no question \`${unknown}\`, and \`output\` names one. ${hint}`);
  }
  return questions.map(question => {
    const own = byName[question.name];
    const parts = partsOf(own, `\`output.${question.name}\``);
    const levels = parts.kind === 'expected' ? levelsOf(owner, question, own as Partial<LevelScale>) : undefined;
    const column = checkColumn(question, own?.column, levels !== undefined);
    return {question, classes: classesOf(question).length, ...parts, column, ...(levels && {levels})};
  });
}

/** @throws InputError unless there are either classes or questions */
export function checkSubject(owner: string, {classes, questions}: Omit<ModelSubject, 'output'>): void {
  if ((classes === undefined) === (questions === undefined)) {
    throw new InputError(`${owner} needs either \`classes\` or \`questions\`.`);
  }
  if (questions !== undefined) checkQuestions(owner, questions);
}

function columnsOf<K extends string>(
  owner: string,
  questions: readonly Question[],
  parts: Pick<Head<K>, 'kind' | 'output'>,
  scale: Partial<LevelScale>,
): readonly Head<K>[] {
  // One question has an output of its own.
  if (questions.length === 1) {
    const question = questions[0]!;
    const levels = parts.kind === 'expected' ? levelsOf(owner, question, scale) : undefined;
    return [{question, classes: classesOf(question).length, ...parts, ...(levels && {levels})}];
  }
  const other = questions.find(({type}) => type !== 'predicate');
  const columns = questions.length;
  if (other === undefined)
    return questions.map((question, column) => ({question, classes: 2, ...parts, column, columns}));
  throw new InputError(
    `${owner} has one \`output\` for ${columns} questions, and \`${other.name}\` is no predicate. Name an output for each question.`,
  );
}

function levelsOf(owner: string, {name, type}: Question, {from, to}: Partial<LevelScale>): Expected {
  if (type !== 'score') throw new InputError(`\`expected\` is for scores, and question \`${name}\` is a ${type}.`);
  if ((from === undefined) !== (to === undefined)) {
    throw new InputError(`\`output.${name}\` of ${owner} takes both \`from\` and \`to\`, or none.`);
  }
  const levels = from === undefined || to === undefined ? 'levels' : {from, to};
  checkScale(owner, levels);
  return levels;
}

function checkColumn({name, type}: Question, column: number | undefined, isLevel: boolean): number | undefined {
  if (column === undefined) return undefined;
  if (type !== 'predicate' && !isLevel)
    throw new InputError(`Question \`${name}\` is no predicate, and needs a whole output.`);
  if (Number.isInteger(column) && column >= 0) return column;
  throw new InputError(`Expected \`column\` of question \`${name}\` to be a whole number, 0 or more, got ${column}.`);
}

/** The questions of a model, with the output of each in the key of its answers; undefined if it has classes. */
export function questionsOf(heads: readonly Head<string>[]): Questions | undefined {
  const list = heads.flatMap(({question}) => question ?? []);
  if (list.length === 0) return undefined;
  const sources = heads.map(({question, ...head}) => [question!.name, sourceOf(head)] as const);
  return {list, perRequest: list.length, areNamesShown: false, sources: Object.fromEntries(sources)};
}

function sourceOf({kind, output, column, levels}: Omit<Head<string>, 'question'>): Source {
  return {[kind]: output, ...(column !== undefined && {column}), ...(levels !== 'levels' && levels)};
}

/** Returns why an output with so many values per input has no such part, as a clause; undefined if it has. */
export function widthProblem(
  {question, classes, column, columns, levels}: Head<string>,
  width: number,
): string | undefined {
  const gives = `gives ${width} ${width === 1 ? 'value' : 'values'} for each input`;
  if (columns !== undefined && width !== columns) return `${gives}, but there are ${columns} questions`;
  if (column !== undefined) return column < width ? undefined : `${gives}, and has no column ${column}`;
  if (levels !== undefined) return width === 1 ? undefined : `${gives}, and an expected level is one`;
  if (width === classes || (question?.type === 'predicate' && width === 1)) return undefined;
  return `${gives}, but there are ${classes} classes${question ? ` of question \`${question.name}\`` : ''}`;
}

/** The least probability whose logarithm is taken. */
const LEAST = 1e-8;

/**
 * Returns the numbers of a part in one input's row of its output. The one number of a predicate becomes the logits of no
 * and yes: 0 and the logit, or log(max(1 - p, 1e-8)) and log(max(p, 1e-8)).
 *
 * @returns the logits if they are known already; else the numbers of the classes; a sentence if one is no probability
 */
export function partOf(
  {question, kind, column}: Head,
  row: Float32Array,
): Float32Array | {readonly logits: Float32Array} | string {
  const [value] = column === undefined ? row : row.subarray(column, column + 1);
  if (question?.type !== 'predicate' || (column === undefined && row.length !== 1)) return row;
  if (kind === 'logits') return {logits: Float32Array.of(0, value!)};
  if (!(value! >= 0 && value! <= 1)) return `It gave ${value} as the probability of question \`${question.name}\`.`;
  return {logits: Float32Array.of(1 - value!, value!).map(part => Math.log(Math.max(part, LEAST)))};
}

/** Returns the part that answers a query; undefined if the query asks about none of them. */
export function headFor<H extends Head<string>>(
  heads: readonly H[],
  {question}: Pick<Query, 'question'>,
): H | undefined {
  const [only] = heads;
  if (only?.question === undefined) return only;
  return heads.find(head => head.question!.name === question?.name);
}

/** The problem of a query that asks about no part of the model. */
export const NO_QUESTION = 'A query names none of its questions.';

/** An input, with the indices of the queries about it. */
export interface AskedInput {
  readonly query: Query;
  readonly rows: readonly number[];
}

/** Puts neighbours with questions about one input together, so that it is computed once. */
export function inputsIn(queries: readonly Query[]): readonly AskedInput[] {
  const inputs: {readonly query: Query; readonly rows: number[]}[] = [];
  for (const [row, query] of queries.entries()) {
    const last = inputs.at(-1);
    if (last && areTogether(last.query, query)) last.rows.push(row);
    else inputs.push({query, rows: [row]});
  }
  return inputs;
}
