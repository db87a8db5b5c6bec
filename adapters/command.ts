import {InputError, TeacherError} from '../src/errors.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import type {Question} from '../src/question.ts';
import type {AskOptions, Json, Outcome, Price, Rate, Reply, Teacher} from '../src/teacher.ts';
import {type AskedInput, inputsIn} from './_answers/heads.ts';
import {ALIAS_KINDS, type AliasOptions, isUnread, readerWith, unreadError} from './_answers/labels.ts';
import type {Expected} from './_answers/questions.ts';
import type {ScoreMeaning} from './_answers/scores.ts';
import {identityWords, shownCommand} from './_command/processes.ts';
import {Program, problemWith, queryAbout} from './_command/program.ts';
import {
  checkCounts,
  checkGiven,
  type GivenSubject,
  givenDetails,
  givenQuestions,
  subjectReader,
} from './_local/given.ts';
import {parseJson} from './_wire/reply.ts';

export type {ScoreMeaning} from './_answers/scores.ts';

interface CommandOptions extends AliasOptions {
  /** The program and its arguments, for example `['python3', 'classify.py']`. It runs without a shell. */
  readonly command: readonly string[];
  /** Names of the classes. They give the order of answers that are numbers or lists. Or give `questions`. */
  readonly classes?: readonly string[];
  /** The questions; see `choice`, `predicate` and `score` of `limbeck/ask`. Or give `classes`. */
  readonly questions?: readonly Question[];
  /**
   * Part of the identity. Raise it when something changes that can change answers but is not in the command line: a
   * module that the program imports, a model that it loads by itself, a variable in `env`.
   *
   * @default none
   */
  readonly version?: string;
  /**
   * The name that messages use.
   *
   * @default `command`, the program and the files among its arguments
   */
  readonly name?: string;
  /**
   * Environment variables that are added to those of this process. Keys belong here, because arguments are part of the
   * identity and anybody on the machine can read them.
   *
   * @default none
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The folder in which the program runs. Relative paths of its arguments start there.
   *
   * @default the folder of this process
   */
  readonly cwd?: string;
  /**
   * The most queries that the program holds unanswered.
   *
   * @default 16
   */
  readonly concurrency?: number;
  /**
   * Milliseconds that the program can stay silent while it has queries. Its start counts too.
   *
   * @default 60_000
   */
  readonly timeout?: number;
  /**
   * The longest answer, in characters.
   *
   * @default 16 MiB
   */
  readonly maxReply?: number;
  /** The most queries in a time, for a program that asks a service itself. */
  readonly rate?: Rate;
  /** The price of an answer, for budgets of money. */
  readonly price?: Price;
}

/** A program that gives scores. */
export interface ScoreCommand extends CommandOptions {
  /** The kind of the `scores`. It is not guessed. */
  readonly scores: ScoreMeaning;
  /**
   * The most classes that it scores, if fewer than all. The part that is missing from a sum of 1 is kept as the rest.
   *
   * @default it scores every class
   */
  readonly topK?: number;
  /** The numbers of the levels, if a score is answered by its expected level. @default its levels are scored one by one */
  readonly expected?: Expected;
}

/** A program that gives the expected level of each question, which are scores. */
export interface LevelCommand extends CommandOptions {
  readonly expected: Expected;
  readonly scores?: undefined;
  readonly topK?: undefined;
}

/** A program that gives labels. */
export interface LabelCommand extends CommandOptions {
  readonly scores?: undefined;
  readonly topK?: undefined;
  readonly expected?: undefined;
}

const KINDS = {
  ...ALIAS_KINDS,
  command: kinds.texts,
  classes: kinds.texts,
  questions: kinds.list,
  version: kinds.text,
  name: kinds.text,
  env: kinds.object,
  cwd: kinds.text,
  concurrency: kinds.number,
  timeout: kinds.number,
  maxReply: kinds.number,
  rate: kinds.object,
  price: kinds.object,
  scores: kinds.text,
  topK: kinds.number,
  expected: kinds.textOrObject,
} satisfies Shape<ScoreCommand>;

/**
 * A program in any language as a teacher. It reads one query per line on standard input, and writes one answer per line
 * on standard output, in any order. Everything else that it prints belongs on standard error.
 *
 *     {"id": 7, "text": "…"}   or   {"id": 7, "tensor": {"dtype": "uint8", "shape": [2, 2], "data": [0, 9, 9, 0]}}
 *     {"id": 7, "label": "spam"}   or   {"id": 7, "scores": …}   or   {"id": 7, "error": "too long"}
 *
 * With questions it is asked once about an input, whatever is asked about it, and answers all of them by their names:
 *
 *     {"id": 7, "label": {"topic": "billing", "urgent": true}, "errors": {"mood": "too short"}}
 *     {"id": 7, "scores": {"topic": [0.9, 0.1], "urgent": 0.8, "mood": 2.3}}
 *
 * A label is a class name or an index, that of a predicate can be true or false. `scores` have any of the shapes of `Scores` in the adapter `callable`, and
 * can be one number for a predicate: that of yes; with `expected`, for a score: its expected level. Every answer holds the `id` of its query. The program starts at the first query and must end when its input ends. If it
 * ends earlier, stays silent for longer than `timeout` or writes an invalid line, it is started again and gets its open
 * queries again. A program that never answered is not started again.
 *
 * Queries are counted as those of a service: each answer is kept before it is read, and counts against the budget.
 *
 * The identity holds the command line, with files by their content: the program if its path is relative, and every
 * argument that is a file.
 *
 * @throws InputError if the options can't be used
 */
