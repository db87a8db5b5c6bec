import {InputError} from '../../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../../src/options.ts';
import {classesOf, type Question} from '../../src/question.ts';
import type {ChatOptions} from './chat.ts';
import {type AccessOf, type Mode, type ModeOptions, modeFor, type Output} from './modes.ts';
import {PACK_KINDS, type PackOptions, packSizeOf} from './pack.ts';
import type {PromptedInput} from './prompt.ts';

/** Options of a language model that answers several questions about an input, in the place of `classes`. */
export interface QuestionOptions {
  /** The questions that are asked about every text; see `choice`, `predicate` and `score` of `limbeck/ask`. */
  readonly questions: readonly Question[];
  /**
   * The most questions in one request. If there are more about a text, it is sent more than once. With 1 each question
   * is asked alone, so that no answer depends on another one.
   *
   * @default 64
   */
  readonly maxQuestions?: number;
  /**
   * If true, the model sees the names of the questions: they are the names of the fields in its answer. A name is then
   * part of the key of its answers.
   *
   * @default false: the fields have neutral names
   */
  readonly areNamesShown?: boolean;
  /**
   * The texts that the model answers instead of the options' names: `names` for the names themselves.
   *
   * @default a letter per option of a choice and level of a score if log-probabilities are read, else the names
   */
  readonly codes?: 'names';
  /**
   * If true, a JSON schema holds each answer to the options of its question. Some services then give log-probabilities
   * among these options alone, others the model's own.
   *
   * @default true
   */
  readonly structured?: boolean;
}

/** The options of an adapter for a teacher with questions. */
export type WithQuestions<T> = Omit<
  T,
  'classes' | 'descriptions' | 'aliases' | keyof PackOptions | keyof QuestionOptions
> &
  QuestionOptions;

const QUESTION_KINDS: Shape<QuestionOptions> = {
  questions: kinds.list,
  maxQuestions: kinds.number,
  areNamesShown: kinds.flag,
  codes: oneOf('names'),
  structured: kinds.flag,
};

/**
 * Checks the options of an adapter, for classes or for questions.
 *
 * @param shape - the kinds of the options for classes
 * @throws InputError if an option is unknown or of another kind, or not one of classes and questions is given
 */
export function checkChatOptions(owner: string, options: object, shape: Kinds): void {
  const given = options as Readonly<Record<string, unknown>>;
  const {questions, classes}: typeof given = Object(given);
  if (questions === undefined) {
    checkOptions(owner, given, shape, ['model', 'classes', 'output']);
    return;
  }
  if (classes !== undefined) throw new InputError(`${owner} takes \`classes\` or \`questions\`, not both.`);
  if (Object.keys(PACK_KINDS).some(option => given[option] !== undefined)) {
    throw new InputError(
      `${owner} packs inputs of one list of \`classes\`. \`questions\` about one input share a request already: leave \`pack\` out.`,
    );
  }
  const others = Object.entries({...shape, ...QUESTION_KINDS}).filter(([option]) => !OF_CLASSES.includes(option));
  checkOptions(owner, given, Object.fromEntries(others), ['model', 'output']);
}

/** @throws InputError if questions are given to a server that scores the answers of classes */
export function refuseQuestions(owner: string, options: object): void {
  if (!('questions' in Object(options))) return;
  throw new InputError(
    `${owner} asks \`questions\` with \`output: 'label'\` alone. \`openai\` reads their log-probabilities from the same server.`,
  );
}

type Kinds = Parameters<typeof checkOptions>[2];

/** The options that a teacher with questions does not have. */
const OF_CLASSES: readonly string[] = ['classes', 'descriptions', 'aliases', ...Object.keys(PACK_KINDS)];

/** The options of an adapter, for classes or for questions. */
export type Either<T> = T | WithQuestions<T>;

export function hasQuestions<T extends object>(options: Either<T>): options is WithQuestions<T> {
  return 'questions' in options && options.questions !== undefined;
}

/** The options of a teacher with questions that all adapters of language models share. */
export type QuestionChatOptions = WithQuestions<ChatOptions & Pick<ModeOptions, 'output'>>;

/**
 * Returns how an output is asked for and read, of classes or of questions. Packs and questions are answered by JSON, so that
 * a schema can hold the answers even if log-probabilities are read.
 *
 * @throws InputError if options exclude each other
 */
export function modeOf<O extends Output>(
  options: Either<ModeOptions<O> & Pick<ChatOptions, 'classes' | keyof PackOptions>>,
): Mode<AccessOf<O>> {
  if (!hasQuestions(options) && packSizeOf(options) === 1 && options.pack !== 'auto')
    return modeFor(options, options.classes);
  const {structured = true, ...others} = options;
  const lists = hasQuestions(options) ? options.questions.map(classesOf) : [options.classes];
  const most = lists.reduce((one, other) => (other.length > one.length ? other : one), []);
  const mode = modeFor<O>(
    {...others, ...(options.output !== 'log-probabilities' && {structured})} as ModeOptions<O>,
    most,
  );
  // What a schema does to log-probabilities differs between services, so nothing is declared of them.
  return structured ? {...mode, scores: undefined} : mode;
}

/** How questions are asked, beside what the questions themselves say. */
export type FormOptions = Pick<
  QuestionChatOptions,
  'instructions' | 'prompt' | 'rotateClasses' | 'output' | 'codes' | 'areNamesShown'
>;

/** The prompt of a teacher, with `{questions}` and `{text}` in their places. */
interface QuestionTemplate {
  readonly system?: string | undefined;
  readonly user: string;
}

/**
 * @param kind - of the input that is asked about
 * @throws InputError if the template has no place for the text or for the questions
 */
export function templateOf(
  {instructions, prompt}: FormOptions,
  kind: PromptedInput['kind'] = 'text',
): QuestionTemplate {
  const given = typeof prompt === 'string' ? {user: prompt} : prompt;
  const {system, user, ...others} = given ?? {
    system: `${instructions ?? `Answer each of these questions about the ${kind}.`}\n\n{questions}`,
    user: '{text}',
  };
  const hasPlaces = user?.includes('{text}') && `${system} ${user}`.includes('{questions}');
  if (hasPlaces && Object.keys(others).length === 0) return {system, user};
  throw new InputError(
    'Expected `prompt` to be a text, or {system, user}, with `{text}` in the message of the user where the text goes, ' +
      'and `{questions}` where the questions go.',
  );
}
