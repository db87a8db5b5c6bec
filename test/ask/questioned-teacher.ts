import {TeacherError} from '../../src/errors.ts';
import {classesOf, type Question, type Questions} from '../../src/question.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {AskOptions, Query, ReadOutcome, Reply, Service, Teacher} from '../../src/teacher.ts';

export const parity: Question = predicate('parity', 'Is it odd?');
export const size: Question = score('size', 'How large is it?', ['small', 'middling', 'large']);
export const last: Question = choice('last', 'Which digit is the last?', [...'0123456789']);

/** A request, as the service sees it. */
export interface AskedTogether {
  readonly text: string;
  readonly names: readonly string[];
}

export interface QuestionedTeacher extends Teacher<'black-box'> {
  readonly service: Service<'black-box'>;
  readonly questions: Questions;
  /** Every request so far. */
  readonly requests: AskedTogether[];
}

interface QuestionedOptions {
  readonly questions?: readonly Question[];
  readonly perRequest?: number;
  /** The names of questions that the service refuses to answer. */
  readonly refuses?: readonly string[];
  /** The names of questions for which it refuses the whole request, and says so. */
  readonly takesNot?: readonly string[];
  /** True if other questions of a request change an answer. */
  readonly leaks?: boolean;
  /** True if it says so. */
  readonly areDependent?: boolean;
  /** Called before a reply comes. */
  readonly onRequest?: (request: AskedTogether) => Promise<void> | void;
}

/**
 * A teacher that asks a service several questions about a number, the text of an input. A label is the number modulo the
 * count of the classes. A request costs 100 tokens, and 10 for each question.
 */
export function questionedTeacher({
  questions: list = [parity, size, last],
  perRequest = 64,
  refuses = [],
  takesNot = [],
  leaks = false,
  areDependent,
  onRequest = () => {},
}: QuestionedOptions = {}): QuestionedTeacher {
  const requests: AskedTogether[] = [];
  const read: Service<'black-box'>['read'] = ({body}, count, _, questions = []) => {
    const {labels} = JSON.parse(body) as {readonly labels: Readonly<Record<string, number | null>>};
    return Array.from({length: count}, (_, row): ReadOutcome<'black-box'> => {
      const question = questions[row];
      const label = question && labels[question.name];
      if (question === undefined) return {error: new TeacherError('a clerk', 'Nobody asked for it.')};
      if (label === null)
        return {error: new TeacherError('a clerk', `It refuses to answer question ${question.name}.`)};
      return {answer: {kind: 'label', label: label! % classesOf(question).length}};
    });
  };
  return {
    name: 'a clerk',
    identity: {service: 'clerk'},
    access: 'black-box',
    classes: [],
    questions: {list, perRequest, areNamesShown: false, areDependent},
    detail: {kind: 'label'},
    maxBatch: 1,
    concurrency: 4,
    requests,
    service: {
      account: 'clerk',
      reader: 1,
      read,
      receipt: ({body}) => ({usage: {inputTokens: (JSON.parse(body) as {tokens: number}).tokens, outputTokens: 0}}),
      worstCase: ({length}) => ({inputTokens: 100 + 10 * length, outputTokens: 0}),
      price: {perMillionInputTokens: 1},
    },
    async ask(queries: readonly Query[], options: AskOptions = {}) {
      const {exchange = (_, send) => send(), detail = {kind: 'label'}} = options;
      const [{input, together}] = queries as [Query];
      if (queries.some(query => query.input !== input || query.together !== together)) {
        throw new Error('It takes one input a request.');
      }
      const text = input.kind === 'text' ? input.text : '';
      const questions = queries.map(({question}) => question!);
      const reply = await exchange([...queries.keys()], async (): Promise<Reply> => {
        const sent = together ?? questions;
        const request = {text, names: sent.map(({name}) => name)};
        requests.push(request);
        await onRequest(request);
        if (request.names.some(name => takesNot.includes(name))) return {status: 422, headers: {}, body: 'no'};
        const label = Number(text) + (leaks ? sent.length : 0);
        const labels = Object.fromEntries(request.names.map(name => [name, refuses.includes(name) ? null : label]));
        const body = JSON.stringify({labels, tokens: 100 + 10 * sent.length});
        return {status: 200, headers: {}, body};
      });
      if (reply.status === 200) return read(reply, queries.length, detail, questions);
      const refused = {status: 422, refusal: 'unclear'} as const;
      const whole = new TeacherError('a clerk', 'It answered 422.', refused);
      const alone = (name: string) =>
        new TeacherError('a clerk', `It does not take ${name}.`, {...refused, refusal: 'of-input'});
      const named = questions.map(({name}) => takesNot.includes(name));
      return questions.map(({name}, row) => ({error: named[row] ? alone(name) : whole}));
    },
  };
}
