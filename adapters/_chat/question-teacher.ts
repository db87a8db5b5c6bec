import {InputError, TeacherError} from '../../src/errors.ts';
import type {Question} from '../../src/question.ts';
import {checkQuestions} from '../../src/questions.ts';
import type {Access, Query, ReadOutcome, Reply, Teacher} from '../../src/teacher.ts';
import {headersInIdentity} from '../_wire/headers.ts';
import {statusError} from '../_wire/refusal.ts';
import {parseJson} from '../_wire/reply.ts';
import {CONCURRENCY, chargedService, openModel} from '../_wire/service.ts';
import {type ChatOptions, withParameters} from './chat.ts';
import {chatProbe} from './chat-probe.ts';
import {fillsPromptCache, leastTokens, mostTokens, totalBound, totalUsage, unboundedBy} from './cost.ts';
import type {Dialect} from './dialect.ts';
import {valueIn} from './fields.ts';
import {askByForm, bodyAbout} from './form-requests.ts';
import type {ModeOptions} from './modes.ts';
import {classTeacher} from './packed-teacher.ts';
import {Form, type Request} from './question-form.ts';
import {type Either, hasQuestions, type QuestionChatOptions} from './question-options.ts';
import {isSaid, outcomeOf, readValues, receiptOf} from './reading.ts';

/** A language model as a teacher, about classes, for one input or several at a time, or about questions. */
export function languageModel<A extends Access>(
  options: Either<ChatOptions & Pick<ModeOptions, 'output' | 'structured'>>,
  dialect: Dialect<A>,
): Teacher<A> {
  return hasQuestions(options) ? questionTeacher(options, dialect) : classTeacher(options, dialect);
}

const MAX_QUESTIONS = 64;
/** Version of the reading of several questions. */
const READER = 1;

/**
 * A language model that is asked several questions in one request, and answers with a JSON object that has a field for
 * each. A later field can depend on the earlier ones.
 *
 * @throws InputError if the options can't be used
 */
function questionTeacher<A extends Access>(options: QuestionChatOptions, dialect: Dialect<A>): Teacher<A> {
  const {model, parameters, areNamesShown = false, maxQuestions: perRequest = MAX_QUESTIONS} = options;
  const {address, service, name, connection, url, models} = openModel(options, dialect);
  const {adapter, headers, path, refusalAdvice: advice, warmed} = dialect;
  checkQuestions(name, options.questions);
  if (!Number.isInteger(perRequest) || perRequest < 1) {
    throw new InputError(`Expected \`maxQuestions\` to be a whole number above 0, got ${perRequest}.`);
  }
  const form = new Form(options, dialect);
  const unbounded = unboundedBy(dialect.cost, {body: form.template, parameters, model});
  const read = (reply: Reply, questions: readonly (Question | undefined)[]) =>
    readQuestions(reply, questions, {name, dialect, form});
  const bodyOf = (query: Query) => bodyAbout(connection, form, query);
  const atTemperature = (temperature: number) =>
    questionTeacher({...options, parameters: withParameters(parameters ?? {}, warmed?.(temperature))}, dialect);
  // A line of a batch is about one query.
  const lane =
    perRequest === 1 ? dialect.lane?.({connection, address, path, headers, refusalAdvice: advice, bodyOf}) : undefined;
  return {
    name,
    identity: {
      ...{adapter, service, path, ...headersInIdentity(options, headers)},
      // The whole request but the text and the questions, which the key holds by itself.
      ...{request: form.template, questions: form.identity},
    },
    access: dialect.access,
    classes: [],
    questions: {list: options.questions, perRequest, areNamesShown, areDependent: true},
    detail: dialect.detail,
    maxBatch: 1,
    concurrency: options.concurrency ?? CONCURRENCY,
    service: chargedService<A>(
      options,
      {address, connection, models},
      {
        reader: {questions: READER, reading: dialect.reader},
        read: (reply, count, _, questions = []) =>
          read(
            reply,
            Array.from({length: count}, (_, row) => questions[row]),
          ),
        refusal: (reply, inputs) => statusError(connection, reply, {advice, inputs}),
        receipt: reply => receiptOf(reply, dialect),
        worstCase: queries =>
          totalBound(
            form
              .requestsFor(queries)
              .map(({body, prompt}) => mostTokens(dialect.cost, body, prompt.image, options.imageTokens)),
          ),
        leastCase: queries => totalUsage(form.requestsFor(queries).map(({prompt}) => leastTokens(prompt))),
        ...(unbounded && {unbounded}),
        fillsPromptCache: fillsPromptCache([form.template, form.settings.schema ?? '']),
        ...(dialect.note && {note: reply => noteOn(reply, options.questions, {name, dialect, form})}),
        probe: chatProbe({
          ...{dialect, settings: form.settings, isHeld: completion => form.isHeld(completion)},
          stepsOf: completion => form.fieldsIn(completion)[0]?.steps,
          ...(warmed && {atTemperature}),
        }),
        ...(lane && {lane}),
      },
    ),
    ask: askByForm<A, Request>(form, {
      ...{connection, url, headers, advice},
      read: (reply, {rows}, queries) =>
        read(
          reply,
          rows.map(row => queries[row]!.question),
        ),
    }),
  };
}

interface Reader<A extends Access> {
  readonly name: string;
  readonly dialect: Dialect<A>;
  readonly form: Form;
}

/**
 * Reads a reply with status 200.
 *
 * @param questions - undefined if nobody needs the outcome
 * @throws TeacherError, `unreadable`, if the reply as a whole can't be read
 */
function readQuestions<A extends Access>(
  reply: Reply,
  questions: readonly (Question | undefined)[],
  {name, dialect, form}: Reader<A>,
): readonly ReadOutcome<A>[] {
  const valuesOf = valuesIn(reply, {name, dialect, form});
  return questions.map(question => {
    if (question === undefined) return {error: new TeacherError(name, 'Nobody needs this answer.', {status: 200})};
    const reading = readValues(valuesOf(question), form.writtenOf(question).words, dialect);
    return outcomeOf(name, reading, {about: `Question \`${question.name}\`: `});
  });
}

/** Returns a function that gives the value of a question's field in each completion of a reply. */
function valuesIn<A extends Access>(reply: Reply, {name, dialect, form}: Reader<A>) {
  const completions = dialect.completions(parseJson(name, reply));
  if (typeof completions === 'string') throw new TeacherError(name, completions, {status: 200, unreadable: true});
  const answers = completions.map(completion => ({finish: completion.finish, fields: form.fieldsIn(completion)}));
  return (question: Question) => answers.map(answer => valueIn(answer, field => form.isOwn(question, field)));
}

/** Returns what the user should know about the answer to one of the questions; undefined if nothing, or it can't be read. */
function noteOn<A extends Access>(reply: Reply, questions: readonly Question[], reader: Reader<A>): string | undefined {
  try {
    const valuesOf = valuesIn(reply, reader);
    for (const question of questions) {
      const values = valuesOf(question).filter(isSaid);
      const note = values.length > 0 && reader.dialect.note?.(values, reader.form.writtenOf(question).words);
      if (note) return `Question \`${question.name}\`: ${note}`;
    }
  } catch {
    // It is no answer, which the reading says.
  }
  return undefined;
}