export function command(options: ScoreCommand | LevelCommand): Teacher<'gray-box'>;
export function command(options: LabelCommand): Teacher<'black-box'>;
export function command(options: ScoreCommand | LevelCommand | LabelCommand): Teacher {
  checkOptions('command', options, KINDS, ['command']);
  const {
    command: words,
    classes,
    questions,
    version,
    scores,
    topK,
    expected,
    cwd = process.cwd(),
    env = {},
    rate,
    price,
  } = options;
  const {concurrency = 16, timeout = 60_000, maxReply = 16 * 2 ** 20} = options;
  if (!words[0])
    throw new InputError("command: Give the program and its arguments, such as ['python3', 'classify.py'].");
  const form = {classes, questions, scores, topK, expected, aliases: options.aliases};
  checkGiven('command', form);
  checkCounts('command', {concurrency, timeout, maxReply});
  const line = {words, cwd};
  const name = options.name ?? `command ${shownCommand(line)}`;
  const history = {hasAnswered: false};
  const program = new Program({name, words, cwd, env, timeout, maxReply, history});
  const read = replyReader(name, form);
  let identity: Teacher['identity'] | undefined;
  return {
    name,
    /** A getter, because reading the files can take long. */
    get identity() {
      identity ??= {
        adapter: 'command',
        command: identityWords(line),
        version: version ?? null,
        ...(classes && {classes}),
        scores: scores ?? null,
        ...(topK !== undefined && {topK}),
        ...(expected !== undefined && {expected: expected as Json}),
      };
      return identity;
    },
    access: (scores ?? expected) === undefined ? 'black-box' : 'gray-box',
    classes: classes ?? [],
    questions: givenQuestions(questions),
    ...givenDetails(form),
    maxBatch: 1,
    concurrency,
    service: {
      account: name,
      reader: readerWith(READER, options.aliases),
      read: (reply, count, _, about = []) =>
        read(
          reply,
          Array.from({length: count}, (_, row) => about[row]),
        ),
      ...(rate && {rate}),
      ...(price && {price}),
    },
    async ask(queries, {exchange = (_, send) => send(), signal}: AskOptions = {}) {
      const outcomes = new Array<Outcome>(queries.length);
      const ask = async ({query: {input}, rows}: AskedInput): Promise<readonly Outcome[]> => {
        const problem = problemWith(input);
        if (problem !== undefined) return rows.map(() => ({error: new TeacherError(name, problem)}));
        const reply = await exchange(rows, () => program.ask(queryAbout(input), signal));
        return read(
          reply,
          rows.map(row => queries[row]!.question),
        );
      };
      const inputs = inputsIn(queries);
      for (const [index, answers] of (await Promise.all(inputs.map(ask))).entries()) {
        for (const [position, row] of inputs[index]!.rows.entries()) outcomes[row] = answers[position]!;
      }
      return outcomes;
    },
  };
}

/** Version of `replyReader`. */
const READER = 1;

/** The most characters shown of a program's message. */
const LONGEST_SHOWN = 300;

/**
 * Reads a line that is already known to be JSON with an `id`. It has an answer to one query, or to several with a
 * question each; undefined if nobody needs that one.
 */
function replyReader(
  name: string,
  form: GivenSubject,
): (reply: Reply, questions: readonly (Question | undefined)[]) => readonly Outcome[] {
  const field = (form.scores ?? form.expected) === undefined ? 'label' : 'scores';
  const readValue = subjectReader(form);
  const fail = (error: unknown): Outcome => {
    return {error: new TeacherError(name, `It gave an error: ${String(error).slice(0, LONGEST_SHOWN)}`)};
  };
  return (reply, questions) => {
    const said = parseJson(name, reply) as {readonly [field: string]: unknown};
    const {error, errors = {}, [field]: value} = said;
    return questions.map((question): Outcome => {
      const own = question && (errors as {readonly [question: string]: unknown})[question.name];
      const problem = error ?? own;
      if (problem !== undefined && problem !== null) return fail(problem);
      const answer =
        value === undefined
          ? `Its answer holds no \`${field}\`. Check what the program writes.`
          : readValue(value, question);
      if (answer instanceof Error) return {error: answer};
      if (isUnread(answer)) return {error: unreadError(name, answer, {unreadable: true})};
      return {answer} as Outcome;
    });
  };
}
