import {InputError} from '../../src/errors.ts';
import {kinds, oneOf, type Shape} from '../../src/options.ts';
import type {TokenScores} from '../../src/service-features.ts';
import type {Access, Detail, Json, LabelAnswer, TopKAnswer, VotesAnswer} from '../../src/teacher.ts';
import {ALIAS_KINDS, type Aliases, type AliasOptions, readerWith, unknownLabel} from '../_answers/labels.ts';
import type {Body, ChatReading, ChatWords, Completion, Unanswered} from './dialect.ts';
import {type ProjectionOptions, projectCompletion, sharedNote} from './projection.ts';
import {labelText, parseLabel} from './projection-text.ts';
import type {PromptWay} from './prompt.ts';

/** The part of a language model's answer that is read. */
export type Output = 'label' | 'confidence' | 'log-probabilities';

export type AccessOf<O extends Output> = O extends 'label' ? 'black-box' : 'gray-box';

export interface ModeOptions<O extends Output = Output> extends AliasOptions {
  /**
   * `label`: the class that the model names (black-box). `confidence`: that class and the confidence that the model
   * states, as the one most probable class (gray-box). `log-probabilities`: the probability of every class, computed
   * from those of the tokens (gray-box).
   */
  readonly output: O;
  /**
   * With `label`: the number of answers per text, asked for in one request and counted as votes.
   *
   * @default 1
   */
  readonly samples?: number;
  /**
   * If true, a JSON schema constrains the answer to one of the classes. Not allowed with `log-probabilities`, because a
   * constrained answer's log-probabilities are not the model's own.
   *
   * @default true, if labels are read
   */
  readonly structured?: boolean;
  /**
   * With `log-probabilities`: the number of tokens that the service lists per position.
   *
   * @default 20, the most that most services give
   */
  readonly topLogprobs?: number;
  /**
   * With `log-probabilities`: whether the service takes them before or after it applies the temperature and truncates.
   *
   * @default 'before'
   */
  readonly logprobsTaken?: 'before-temperature' | 'after-temperature';
  /**
   * The sampling temperature. With null, the service decides, which some models require.
   *
   * @default 0; null with `samples`; 1 if log-probabilities are taken after it
   */
  readonly temperature?: number | null;
}

/** The kinds of `ModeOptions`. */
export const MODE_KINDS: Shape<ModeOptions> = {
  ...ALIAS_KINDS,
  output: oneOf('label', 'confidence', 'log-probabilities'),
  samples: kinds.number,
  structured: kinds.flag,
  topLogprobs: kinds.number,
  logprobsTaken: oneOf('before-temperature', 'after-temperature'),
  temperature: kinds.numberOrNull,
};

/** How an output is asked for and read. */
export interface Mode<A extends Access = Access> {
  readonly access: A;
  readonly detail: Detail;
  readonly way: PromptWay;
  readonly spareTokens: number;
  readonly samples: number;
  readonly temperature: number | null;
  /** The number of tokens to list per position; undefined if none are read. */
  readonly topLogprobs: number | undefined;
  /** The kind of those tokens' scores. */
  readonly scores?: Omit<TokenScores, 'key'> | undefined;
  /** Returns the schema of an answer; undefined if the answer is free text. */
  schema(codes: readonly string[]): Body | undefined;
  /** Aliases, if the output names classes. */
  readonly aliases?: Aliases | undefined;
  read(completions: readonly Completion[], words: ChatWords): ChatReading<A>;
  /** Returns what the user should know about completions that were read. */
  note?(completions: readonly Completion[], words: ChatWords): string | undefined;
  readonly reader: Json;
}

/** @throws InputError if options exclude each other */
export function modeFor<O extends Output>(options: ModeOptions<O>, classes: readonly string[]): Mode<AccessOf<O>> {
  checkOptions(options);
  const modes = {label: labelMode, confidence: confidenceMode, 'log-probabilities': logProbabilitiesMode};
  const make = modes[options.output] as (options: ModeOptions, classes: readonly string[]) => Mode<Access>;
  if (make === undefined) {
    throw new InputError(`There is no output \`${options.output}\`. Use one of ${Object.keys(modes).join(', ')}.`);
  }
  return make(options, classes) as Mode<AccessOf<O>>;
}

