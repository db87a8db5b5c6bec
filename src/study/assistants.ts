import {type Assistant, fitAssistant, type UnlabelledOptions} from '../assistant/assistant.ts';
import {headLogits} from '../assistant/linear-head.ts';
import {concatenated, logSoftmaxRows, oneHot} from '../data/arrays.ts';
import {concatenatedInputs, type Inputs} from '../data/inputs.ts';
import {mixSeed} from '../data/random.ts';
import {type AssistedKnowledge, assistedKnowledge} from '../knowledge/assisted.ts';
import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import type {AssistantReading} from './assistant-reading.ts';
import type {TextVectors} from './expect-next.ts';
import type {AssistantUse} from './methods.ts';
import {inMemory, unlabelledInputs} from './unlabelled.ts';

/** What a student learns from with an assistant's help. */
export interface Assisted {
  /** Undefined if the assistant is left out. */
  readonly knowledge: AssistedKnowledge | undefined;
  readonly use: AssistantUse;
}

/** The most further inputs that an assistant labels if a recipe says nothing. */
const MOST_UNLABELLED = 20_000;
/** The weight of an assistant's labels is never further from that of an answer than by this factor. */
const MOST_WEIGHT = 10;

/** The assistants of a study: a frozen encoder, and a head for each set of answers that a student learns from. */
export class Assistants {
  readonly #options: UnlabelledOptions;
  readonly #recipe: Pick<ResolvedRecipe, 'data' | 'transfer'>;
  readonly #reading: AssistantReading;
  /** By the answers of a method: the inputs that they are not about. */
  readonly #unlabelled = new WeakMap<object, Promise<Encoded>>();

  /** By the answers that taught it, and by seed: students that learn from the same answers share one. */
  readonly #taught = new WeakMap<object, Map<number, Promise<Assisted>>>();

  constructor(
    options: UnlabelledOptions,
    recipe: Pick<ResolvedRecipe, 'data' | 'transfer'>,
    reading: AssistantReading,
  ) {
    this.#options = options;
    this.#recipe = recipe;
    this.#reading = reading;
  }

  /** Stands for all that decides labels, beside the answers. */
  get identity(): object {
    return this.#reading.identity;
  }

  /**
   * Fits an assistant to answers, and labels the inputs of the training split that nobody answered about. Inputs of the
   * test split never take part, nor do those whose answers calibrate students.
   *
   * @param known - the answers to learn from
   * @param all - all answers of the method, these among them
   */
  teach(known: Knowledge | StoredKnowledge, all: Knowledge | StoredKnowledge, seed: number): Promise<Assisted> {
    const bySeed = this.#taught.get(known) ?? new Map<number, Promise<Assisted>>();
    this.#taught.set(known, bySeed);
    const found = bySeed.get(seed) ?? this.#teach(known, all, seed);
    bySeed.set(seed, found);
    return found;
  }

  async #teach(known: Knowledge | StoredKnowledge, all: Knowledge | StoredKnowledge, seed: number): Promise<Assisted> {
    const answered = await inMemory(known);
    const {count} = answered.inputs;
    const encodings = await this.#reading.encode(answered.inputs);
    const {head, ...chosen} = await this.#fit(answered, encodings, seed);
    const isOfNumbers = answered.inputs.kind === 'tensor';
    const use = {
      ...chosen,
      encoder: this.#reading.name,
      answers: count,
      ...(isOfNumbers && {plainly: 'numbers' as const}),
    };
    if (!head) return {knowledge: undefined, use: {...use, further: 0, weight: 0}};
    const further = await this.#unlabelledBeside(all);
    const both = concatenatedInputs(answered.inputs, further.inputs);
    const labelsOf = (rows: Float32Array): Float32Array =>
      new Float32Array(logSoftmaxRows(headLogits(head, rows), answered.classes.length));
    const assisted: Knowledge = {
      ...answered,
      detail: {kind: 'log-probabilities'},
      inputs: both,
      answers: {
        kind: 'log-probabilities',
        count: both.count,
        logProbabilities: concatenated(labelsOf(encodings), labelsOf(further.encodings)),
      },
    };
    const weight = weightOf(chosen.agreement);
    return {
      knowledge: assistedKnowledge(known, assisted, weight),
      use: {...use, further: further.inputs.count, weight},
    };
  }

  async #fit({inputs, answers, classes}: Knowledge, encodings: Float32Array, seed: number): Promise<Assistant> {
    const {labels, logProbabilities} = targetsOf(answers, classes.length);
    return fitAssistant({
      width: encodings.length / inputs.count,
      classes: classes.length,
      encodings,
      targets: logProbabilities?.map(Math.exp) ?? oneHot(labels, classes.length),
      labels,
      names: await this.#reading.namesOf(classes),
      plain: this.#reading.plainOf(inputs),
      seed: mixSeed(seed, 'assistant'),
    });
  }

  /** The vectors of texts, and the names of classes as the encoder reads them; undefined if it reads no words. */
  vectorsOf(classes: readonly string[]): TextVectors | undefined {
    return this.#reading.vectorsOf(classes);
  }

  close(): Promise<void> {
    return this.#reading.close();
  }

  #unlabelledBeside(all: Knowledge | StoredKnowledge): Promise<Encoded> {
    const known = this.#unlabelled.get(all);
    if (known !== undefined) return known;
    const encoded = this.#drawUnlabelled(all);
    this.#unlabelled.set(all, encoded);
    return encoded;
  }

  async #drawUnlabelled(all: Knowledge | StoredKnowledge): Promise<Encoded> {
    const inputs = await unlabelledInputs(this.#recipe, all, this.#options.unlabelled ?? MOST_UNLABELLED);
    return {inputs, encodings: await this.#reading.encode(inputs)};
  }
}

interface Encoded {
  readonly inputs: Inputs;
  /** [inputs, dimensions] */
  readonly encodings: Float32Array;
}

/** The odds that an assistant names the class of an answer that it has not seen. */
function weightOf(agreement: number): number {
  return Math.min(MOST_WEIGHT, Math.max(1 / MOST_WEIGHT, agreement / (1 - agreement)));
}
