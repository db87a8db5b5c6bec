import {TeacherError} from '../../src/errors.ts';
import {kindProblem, textOf} from '../../src/input-kinds.ts';
import {withWait} from '../../src/pace/service-limits.ts';
import {classesOf, type Question} from '../../src/question.ts';
import {areTogether} from '../../src/questions.ts';
import type {AskOptions, Exchange, Outcome, Query, ReadOutcome, Reply, Usage} from '../../src/teacher.ts';
import {type Expected, expectedAnswer} from '../_answers/questions.ts';
import {said, sayingOf, statusError} from '../_wire/refusal.ts';
import {lenientJson, parsedOnce, parseOnce} from '../_wire/reply.ts';
import {type Connection, postJsonText} from '../_wire/request.ts';
import {askBatches} from '../_wire/service.ts';
import {type DecidedInput, type DecisionDialect, type Given, isRecord, REFUSED} from './dialect.ts';
import {answerOf, type Printed, type Unusable} from './distribution.ts';

/** A service that answers typed questions, as its requests need it. */
export interface Asked {
  readonly connection: Connection;
  readonly url: URL;
  readonly dialect: DecisionDialect;
  readonly decimals: number | undefined;
  /** Undefined if it shows the probability of every level. */
  readonly expected: Expected | undefined;
  /** The most questions in one request. */
  readonly perRequest: number;
  /** The body of a request, as JSON. */
  bodyOf(input: DecidedInput, questions: readonly Question[]): string;
  /** The most tokens of an image; undefined if nobody knows. */
  readonly imageTokens: number | undefined;
}

/** Some of the queries of a call: several questions about one input. */
interface Request {
  readonly input: DecidedInput;
  /** Indices in the call, in the order of the questions. */
  readonly rows: readonly number[];
  readonly questions: readonly Question[];
}

interface Growing extends Request {
  readonly rows: number[];
  readonly questions: Question[];
  readonly first: Query;
}

/**
 * Sorts queries into requests.
 *
 * @param refuse - called for those that no request can hold
 */
export function requestsFor(
  {perRequest, connection: {name}, dialect}: Pick<Asked, 'perRequest' | 'connection' | 'dialect'>,
  queries: readonly Query[],
  refuse: (row: number, error: TeacherError) => void = () => {},
): readonly Request[] {
  const requests: Growing[] = [];
  for (const [row, query] of queries.entries()) {
    const {input, question} = query;
    if (question === undefined || input.kind === 'tensor') {
      const why = question ? kindProblem(['text', 'image', 'record'], input) : 'A query names no question.';
      refuse(row, new TeacherError(name, why));
      continue;
    }
    const problem = input.kind === 'image' ? dialect.imageProblem?.(input) : undefined;
    if (problem !== undefined) {
      refuse(row, new TeacherError(name, problem));
      continue;
    }
    const last = requests.at(-1);
    if (last && last.questions.length < perRequest && goesWith(last, query)) {
      last.rows.push(row);
      last.questions.push(question);
    } else {
      requests.push({input, rows: [row], questions: [question], first: query});
    }
  }
  return requests;
}

function goesWith({first, questions}: Growing, query: Query): boolean {
  return areTogether(first, query) && questions.every(({name}) => name !== query.question!.name);
}

/** Asks, in one request for each input. */
export async function askQuestions(
  asked: Asked,
  queries: readonly Query[],
  {exchange = (_, send) => send(), signal}: AskOptions = {},
): Promise<readonly Outcome<'gray-box'>[]> {
  signal?.throwIfAborted();
  const outcomes = new Array<Outcome<'gray-box'>>(queries.length);
  const requests = requestsFor(asked, queries, (row, error) => {
    outcomes[row] = {error};
  });
  await askBatches(requests, request => send(asked, request, exchange, signal), outcomes, signal);
  return outcomes;
}

async function send(
  asked: Asked,
  {rows, input, questions}: Request,
  exchange: Exchange,
  signal: AbortSignal | undefined,
): Promise<readonly Outcome<'gray-box'>[]> {
  const {connection, url, dialect, bodyOf} = asked;
  const body = bodyOf(input, questions);
  const reply = await exchange(rows, async () => withWait(await postJsonText(connection, url, body, {signal})));
  if (reply.status === 200) return readQuestions(asked, reply, questions);
  const inputs = [input];
  const error = statusError(connection, reply, {advice: dialect.refusalAdvice(reply), inputs});
  if (!error.refusal) throw error;
  const named = namedIn(reply, questions);
  // Too few others: the layer above asks about the halves of what one error refuses, so it needs two.
  if (named.size === 0 || questions.length - named.size < 2) return questions.map(() => ({error}));
  const words = said(sayingOf(reply, inputs));
  return questions.map((question, row) =>
    named.has(row) ? {error: notTaken(connection.name, question, {words, status: reply.status})} : {error},
  );
}

