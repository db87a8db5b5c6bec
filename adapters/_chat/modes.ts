import {InputError} from '../../src/errors.ts';
import type {TokenScores} from '../../src/service-probe.ts';
import type {Access, Detail, Json} from '../../src/teacher.ts';
import {type Aliases, type AliasOptions, readerWith} from '../_answers/aliases.ts';
import type {Body, ChatReading, ChatWords, Completion} from './dialect.ts';
import type {PromptWay} from './prompt.ts';
import {readConfidence, readLabel, readLogProbabilities, readVotes} from './readings.ts';

/** What is read off a language model's answer. */
export type Output = 'label' | 'confidence' | 'log-probabilities';

export type AccessOf<O extends Output> = O extends 'label' ? 'black-box' : 'gray-box';

export interface ModeOptions<O extends Output = Output> extends AliasOptions {
  /**
   * `label`: the class that the model names (black-box). `confidence`: that, and how sure it says it is, as the one most
   * probable class (gray-box). `log-probabilities`: the probability of every class, from those of the tokens (gray-box).
   */
  readonly output: O;
  /**
   * With `label`: how many answers to each text, asked for in one request and counted as votes.
   *
   * @default 1
   */
  readonly samples?: number;
  /**
   * Whether the service is told to give nothing but one of the classes, by a JSON schema. Never with
   * `log-probabilities`: a constrained answer's are not the model's own.
   *
   * @default true, where labels are read
   */
  readonly structured?: boolean;
  /**
   * With `log-probabilities`: how many tokens the service names at each place.
   *
   * @default 20, the most that most services give
   */
  readonly topLogprobs?: number;
  /**
   * With `log-probabilities`: whether the service takes them before or after it divides by the temperature, and cuts.
   *
   * @default 'before'
   */
  readonly logprobsTaken?: 'before-temperature' | 'after-temperature';
  /**
   * Of the sampling; null leaves it to the service, as models that refuse one want it.
   *
   * @default 0; null with `samples`; 1 where log-probabilities are taken after it
   */
  readonly temperature?: number | null;
}

/** How an output is asked for and read. */
export interface Mode<A extends Access = Access> {
  readonly access: A;
  readonly detail: Detail;
  readonly way: PromptWay;
  readonly spareTokens: number;
  readonly samples: number;
  readonly temperature: number | null;
  /** How many tokens to name at each place; undefined where none are read. */
  readonly topLogprobs: number | undefined;
  /** What the scores of those are. */
  readonly scores?: Omit<TokenScores, 'key'>;
  /** What an answer must look like; undefined where it is free. */
  schema(codes: readonly string[]): Body | undefined;
  /** Of an output that names classes. */
  readonly aliases?: Aliases | undefined;
  read(completions: readonly Completion[], words: ChatWords): ChatReading<A>;
  readonly reader: Json;
}

/** @throws InputError where options do not go together */
export function modeFor<O extends Output>(options: ModeOptions<O>, classes: readonly string[]): Mode<AccessOf<O>> {
  checkOptions(options);
  const modes = {label: labelMode, confidence: confidenceMode, 'log-probabilities': logProbabilitiesMode};
  const make = modes[options.output] as (options: ModeOptions, classes: readonly string[]) => Mode<Access>;
  if (make === undefined) {
    throw new InputError(`There is no output \`${options.output}\`. It is one of ${Object.keys(modes).join(', ')}.`);
  }
  return make(options, classes) as Mode<AccessOf<O>>;
}

/** The version of the readings below. */
const VERSION = 1;

/** JSON around an answer, and a token that ends it. */
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
  return {
    access: 'gray-box',
    detail: {kind: 'top-k', k: Math.min(classes.length, topLogprobs)},
    way: 'letters',
    // White space and a quotation mark may come first.
    spareTokens: 3,
    samples: 1,
    temperature,
    topLogprobs,
    scores: {meaning: isAfter ? 'processed' : 'raw', topK: topLogprobs, temperature},
    schema: () => undefined,
    read: (completions, words): ChatReading<'gray-box'> =>
      readLogProbabilities(completions[0]!, words, isAfter ? (temperature ?? 1) : undefined),
    reader: {version: VERSION, ...(isAfter && {temperature})},
  };
}

function objectOf(properties: {readonly [name: string]: Json}): Body {
  return {type: 'object', properties, required: Object.keys(properties), additionalProperties: false};
}

function checkOptions(options: ModeOptions): void {
  const {output, samples = 1, structured, topLogprobs, logprobsTaken, temperature, aliases} = options;
  if (aliases !== undefined && output === 'log-probabilities') {
    throw new InputError(
      '`aliases` are of classes that a model names, and log-probabilities are of codes. Leave it out.',
    );
  }
  if (!Number.isInteger(samples) || samples < 1) {
    throw new InputError(`Expected \`samples\` to be a whole number above 0, got ${samples}.`);
  }
  if (samples > 1 && output !== 'label') {
    throw new InputError(`\`samples\` counts votes of labels, and \`output\` is ${output}. Leave one of them out.`);
  }
  if (samples > 1 && temperature === 0) {
    throw new InputError('At temperature 0 all `samples` are alike. Leave `temperature` out, or ask for one.');
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
    throw new InputError('Taken after a temperature of 0, log-probabilities tell nothing. Set `temperature: 1`.');
  }
}