/** The version of the readings below. */
const VERSION = 1;

/** Tokens of the JSON around an answer, and a token that ends it. */
const WRAPPING = 24;

function labelMode({samples = 1, structured = true, temperature, aliases}: ModeOptions): Mode<'black-box'> {
  const isVote = samples > 1;
  return {
    access: 'black-box',
    detail: {kind: isVote ? 'votes' : 'label'},
    way: 'names',
    spareTokens: WRAPPING,
    samples,
    temperature: temperature === undefined ? (isVote ? null : 0) : temperature,
    topLogprobs: undefined,
    schema: codes => (structured ? objectOf({label: {type: 'string', enum: codes}}) : undefined),
    read: (completions, words): ChatReading<'black-box'> =>
      isVote ? readVotes(completions, words, samples) : readLabel(completions[0]!, words),
    aliases,
    reader: readerWith({version: VERSION}, aliases),
  };
}

function confidenceMode({structured = true, temperature = 0, aliases}: ModeOptions): Mode<'gray-box'> {
  return {
    access: 'gray-box',
    detail: {kind: 'top-k', k: 1},
    way: 'confidence',
    spareTokens: 2 * WRAPPING,
    samples: 1,
    temperature,
    topLogprobs: undefined,
    schema: codes =>
      structured ? objectOf({label: {type: 'string', enum: codes}, confidence: {type: 'integer'}}) : undefined,
    read: (completions, words): ChatReading<'gray-box'> => readConfidence(completions[0]!, words),
    aliases,
    reader: readerWith({version: VERSION}, aliases),
  };
}

function logProbabilitiesMode(options: ModeOptions, classes: readonly string[]): Mode<'gray-box'> {
  const {topLogprobs = 20, logprobsTaken = 'before-temperature'} = options;
  const isAfter = logprobsTaken === 'after-temperature';
  const {temperature = isAfter ? 1 : 0} = options;
  const divided = isAfter ? {temperature: temperature ?? 1} : {};
  return {
    access: 'gray-box',
    detail: {kind: 'top-k', k: Math.min(classes.length, topLogprobs)},
    way: 'letters',
    // White space and a quotation mark can come first.
    spareTokens: 3,
    samples: 1,
    temperature,
    topLogprobs,
    scores: {meaning: isAfter ? 'processed' : 'raw', topK: topLogprobs, temperature},
    schema: () => undefined,
    read: (completions, {codes}): ChatReading<'gray-box'> =>
      readLogProbabilities(completions[0]!, {labels: codes, ...divided}),
    note: (completions, {codes}) => sharedNote(completions[0]!, {labels: codes, ...divided}),
    reader: {version: VERSION, ...(isAfter && {temperature})},
  };
}

/** The schema of an object with these fields and no others. */
export function objectOf(properties: {readonly [name: string]: Json}): Body {
  return {type: 'object', properties, required: Object.keys(properties), additionalProperties: false};
}

function checkOptions(options: ModeOptions): void {
  const {output, samples = 1, structured, topLogprobs, logprobsTaken, temperature, aliases} = options;
  if (aliases !== undefined && output === 'log-probabilities') {
    throw new InputError(
      '`aliases` are for classes that a model names, and log-probabilities are of codes. Leave it out.',
    );
  }
  if (!Number.isInteger(samples) || samples < 1) {
    throw new InputError(`Expected \`samples\` to be a whole number above 0, got ${samples}.`);
  }
  if (samples > 1 && output !== 'label') {
    throw new InputError(`\`samples\` counts votes of labels, and \`output\` is ${output}. Leave one of them out.`);
  }
  if (samples > 1 && temperature === 0) {
    throw new InputError('At temperature 0 all `samples` are the same. Leave `temperature` out, or ask for one.');
  }
  if (structured && output === 'log-probabilities') {
    throw new InputError('Log-probabilities of a constrained answer are not the model’s own. Leave `structured` out.');
  }
  if (output !== 'log-probabilities' && (topLogprobs !== undefined || logprobsTaken !== undefined)) {
    throw new InputError(`\`topLogprobs\` and \`logprobsTaken\` need \`output: 'log-probabilities'\`, not ${output}.`);
  }
  if (topLogprobs !== undefined && (!Number.isInteger(topLogprobs) || topLogprobs < 1)) {
    throw new InputError(`Expected \`topLogprobs\` to be a whole number above 0, got ${topLogprobs}.`);
  }
  if (logprobsTaken === 'after-temperature' && temperature === 0) {
    throw new InputError('Log-probabilities taken after a temperature of 0 hold nothing. Set `temperature: 1`.');
  }
}