function notTaken(
  teacher: string,
  {name}: Question,
  {words, status}: {readonly words: string; readonly status: number},
): TeacherError {
  const problem = `It answered ${words} It does not take the question \`${name}\`. Change it, or leave it out.`;
  return new TeacherError(teacher, problem, {status, refusal: 'of-input'});
}

/** The questions that a refusal names by the locations of its problems, as indices. */
function namedIn({body}: Reply, questions: readonly Question[]): ReadonlySet<number> {
  const document = lenientJson(body);
  const problems = isRecord(document) && Array.isArray(document['detail']) ? document['detail'] : [];
  const rows = problems.map(problem => {
    const path: unknown[] = isRecord(problem) && Array.isArray(problem['loc']) ? problem['loc'] : [];
    const at = path.indexOf('questions');
    const step = at < 0 ? undefined : path[at + 1];
    return typeof step === 'number' ? step : questions.findIndex(({name}) => name === step);
  });
  const known = rows.filter(row => questions[row] !== undefined);
  // A problem without a question concerns all of them.
  return new Set(known.length === rows.length ? known : []);
}

/** The document of a reply. Some services put characters before it that keep browsers from running it. */
export function documentOf(name: string, reply: Reply): unknown {
  return parsedOnce(reply, raw => parseOnce(name, {...raw, body: raw.body.replace(/^\)\]\}',?\s*/, '')}));
}

/**
 * Reads a reply with status 200.
 *
 * @param questions - in the order of the request; undefined if nobody needs the outcome
 * @throws TeacherError, `unreadable`, if the reply as a whole can't be read
 */
export function readQuestions(
  {connection: {name}, dialect, decimals, expected}: Asked,
  reply: Reply,
  questions: readonly (Question | undefined)[],
): readonly ReadOutcome<'gray-box'>[] {
  const given = dialect.given(documentOf(name, reply), questions);
  if (typeof given === 'string') throw new TeacherError(name, given, {status: 200, unreadable: true});
  return questions.map((question, row) => {
    if (question === undefined) return {error: new TeacherError(name, 'Nobody needs this answer.', {status: 200})};
    return outcomeOf(name, question, {given: given[row]!, decimals, expected});
  });
}

function outcomeOf(
  teacher: string,
  question: Question,
  {given, decimals, expected}: Pick<Asked, 'decimals' | 'expected'> & {readonly given: Given},
): ReadOutcome<'gray-box'> {
  const about = `Question \`${question.name}\`:`;
  if (given === REFUSED) {
    const problem = `${about} It refuses to answer this question about the input.`;
    return {error: new TeacherError(teacher, problem, {status: 200})};
  }
  const answer = read(question, given, {decimals, expected});
  if (!('problem' in answer)) return {answer};
  const {problem, misread = false} = answer;
  return {error: new TeacherError(teacher, `${about} ${problem}`, {status: 200, unreadable: !misread, misread})};
}

function read(
  question: Question,
  given: Printed | Unusable,
  {decimals, expected}: Pick<Asked, 'decimals' | 'expected'>,
): Extract<ReadOutcome<'gray-box'>, {readonly answer: unknown}>['answer'] | Unusable {
  if (expected && question.type === 'score') {
    const answer = expectedAnswer(given.score, expected, classesOf(question).length);
    return typeof answer === 'string' ? {problem: answer} : answer;
  }
  return 'problem' in given ? given : answerOf(given, decimals);
}

/** Tokens of a service's own prompt, at most. */
const OWN_TOKENS = 512;
/** Tokens of an answer for each of its classes, at most: a service that generates nothing counts none. */
const TOKENS_PER_CLASS = 8;

/**
 * The most tokens that a request can use. A token is at least one byte. The input is charged once. An image is no text:
 * its tokens depend on its pixels.
 */
export function mostTokens(
  {bodyOf, imageTokens = Number.POSITIVE_INFINITY}: Pick<Asked, 'bodyOf' | 'imageTokens'>,
  {input, questions}: Request,
): Usage {
  const [words, image] = input.kind === 'image' ? [NO_TEXT, imageTokens] : [input, 0];
  const classes = questions.reduce((sum, question) => sum + classesOf(question).length, 0);
  return {
    inputTokens: OWN_TOKENS + image + Buffer.byteLength(bodyOf(words, questions)),
    outputTokens: TOKENS_PER_CLASS * classes,
  };
}

const NO_TEXT = {kind: 'text', text: ''} as const;

/** The fewest: a token for each word. */
export function leastTokens({input, questions}: Request): Usage {
  const all = [textOf(input) ?? '', ...questions.map(({instructions = ''}) => instructions)].join(' ');
  return {inputTokens: all.split(/\s+/).filter(word => word !== '').length, outputTokens: 0};
}
