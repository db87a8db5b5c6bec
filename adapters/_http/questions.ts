import {InputError, TeacherError} from '../../src/errors.ts';
import {nearestHint} from '../../src/options.ts';
import {classesOf, type Question, type Questions, type Source} from '../../src/question.ts';
import {checkQuestions} from '../../src/questions.ts';
import type {Detail, Outcome, Reply, Teacher} from '../../src/teacher.ts';
import {NO_QUESTION} from '../_answers/heads.ts';
import type {Aliases} from '../_answers/labels.ts';
import {detailsWith} from '../_answers/questions.ts';
import {inputOfRows} from '../_wire/input-batches.ts';
import type {Cell} from './cells.ts';
import {type AnswerLocation, type OutputOptions, outputReader} from './output.ts';

/** The location of the answer to each question in a reply, by the question's name. */
export type QuestionLocations<L extends AnswerLocation = AnswerLocation> = {
  readonly [question: string]: L;
};

/** Questions that a reply answers, and where. */
export interface QuestionsOptions extends Pick<OutputOptions, 'isBatch' | 'error' | 'advice'> {
  readonly questions: readonly Question[];
  readonly output: QuestionLocations;
  readonly aliases?: Aliases | undefined;
  /** The service's names of the questions, in their order, if their scores come as a list `[{label, score}, …]`. */
  readonly labels?: readonly string[] | undefined;
}

/** How replies about several questions are read. */
export interface QuestionsReader {
  readonly detail: Detail;
  readonly details?: Teacher['details'];
  readonly questions: Questions;
  /** See `Service`. */
  read(name: string, reply: Reply, questions: readonly (Question | undefined)[]): readonly Outcome[];
}

/**
 * Returns the reader of replies that answer questions.
 *
 * @param owner - the adapter, for messages
 * @throws InputError if a question has no location, or can't be read there, or some give labels and others scores
 */
export function questionsReader(
  owner: string,
  {questions, output, labels, ...options}: QuestionsOptions,
): QuestionsReader {
  checkQuestions(owner, questions);
  const names = questions.map(({name}) => name);
  const unknown = Object.keys(output).find(name => !names.includes(name));
  if (unknown !== undefined) {
    throw new InputError(
      `${owner} has no question \`${unknown}\`, and \`output\` names one. ${nearestHint(unknown, names)}`,
    );
  }
  const readers = new Map(
    questions.map((question, index) => {
      const own = output[question.name];
      if (own === undefined)
        throw new InputError(`\`output\` of ${owner} says nothing of question \`${question.name}\`.`);
      const shape = labels && scoreOf(labels[index]!);
      const reader = outputReader({
        ...options,
        classes: classesOf(question),
        output: own,
        question,
        ...(shape && {shape}),
      });
      return [question.name, reader] as const;
    }),
  );
  return {
    ...detailsWith(
      questions,
      ({name}) => readers.get(name)!.detail.kind === 'expected',
      others =>
        commonDetail(
          owner,
          others.map(({name}) => readers.get(name)!.detail),
          others.length < questions.length,
        ),
    ),
    questions: {
      list: questions,
      perRequest: questions.length,
      areNamesShown: false,
      sources: sourcesIn(names, output, labels),
    },
    read(name, reply, asked) {
      const inputs = inputOfRows(reply, asked.length);
      const count = inputs.at(-1)! + 1;
      const found = new Map<string, readonly Outcome[] | Error>();
      for (const question of asked) {
        if (question && !found.has(question.name))
          found.set(question.name, tried(readers.get(question.name), {name, reply, count}));
      }
      const whole = [...found.values()].filter(outcomes => outcomes instanceof Error);
      // Nothing can be read: the reply is not what was asked for.
      if (whole.length > 0 && whole.length === found.size) throw whole[0];
      return asked.map((question, row): Outcome => {
        const outcomes = question && found.get(question.name);
        if (outcomes === undefined) return {error: new TeacherError(name, NO_QUESTION, {status: 200})};
        return outcomes instanceof Error ? {error: outcomes} : outcomes[inputs[row]!]!;
      });
    },
  };
}

function tried(
  reader: ReturnType<typeof outputReader> | undefined,
  {name, reply, count}: {readonly name: string; readonly reply: Reply; readonly count: number},
): readonly Outcome[] | Error {
  if (reader === undefined) return new TeacherError(name, NO_QUESTION, {status: 200});
  try {
    return reader.read(name, reply, count);
  } catch (error) {
    if (error instanceof TeacherError) return error;
    throw error;
  }
}

/**
 * The fullest detail that all answers have.
 *
 * @param hasLevels - true if there are expected levels beside them
 */
function commonDetail(owner: string, details: readonly Detail[], hasLevels: boolean): Detail {
  const labels = details.filter(({kind}) => kind === 'label').length;
  if (labels === details.length && !hasLevels) return {kind: 'label'};
  if (labels > 0)
    throw new InputError(`${owner} gives labels of some questions and scores of others. Make a teacher of each.`);
  const named = details.flatMap(detail => (detail.kind === 'top-k' ? detail.k : []));
  if (named.length > 0) return {kind: 'top-k', k: Math.min(...named)};
  return details.every(({kind}) => kind === 'logits') ? {kind: 'logits'} : {kind: 'log-probabilities'};
}

function sourcesIn(
  names: readonly string[],
  output: QuestionLocations,
  labels: readonly string[] | undefined,
): {readonly [question: string]: Source} {
  // Locations hold texts and numbers only.
  const sources = names.map((name, index) => [
    name,
    {...output[name], ...(labels && {label: labels[index]})} as Source,
  ]);
  return Object.fromEntries(sources);
}

/** The most by which a sum of floating-point probabilities differs from 1. */
const SLACK = 1e-5;

/** Returns a function that finds the score of a label in a list `[{label, score}, …]`. */
function scoreOf(label: string): (found: unknown) => Cell {
  return found => {
    const list: unknown = Array.isArray(found) && Array.isArray(found[0]) ? found[0] : found;
    if (!Array.isArray(list)) return {problem: 'It gave no list of labels with their scores.'};
    const scores = new Map(list.map((entry: unknown) => [read(entry, 'label'), read(entry, 'score')]));
    const sum = [...scores.values()].reduce((total: number, score) => total + Number(score), 0);
    if (scores.size > 1 && Math.abs(sum - 1) <= SLACK) {
      const problem = 'Its scores sum to 1: it chooses one of its labels, and does not score each by itself.';
      return {problem, misread: true};
    }
    return scores.has(label) ? {value: scores.get(label)} : {problem: `It gave no score of \`${label}\`.`};
  };
}

function read(entry: unknown, field: string): unknown {
  return typeof entry === 'object' && entry !== null ? (entry as Readonly<Record<string, unknown>>)[field] : undefined;
}
