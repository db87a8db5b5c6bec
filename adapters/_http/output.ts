import {z} from 'zod';
import {InputError, TeacherError} from '../../src/errors.ts';
import type {Question} from '../../src/question.ts';
import type {Answer, Detail, Outcome, Reply} from '../../src/teacher.ts';
import {isUnread, type LabelWords, labelReader, type Unread, unreadError} from '../_answers/labels.ts';
import {checkScale, expectedAnswer, questionReader} from '../_answers/questions.ts';
import {type ScoreMeaning, scoreDetail, scoreReader} from '../_answers/scores.ts';
import {vectorReader} from '../_answers/vectors.ts';
import {parseJson} from '../_wire/reply.ts';
import {
  type Cell,
  type CellReader,
  cellReader,
  find,
  indexedCellReader,
  namedCellReader,
  POINTER,
  type Pointer,
  pointerOf,
} from './cells.ts';

/**
 * The location of the classes' scores in a reply, and their kind. Each is a JSON pointer (RFC 6901) in which a `*`
 * stands for any name or index: for example `/predictions/*`, or an empty string for the reply itself.
 *
 * The value there can be a list in the order of `classes`, an object keyed by class, a list of objects `{label, score}`
 * or of pairs, or any of these as the single element of a list.
 */
export type ScoreLocation = (
  | {readonly logits: string}
  /** Natural log-probabilities. */
  | {readonly logProbabilities: string}
  | {readonly probabilities: string}
  /** From 0 to 100. */
  | {readonly percentages: string}
) & {
  /** The location of the classes' names, if a list of scores has its own order. */
  readonly names?: string;
  /**
   * The number of scored classes, the most probable ones, if fewer than all.
   *
   * @default all
   */
  readonly topK?: number;
};

/** The location of the label in a reply: the name of a class, or its index. */
export interface LabelLocation {
  readonly label: string;
}

/** The location of one number in a reply, the expected level of a score. Classes without a question are its levels. */
export interface LevelLocation {
  readonly expected: string;
  /** The number of the lowest level, and of the highest. @default 0, and one less than there are levels */
  readonly from?: number;
  readonly to?: number;
}

/**
 * The location of an input's vector in a reply, for a teacher without classes: a list of numbers, or float32,
 * little-endian, in base64.
 */
export interface VectorLocation {
  readonly vector: string;
  /**
   * The length of a vector. Others are refused.
   *
   * @default any
   */
  readonly dimensions?: number;
}

export type AnswerLocation = ScoreLocation | LabelLocation | LevelLocation | VectorLocation;

export interface OutputOptions extends LabelWords {
  readonly output: AnswerLocation;
  /** The question that is answered there, if the teacher has some. */
  readonly question?: Question;
  /** True if a request holds several queries. */
  readonly isBatch: boolean;
  /** The location of each answer's index among the queries, if the service can give it. */
  readonly index?: string | undefined;
  /** The location of the error in a reply with status 200. */
  readonly error?: string | undefined;
  /** Converts the value found into a label or scores, or returns the problem with it. */
  readonly shape?: (found: unknown) => Cell;
  /**
   * Advice if a reply lacks the value to read.
   *
   * @default 'Check `output`.'
   */
  readonly advice?: string;
}

/** How a service's replies are read. */
interface OutputReader {
  readonly detail: Detail;
  /** See `Service`. */
  read(name: string, reply: Reply, count: number): readonly Outcome[];
}

const pointer = z.string().regex(POINTER, 'a JSON pointer is empty, or begins with a slash, as in `/predictions/*`');
const topK = z.number().int().min(1);
const scoreOptions = {names: pointer.optional(), topK: topK.optional()};
const outputSchema = z.union([
  z.strictObject({label: pointer}),
  z.strictObject({vector: pointer, dimensions: z.number().int().min(1).optional()}),
  z.strictObject({expected: pointer}),
  z.strictObject({expected: pointer, from: z.number(), to: z.number()}),
  z.strictObject({logits: pointer, names: pointer.optional()}),
  z.strictObject({logProbabilities: pointer, ...scoreOptions}),
  z.strictObject({probabilities: pointer, ...scoreOptions}),
  z.strictObject({percentages: pointer, ...scoreOptions}),
]);

/** @throws InputError if the output can't be read */
export function outputReader(options: OutputOptions): OutputReader {
  checkOutput(options);
  const {output, error, shape = value => ({value}), advice = 'Check `output`.'} = options;
  const {classes, labels} = options;
  const words = {classes, labels, ...('aliases' in options && {aliases: options.aliases})};
  const [detail, readCell] = options.question
    ? questionCell(options.question, {output, aliases: options.aliases})
    : 'expected' in output
      ? levelCell(output, classes.length)
      : 'vector' in output
        ? vectorCell(output)
        : 'label' in output
          ? labelCell(words)
          : scoreCell(words, output);
  const cells = cellsIn(options);
  const cellsOf = options.index === undefined ? cells : indexedCellReader(cells, options.index);
  const failureIn = error === undefined ? () => undefined : failureReader(pointerOf(error));
  return {
    detail,
    read(name, reply, count) {
      const fail = (problem: string) => new TeacherError(name, problem, {status: 200, unreadable: true});
      const document = parseJson(name, reply);
      const failure = failureIn(document);
      if (failure !== undefined) throw fail(failure);
      const cells = cellsOf(document, count);
      if (typeof cells === 'string') throw fail(`${cells} ${advice}`);
      return cells.map((cell): Outcome => {
        const shaped = 'problem' in cell ? {problem: `${cell.problem} ${advice}`} : shape(cell.value);
        const answer = 'problem' in shaped ? unreadOf(shaped) : readCell(shaped.value);
        if (isUnread(answer)) return {error: unreadError(name, answer, {status: 200, unreadable: true})};
        return {answer} as Outcome;
      });
    },
  };
}

