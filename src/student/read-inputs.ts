import type {Inputs, TensorInputs} from '../data/inputs.ts';
import type {EmbeddingReading} from '../data/text-embedding.ts';
import {type Embed, openEmbeddingModel} from './embedding-model.ts';
import {rawInputs} from './raw-inputs.ts';
import type {Student} from './student.ts';

/**
 * Inputs as the numbers that a student's preprocessing takes, as `rawInputs` gives them, and of students on embeddings,
 * too. These take their time: between texts the signal is heard.
 *
 * @throws InputError where they are of another kind than the student reads, or the model of embeddings is missing
 */
export async function readInputs(student: Student, inputs: Inputs, signal?: AbortSignal): Promise<TensorInputs> {
  const {reading} = student;
  if (reading?.kind === 'embeddings' && inputs.kind === 'text') return embedTexts(inputs.texts, reading, signal);
  return rawInputs(student, inputs);
}

/** Texts whose embeddings are kept, of each model. */
const MOST_KEPT = 2 ** 16;

/** By what is read and from where. */
const embedders = new Map<string, Embedder>();

/**
 * The embeddings of texts, float32 [count, dimensions]. Each text goes through the model by itself, so that its numbers
 * don't depend on others beside it, and once, as long as there are no more than 65,536.
 *
 * @throws InputError where the model is missing or another than the student learned with
 */
async function embedTexts(
  texts: readonly string[],
  reading: EmbeddingReading,
  signal?: AbortSignal,
): Promise<TensorInputs> {
  const {dimensions} = reading;
  const key = JSON.stringify(reading);
  const embedder = embedders.get(key) ?? new Embedder(reading);
  embedders.set(key, embedder);
  const data = new Float32Array(texts.length * dimensions);
  for (const [row, text] of texts.entries()) {
    signal?.throwIfAborted();
    data.set(await embedder.embed(text), row * dimensions);
  }
  return {kind: 'tensor', dtype: 'float32', shape: [dimensions], count: texts.length, data};
}

class Embedder {
  readonly #reading: EmbeddingReading;
  readonly #kept = new Map<string, Promise<Float32Array>>();
  #opening: Promise<Embed> | undefined;

  constructor(reading: EmbeddingReading) {
    this.#reading = reading;
  }

  embed(text: string): Promise<Float32Array> {
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    const made = this.#make(text);
    this.#kept.set(text, made);
    // The one that was made first.
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    made.catch(() => this.#kept.delete(text));
    return made;
  }

  async #make(text: string): Promise<Float32Array> {
    this.#opening ??= openEmbeddingModel(this.#reading).catch(error => {
      // What was missing may be there the next time.
      this.#opening = undefined;
      throw error;
    });
    return (await this.#opening)(text);
  }
}
