import {checkOptions, oneOf, type Shape} from '../../src/options.ts';
import type {Teacher} from '../../src/teacher.ts';
import type {Writer, WrittenAnswer} from '../../src/writer.ts';
import type {AliasOptions} from '../_answers/labels.ts';
import {type ChatOptions, chatTeacher} from './chat.ts';
import type {Body, ChatReading, Completion, Dialect, Unanswered} from './dialect.ts';
import {type Mode, type ModeOptions, objectOf} from './modes.ts';
import type {PackOptions} from './pack.ts';
import type {PromptOptions} from './prompt.ts';

/** The options that are about answers, which a writer does not give. */
type OfAnswers =
  | keyof PromptOptions
  | keyof AliasOptions
  | keyof PackOptions
  | 'samples'
  | 'topLogprobs'
  | 'logprobsTaken'
  | 'imageTokens';

/** The options of an adapter for a model that writes inputs. */
export type WriterOf<T> = Omit<T, OfAnswers | 'output'> & {
  /** `texts`: the model writes inputs, see `limbeck write`. */
  readonly output: 'texts';
};

const OF_ANSWERS: Readonly<Record<OfAnswers, true>> = {
  ...{classes: true, descriptions: true, instructions: true, codes: true, rotateClasses: true, prompt: true},
  ...{
    aliases: true,
    pack: true,
    packMatters: true,
    packAgreement: true,
    samples: true,
    topLogprobs: true,
    logprobsTaken: true,
    imageTokens: true,
  },
};

/** The options of a writer that all adapters of language models share. */
type WriterOptions = WriterOf<ChatOptions & Pick<ModeOptions, 'structured' | 'temperature'>>;

export function writes(options: object): options is {readonly output: 'texts'} {
  return (options as {readonly output?: unknown} | undefined)?.output === 'texts';
}

/** The most tokens of one reply, if nothing else is said. */
const MOST_TOKENS = 4096;

/** What the layers see of an answer: whether there is a text in it. */
export const PROMPTED_CLASSES: readonly string[] = ['texts', 'no text'];

/** What a model is told before each prompt. */
export const WRITER_SYSTEM: string =
  'You write texts as different people would write them in real life. They train a classifier, so they differ from each ' +
  'other in wording, in content and in how they begin. Never name the class in a text unless a person would. ' +
  'Answer with JSON and nothing else: {"texts": [the texts, one string each]}';

/**
 * A language model as a writer.
 *
 * @param shape - the kinds of the adapter's options
 * @param dialectFor - makes the protocol of requests, by how an answer is asked for and read
 * @throws InputError if an option can't be used
 */
export function chatWriter<T extends WriterOptions>(
  owner: string,
  options: T,
  shape: Shape<object>,
  dialectFor: (mode: Mode<'black-box'>) => Dialect<'black-box'>,
): Writer {
  const own = Object.entries(shape).filter(([option]) => !Object.hasOwn(OF_ANSWERS, option));
  checkOptions(owner, options, {...Object.fromEntries(own), output: oneOf('texts')}, ['model']);
  const {output: _, structured: __, temperature: ___, ...service} = options;
  const prompted: Teacher<'black-box'> = chatTeacher(
    {
      maxTokens: MOST_TOKENS,
      ...(service as Omit<ChatOptions, 'classes'>),
      classes: PROMPTED_CLASSES,
      prompt: {system: WRITER_SYSTEM, user: '{text}'},
    },
    dialectFor(textsMode(options)),
  );
  return {model: options.model, prompted};
}

/** The version of the reading. */
const VERSION = 1;

/** The schema of an answer. */
export const TEXTS: Body = objectOf({texts: {type: 'array', items: {type: 'string'}}});

function textsMode({structured = true, temperature = null}: Pick<ModeOptions, 'structured' | 'temperature'>) {
  return {
    access: 'black-box',
    detail: {kind: 'label'},
    way: 'names',
    spareTokens: 0,
    samples: 1,
    temperature,
    topLogprobs: undefined,
    schema: () => (structured ? TEXTS : undefined),
    read: ([completion]: readonly Completion[]): ChatReading<'black-box'> => writtenIn(completion!),
    reader: {texts: VERSION},
  } satisfies Mode<'black-box'>;
}

const ENDS = {
  filtered: 'A content filter of the service stopped the texts.',
  refused: 'The model refused to write these texts.',
} as const;

/** Reads the texts of a completion. One that was cut off gives its whole texts. */
export function writtenIn({text, finish}: Completion): WrittenAnswer | Unanswered {
  if (finish === 'filtered' || finish === 'refused') return {problem: ENDS[finish], unreadable: false};
  const texts = textsIn(text);
  if (texts !== undefined && (finish === 'stop' || texts.length > 0)) {
    return {kind: 'label', label: texts.length > 0 ? 0 : 1, texts};
  }
  if (finish === 'length') {
    return {
      problem: 'Its answer was cut off within the first text. Raise `maxTokens`; a model that thinks first needs more.',
      unreadable: false,
    };
  }
  return {problem: 'Its answer is no JSON with a list of `texts`. Try another model.', unreadable: true};
}

/** The whole texts of a list in JSON, without empty ones; undefined if there is no list. */
function textsIn(answer: string): readonly string[] | undefined {
  const start = answer.indexOf('[');
  if (start < 0) return undefined;
  const texts: string[] = [];
  const next = /\s*("(?:[^"\\]|\\.)*")\s*(,|\]|$)/suy;
  next.lastIndex = start + 1;
  for (let found = next.exec(answer); found !== null; found = next.exec(answer)) {
    const text = stringOf(found[1]!)?.trim();
    if (text) texts.push(text);
    if (found[2] !== ',') break;
  }
  return texts.length > 0 || /^\s*(\]|$)/u.test(answer.slice(start + 1)) ? texts : undefined;
}

/** Undefined if an escape in it is wrong, as some models write them. */
function stringOf(literal: string): string | undefined {
  try {
    return JSON.parse(literal.replaceAll(/[\n\r\t]/g, ' ')) as string;
  } catch {
    return undefined;
  }
}