function unreadOf({problem, misread}: {readonly problem: string; readonly misread?: true}): Unread {
  return misread ? {problem, misread} : problem;
}

function checkOutput({output, classes: all, labels: classes = all, error}: OutputOptions): void {
  if (!outputSchema.safeParse(output).success) {
    throw new InputError(
      "The `output` can't be used. Give one of `logits`, `logProbabilities`, `probabilities`, `percentages`, `label`, " +
        '`expected` and `vector`, as a JSON pointer that is empty or begins with a slash, such as `/predictions/*`; beside scores ' +
        '`names`, a pointer too, and, but for logits, `topK`, a whole number above 0; beside `expected` both `from` and ' +
        '`to`, or none.',
    );
  }
  if (error !== undefined && !POINTER.test(error)) {
    throw new InputError(`The \`error\` can't be used. A JSON pointer is empty, or begins with a slash.`);
  }
  if ('vector' in output) {
    if (classes.length === 0) return;
    throw new InputError('A vector is of no class. Leave `classes` out, or read something else.');
  }
  if (classes.length < 2 || new Set(classes).size < classes.length) {
    throw new InputError("The classes can't be used. Give two or more, each of them once.");
  }
  if ('topK' in output && output.topK !== undefined && output.topK > classes.length) {
    throw new InputError(
      `Expected \`topK\` to be at most ${classes.length}, the number of classes, got ${output.topK}.`,
    );
  }
}

function cellsIn({output, classes, isBatch, question}: OutputOptions): CellReader {
  if ('label' in output) return cellReader({at: output.label, isBatch, width: 1});
  if ('vector' in output) return cellReader({at: output.vector, isBatch, width: output.dimensions ?? 1});
  if ('expected' in output) return cellReader({at: output.expected, isBatch, width: 1});
  // A flat list of all queries has one number of a predicate.
  const scores = {at: meaningOf(output).at, isBatch, width: question?.type === 'predicate' ? 1 : classes.length};
  return output.names === undefined ? cellReader(scores) : namedCellReader(scores, output.names);
}

type CellReading = [Detail, (value: unknown) => Answer | Unread];

function labelCell(words: LabelWords): CellReading {
  return [{kind: 'label'}, labelReader(words)];
}

function vectorCell({dimensions}: VectorLocation): CellReading {
  return [{kind: 'vector'}, vectorReader(dimensions)];
}

function levelCell({from, to}: LevelLocation, levels: number): CellReading {
  const expected = from === undefined || to === undefined ? 'levels' : {from, to};
  checkScale('`output`', expected);
  return [{kind: 'expected'}, value => expectedAnswer(value, expected, levels)];
}

function questionCell(question: Question, {output, aliases}: Pick<OutputOptions, 'output' | 'aliases'>): CellReading {
  if ('expected' in output) {
    if (question.type === 'score') return levelCell(output, question.levels.length);
    throw new InputError(`\`expected\` is for scores, and question \`${question.name}\` is a ${question.type}.`);
  }
  if ('vector' in output) throw new InputError(`A vector answers no question, and \`${question.name}\` is one.`);
  const form = 'label' in output ? {} : {scores: meaningOf(output).meaning, topK: output.topK};
  const detail: Detail =
    'label' in output
      ? {kind: 'label'}
      : scoreDetail({meaning: meaningOf(output).meaning, ...(output.topK !== undefined && {topK: output.topK})});
  return [detail, questionReader(question, {...form, aliases})];
}

function scoreCell(words: LabelWords, output: ScoreLocation): CellReading {
  const form = {meaning: meaningOf(output).meaning, ...(output.topK !== undefined && {topK: output.topK})};
  return [scoreDetail(form), scoreReader({...form, ...words})];
}

function meaningOf(output: ScoreLocation): {readonly meaning: ScoreMeaning; readonly at: string} {
  if ('logits' in output) return {meaning: 'logits', at: output.logits};
  if ('logProbabilities' in output) return {meaning: 'log-probabilities', at: output.logProbabilities};
  if ('probabilities' in output) return {meaning: 'probabilities', at: output.probabilities};
  return {meaning: 'percentages', at: output.percentages};
}

function failureReader(at: Pointer): (document: unknown) => string | undefined {
  return document =>
    find(document, at).some(saysSomething)
      ? `Its reply says at \`${at.text}\` that it failed. Its own log can say why.`
      : undefined;
}

function saysSomething(value: unknown): boolean {
  return Boolean(value) && (typeof value !== 'object' || Object.keys(value as object).length > 0);
}
