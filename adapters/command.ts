import {InputError, TeacherError} from '../src/errors.ts';
import type {AskOptions, Input, Outcome, Price, Rate, Reply, Teacher} from '../src/teacher.ts';
import {type AliasOptions, readerWith} from './_answers/aliases.ts';
import {isUnread, type ScoreMeaning, unreadError} from './_answers/scores.ts';
import {identityWords, shownCommand} from './_command/identity.ts';
import {Program} from './_command/program.ts';
import {checkCounts, checkForm, type GivenForm, givenDetail, givenReader} from './_local/given.ts';
import {parseJson} from './_wire/reply.ts';

export type {ScoreMeaning} from './_answers/scores.ts';

export interface CommandOptions extends AliasOptions {
  /** The program and its arguments, for example `['python3', 'classify.py']`. No shell reads it. */
  readonly command: readonly string[];
  /** Names of the classes. Answers that are numbers, or lists, go by this order. */
  readonly classes: readonly string[];
  /**
   * Part of the identity. Raise it when something changes that the command line does not show and that may change
   * answers: a module that the program imports, a model that it loads by itself, a variable in `env`.
   *
   * @default none
   */
  readonly version?: string;
  /**
   * What messages call it.
   *
   * @default `command`, the program and the files among its arguments
   */
  readonly name?: string;
  /**
   * Variables beside those of this process, which the program has too. The place for keys: arguments are part of the
   * identity, and anybody on the machine can read them.
   *
   * @default none
   */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The folder in which the program runs, and from which its arguments are looked for.
   *
   * @default that of this process
   */
  readonly cwd?: string;
  /**
   * Queries that the program is given before it has answered them.
   *
   * @default 16
   */
  readonly concurrency?: number;
  /**
   * Milliseconds that the program may answer nothing while it has queries, its start included.
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
  /** The most that the program may be asked, for one that asks a service itself. */
  readonly rate?: Rate;
  /** What an answer costs, for budgets of money. */
  readonly price?: Price;
}

/** A program that gives scores. */
export interface ScoreCommand extends CommandOptions {
  /** What the `scores` are. It is not guessed. */
  readonly scores: ScoreMeaning;
  /**
   * The most classes that it scores, where these needn't be all. What is missing from a sum of 1 is kept as the rest.
   *
   * @default it scores every class
   */
  readonly topK?: number;
}

/** A program that gives labels. */
export interface LabelCommand extends CommandOptions {
  readonly scores?: undefined;
  readonly topK?: undefined;
}

/**
 * A program in any language as a teacher. It reads a query a line on its standard input, and writes an answer a line,
 * in any order, on its standard output; what else it has to say belongs on standard error:
 *
 *     {"id": 7, "text": "…"}   or   {"id": 7, "tensor": {"dtype": "uint8", "shape": [2, 2], "data": [0, 9, 9, 0]}}
 *     {"id": 7, "label": "spam"}   or   {"id": 7, "scores": …}   or   {"id": 7, "error": "too long"}
 *
 * A label is a class name or an index; `scores` have any of the shapes of `Scores` in the adapter `callable`. Every
 * answer holds the `id` of its query. The program is started at the first query, and is to end when its input
 * does. One that ends before, is silent for longer than `timeout`, or writes what is no answer is started anew, and
 * the queries that it had are asked again; one that never answered is not.
 *
 * It is asked as a service is: each answer is kept before it is read, and counts against the budget.
 *
 * The identity holds the command line, with files by their content: the program where its path is relative, and every
 * argument that is a file.
 *
 * @throws InputError where the options can't be used
 */
export function command(options: ScoreCommand): Teacher<'gray-box'>;
export function command(options: LabelCommand): Teacher<'black-box'>;
export function command(options: ScoreCommand | LabelCommand): Teacher {
  const {command: words, classes, version, scores, topK, cwd = process.cwd(), env = {}, rate, price} = options;
  const {concurrency = 16, timeout = 60_000, maxReply = 16 * 2 ** 20} = options;
  if (!words[0])
    throw new InputError("command: Give the program and its arguments, such as ['python3', 'classify.py'].");
  const form = {classes, scores, topK, aliases: options.aliases};
  checkForm('command', form);
  checkCounts('command', {concurrency, timeout, maxReply});
  const line = {words, cwd};
  const name = options.name ?? `command ${shownCommand(line)}`;
  const history = {hasAnswered: false};
  const program = new Program({name, words, cwd, env, timeout, maxReply, history});
  const read = replyReader(name, form);
  let identity: Teacher['identity'] | undefined;
  return {
    name,
    /** Late, as the files may be long. */
    get identity() {
      identity ??= {
        adapter: 'command',
        command: identityWords(line),
        version: version ?? null,
        classes,
        scores: scores ?? null,
        ...(topK !== undefined && {topK}),
      };
      return identity;
    },
    access: scores === undefined ? 'black-box' : 'gray-box',
    classes,
    detail: givenDetail(form),
    maxBatch: 1,
    concurrency,
    service: {
      account: name,
      reader: readerWith(READER, options.aliases),
      read,
      ...(rate && {rate}),
      ...(price && {price}),
    },
    async ask(queries, {exchange = (_, send) => send(), signal}: AskOptions = {}) {
      const asked = queries.map(async ({input}, row): Promise<readonly Outcome[]> => {
        const problem = problemWith(input);
        if (problem !== undefined) return [{error: new TeacherError(name, problem)}];
        const reply = await exchange([row], () => program.ask(queryAbout(input), signal));
        return read(reply, 1);
      });
      return (await Promise.all(asked)).flat();
    },
  };
}

/** Of `replyReader`. */
const READER = 1;

/** JSON has no such numbers. */
function problemWith(input: Input): string | undefined {
  if (input.kind === 'text' || input.dtype !== 'float32' || input.data.every(Number.isFinite)) return undefined;
  return 'An input holds NaN or an infinite value, which JSON can not carry.';
}

function queryAbout(input: Input): object {
  if (input.kind === 'text') return {text: input.text};
  const {dtype, shape, data} = input;
  return {tensor: {dtype, shape, data: Array.from(data)}};
}

/** The longest message of a program that is shown. */
const LONGEST_SHOWN = 300;

/** Reads a line that is known to be JSON with an `id`. */
function replyReader(name: string, form: GivenForm): (reply: Reply, count: number) => readonly Outcome[] {
  const field = form.scores === undefined ? 'label' : 'scores';
  const readValue = givenReader(form);
  return reply => {
    const {error, [field]: value} = parseJson(name, reply) as {readonly [field: string]: unknown};
    if (error !== undefined && error !== null) {
      return [{error: new TeacherError(name, `It gave an error: ${String(error).slice(0, LONGEST_SHOWN)}`)}];
    }
    const answer =
      value === undefined ? `Its answer holds no \`${field}\`. Check what the program writes.` : readValue(value);
    if (isUnread(answer)) return [{error: unreadError(name, answer, {unreadable: true})}];
    return [{answer} as Outcome];
  };
}
