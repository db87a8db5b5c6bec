import type {TransferSet} from '../data/split.ts';
import {InputError, KnowledgeError} from '../errors.ts';
import {joinDetails, withoutFeatures} from '../knowledge/coarsen.ts';
import {checkOptions, kinds, nearestHint, type Shape} from '../options.ts';
import type {Question} from '../question.ts';
import {detailFor, hasOwnDetail, requestsOf} from '../questions.ts';
import type {Access, Detail, Query, Teacher} from '../teacher.ts';
import {
  COLLECT_KINDS,
  type Collection,
  type CollectOptions,
  checkShown,
  collectionOf,
  outcomesOf,
  queryAbout,
} from './collect.ts';
import type {LayeredTeacher} from './layer.ts';
import type {QuerySet} from './refusals/ask-set.ts';

/** A teacher's answers to one of several questions. */
export interface QuestionCollection extends Collection {
  readonly question: Question;
}

export interface CollectQuestionsOptions extends Omit<CollectOptions, 'detail'> {
  /**
   * The least that each answer must hold: for all questions, or an object by question.
   *
   * @default what the teacher gives for the question, without its features
   */
  readonly detail?: Detail | DetailByQuestion;
  /**
   * The questions that are asked, in this order.
   *
   * @default all of the teacher's
   */
  readonly questions?: readonly Question[];
}

/** By the name of a question. */
export type DetailByQuestion = {readonly [question: string]: Detail};

/**
 * Asks a teacher several questions about a transfer set. One request carries all questions about an input that are not
 * answered yet. An input that has no answer to one question can have answers to the others.
 *
 * @param teacher - with its layers, see `stack`
 * @returns for each question, in order
 * @throws KnowledgeError if the teacher has no questions, doesn't give the detail, or answered one question about no
 * input
 * @throws InputError if `detail` names a question that is not asked
 * @throws PendingError as `collectAnswered` does
 */
export async function collectQuestions<A extends Access>(
  teacher: LayeredTeacher<A>,
  transfer: TransferSet,
  given: CollectQuestionsOptions = {},
): Promise<readonly QuestionCollection[]> {
  checkOptions('collectQuestions', given, {
    ...COLLECT_KINDS,
    detail: kinds.object,
    questions: kinds.list,
  } satisfies Shape<CollectQuestionsOptions>);
  const {questions = teacher.questions?.list ?? [], detail: wanted, ...options} = given;
  if (questions.length === 0) throw new KnowledgeError(`Teacher ${teacher.name} has no questions to be asked.`);
  checkNames(wanted, questions);
  const details = questions.map(question => {
    const full = detailFor(teacher, {question}, teacher.detail);
    const detail = detailOf(wanted, question) ?? withoutFeatures(full);
    checkShown(teacher, full, detail, question);
    return detail;
  });
  // A question with a detail of its own is always answered in that.
  const others = details.filter((_, own) => !hasOwnDetail(teacher, {question: questions[own]}));
  const detail = others.length === 0 ? undefined : joinDetails(others);
  const outcomes = await outcomesOf(teacher, setWith(questions, transfer, teacher), {...options, detail});
  return questions.map((question, own) => {
    const answered = outcomes.filter((_, row) => row % questions.length === own);
    return {question, ...collectionOf(answered, {teacher, transfer, detail: details[own]!, question})};
  });
}

function detailOf(wanted: CollectQuestionsOptions['detail'], {name}: Question): Detail | undefined {
  if (wanted === undefined || isDetail(wanted)) return wanted;
  return Object.hasOwn(wanted, name) ? wanted[name] : undefined;
}

/** True for the detail of all questions, false for an object by question. */
export function isDetail(detail: unknown): detail is Detail {
  return typeof detail !== 'object' || detail === null || typeof (detail as Partial<Detail>).kind === 'string';
}

function checkNames(wanted: CollectQuestionsOptions['detail'], questions: readonly Question[]): void {
  if (wanted === undefined || isDetail(wanted)) return;
  const names = questions.map(({name}) => name);
  const unknown = Object.keys(wanted).find(name => !names.includes(name));
  if (unknown === undefined) return;
  throw new InputError(`\`detail\` names \`${unknown}\`, which is not asked. ${nearestHint(unknown, names)}`);
}

/** Each query with each question. Those about one input follow one another and share it, for the same request. */
function setWith(
  questions: readonly Question[],
  {inputs, views}: TransferSet,
  {questions: own}: Pick<Teacher, 'questions'>,
): QuerySet {
  const requests = requestsOf(questions, own);
  let last: {readonly index: number; readonly query: Query} | undefined;
  return {
    count: inputs.count * questions.length,
    at(row) {
      const index = Math.floor(row / questions.length);
      if (last?.index !== index) last = {index, query: queryAbout(inputs, index, views)};
      const asked = row % questions.length;
      return {...last.query, question: questions[asked], together: requests[asked]};
    },
  };
}