/** Returns the class that a completion names, by its code, its name or an alias. */
function readLabel(completion: Completion, words: ChatWords): LabelAnswer | Unanswered {
  const label = labelOf(completion, words);
  return typeof label === 'number' ? {kind: 'label', label} : label;
}

/** Counts how often one reply names each class. Completions that name no class are left out, unless all are such. */
function readVotes(completions: readonly Completion[], words: ChatWords, samples: number): VotesAnswer | Unanswered {
  if (completions.length < samples) {
    const problem = `It gave ${completions.length} answers, though ${samples} were asked for. Leave \`samples\` out, and ask with \`repeat(teacher, {samples: ${samples}})\`.`;
    return {problem, unreadable: false};
  }
  const labels = completions.map(completion => labelOf(completion, words));
  const counts = new Uint32Array(words.classes.length);
  for (const label of labels) if (typeof label === 'number') counts[label]!++;
  const isNamed = labels.some(label => typeof label === 'number');
  return isNamed ? {kind: 'votes', counts} : (labels[0] as Unanswered);
}

/** Returns the class that a completion names and its stated confidence. The other classes share the remainder. */
function readConfidence(completion: Completion, words: ChatWords): TopKAnswer | Unanswered {
  const label = labelOf(completion, words);
  if (typeof label !== 'number') return label;
  const percent = Number(/"confidence"\s*:\s*"?(\d+(?:\.\d+)?)/.exec(completion.text)?.[1]);
  // A number between 0 and 1 can be a share of 1 or of 100, so it is refused.
  if (!(percent <= 100) || (percent > 0 && percent < 1)) {
    return {problem: 'It does not say how sure it is, from 0 to 100. Check the prompt.', unreadable: true};
  }
  const probability = Math.max(percent / 100, LEAST_CONFIDENCE);
  return {
    kind: 'top-k',
    classes: Int32Array.of(label),
    logProbabilities: Float32Array.of(Math.log(probability)),
    rest: 1 - probability,
  };
}

/** Half a percent stands for zero, which has no logarithm. */
const LEAST_CONFIDENCE = 0.005;

/** Returns the distribution over classes by the log-probabilities of a free completion. */
function readLogProbabilities(completion: Completion, options: ProjectionOptions): TopKAnswer | Unanswered {
  if (completion.finish !== 'length' && completion.finish !== 'stop')
    return {problem: EARLY_ENDS[completion.finish], unreadable: false};
  const answer = projectCompletion(completion, options);
  return typeof answer === 'string' ? {problem: answer, unreadable: false} : answer;
}

function labelOf({finish, text}: Completion, words: ChatWords): number | Unanswered {
  if (finish !== 'stop') return {problem: EARLY_ENDS[finish], unreadable: false};
  const {classes, codes, aliased} = words;
  const label = parseLabel(text, {lists: [codes, classes], aliased});
  if (label !== undefined) return label;
  const problem = `Its answer names none of the ${classes.length} classes`;
  return {...unknownLabel(labelText(text), words, problem, 'Check the prompt.'), unreadable: true};
}

/** The problem of a completion that did not end by itself. */
export const EARLY_ENDS = {
  length: 'Its answer was cut off at the token limit. Raise `maxTokens`; a model that thinks first needs many more.',
  filtered: 'A content filter of the service stopped the answer.',
  refused: 'The model refused to answer about this text.',
} as const;
