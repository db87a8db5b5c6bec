import {type Assistant, type AssistantOptions, fitAssistant} from '../assistant/assistant.ts';
import {headLogits} from '../assistant/linear-head.ts';
import {concatenated, logSoftmaxRows, oneHot} from '../data/arrays.ts';
import {bucketReader, type NgramReading} from '../data/hashed-reading.ts';
import {mixSeed} from '../data/random.ts';
import type {Encoder} from '../encoder/encoder.ts';
import {withKeptEncodings} from '../encoder/kept.ts';
import {encoderHash, openOnDemand} from '../encoder/open.ts';
import {type AssistedKnowledge, assistedKnowledge} from '../knowledge/assisted.ts';
import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import type {TextVectors} from './expect-next.ts';
import type {AssistantUse} from './methods.ts';
import {inMemory, textsOf, unlabelledTexts} from './unlabelled.ts';

/** What a student learns from with an assistant's help. */
export interface Assisted {
  /** Undefined if the assistant is left out. */
  readonly knowledge: AssistedKnowledge | undefined;
  readonly use: AssistantUse;
}

/** The most further inputs that an assistant labels if a recipe says nothing. */
const MOST_UNLABELLED = 20_000;
/** The words and characters that are counted: those that `hashedNgrams` reads. */
const COUNTED: NgramReading = {kind: 'n-grams', buckets: 2 ** 14, words: 1, characters: [3, 4], length: 10_000};
/** The weight of an assistant's labels is never further from that of an answer than by this factor. */
const MOST_WEIGHT = 10;

/** The assistants of a study: a frozen encoder, and a head for each set of answers that a student learns from. */
export class Assistants {
  readonly #options: AssistantOptions;
  readonly #recipe: Pick<ResolvedRecipe, 'data' | 'transfer'>;
  readonly #directory: string;
  #encoder: Encoder | undefined;
  #identity: object | undefined;
  /** By the answers of a method: the inputs that they are not about. */
  readonly #unlabelled = new WeakMap<object, Promise<Encoded>>();

  /** @param directory - encodings are kept below it */
  constructor(options: AssistantOptions, recipe: Pick<ResolvedRecipe, 'data' | 'transfer'>, directory: string) {
    this.#options = options;
    this.#recipe = recipe;
    this.#directory = directory;
  }

  /** Stands for all that decides labels, beside the answers. */
  get identity(): object {
    // Hashes the files of the encoder.
    this.#identity ??= {...this.#options, encoder: encoderHash(this.#options.encoder)};
    return this.#identity;
  }

  /**
   * Fits an assistant to answers, and labels the inputs of the training split that nobody answered about. Inputs of the
   * test split never take part, nor do those whose answers calibrate students.
   *
   * @param known - the answers to learn from
   * @param all - all answers of the method, these among them
   */
  async teach(known: Knowledge | StoredKnowledge, all: Knowledge | StoredKnowledge, seed: number): Promise<Assisted> {
    const answered = await inMemory(known);
    const {texts} = textsOf(answered.inputs);
    const encodings = await this.#open().encode(texts);
    const {head, isUseful, ...chosen} = await this.#fit(answered, encodings, seed);
    const use = {...chosen, encoder: this.#options.encoder, answers: texts.length};
    if (!isUseful) return {knowledge: undefined, use: {...use, further: 0, weight: 0}};
    const further = await this.#unlabelledBeside(all);
    const both = [...texts, ...further.texts];
    const labelsOf = (rows: Float32Array): Float32Array =>
      Float32Array.from(logSoftmaxRows(headLogits(head, rows), answered.classes.length));
    const assisted: Knowledge = {
      ...answered,
      detail: {kind: 'log-probabilities'},
      inputs: {kind: 'text', count: both.length, texts: both},
      answers: {
        kind: 'log-probabilities',
        count: both.length,
        logProbabilities: concatenated(labelsOf(encodings), labelsOf(further.encodings)),
      },
    };
    const weight = weightOf(chosen.agreement);
    return {
      knowledge: assistedKnowledge(known, assisted, weight),
      use: {...use, further: further.texts.length, weight},
    };
  }

  async #fit({inputs, answers, classes}: Knowledge, encodings: Float32Array, seed: number): Promise<Assistant> {
    const encoder = this.#open();
    const {labels, logProbabilities} = targetsOf(answers, classes.length);
    return fitAssistant({
      width: encoder.dimensions,
      classes: classes.length,
      encodings,
      targets: logProbabilities?.map(Math.exp) ?? oneHot(labels, classes.length),
      labels,
      names: await encoder.encode(classes.map(name => this.#describe(name))),
      texts: textsOf(inputs).texts.map(bucketReader(COUNTED)),
      buckets: COUNTED.buckets,
      seed: mixSeed(seed, 'assistant'),
    });
  }

  /** The vectors of texts, and the names of classes as the encoder reads them. */
  async vectorsOf(classes: readonly string[]): Promise<TextVectors> {
    const encoder = this.#open();
    const names = classes.map(name => this.#describe(name));
    return {encoder: this.#options.encoder, width: encoder.dimensions, names, of: texts => encoder.encode(texts)};
  }

  async close(): Promise<void> {
    await this.#encoder?.close();
  }

  #open(): Encoder {
    this.#encoder ??= withKeptEncodings(openOnDemand(this.#options.encoder), this.#directory);
    return this.#encoder;
  }

  #describe(name: string): string {
    const words = name.replace(/[_\-./]+/g, ' ').trim() || name;
    const description = this.#options.descriptions?.[name];
    return description === undefined ? words : `${words}: ${description}`;
  }

  #unlabelledBeside(all: Knowledge | StoredKnowledge): Promise<Encoded> {
    const known = this.#unlabelled.get(all);
    if (known !== undefined) return known;
    const encoded = this.#drawUnlabelled(all);
    this.#unlabelled.set(all, encoded);
    return encoded;
  }

  async #drawUnlabelled(all: Knowledge | StoredKnowledge): Promise<Encoded> {
    const texts = await unlabelledTexts(this.#recipe, all, this.#options.unlabelled ?? MOST_UNLABELLED);
    return {texts, encodings: await this.#open().encode(texts)};
  }
}

interface Encoded {
  readonly texts: readonly string[];
  /** [texts, dimensions] */
  readonly encodings: Float32Array;
}

/** The odds that an assistant names the class of an answer that it has not seen. */
function weightOf(agreement: number): number {
  return Math.min(MOST_WEIGHT, Math.max(1 / MOST_WEIGHT, agreement / (1 - agreement)));
}
