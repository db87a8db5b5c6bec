import {once} from '../concurrency.ts';
import {decodeImages} from '../data/decode-images.ts';
import type {Inputs, TensorInputs} from '../data/inputs.ts';
import type {EmbeddingReading} from '../data/text-reading.ts';
import {type EmbeddingModel, openEmbeddingModel} from './embedding-model.ts';
import {rawInputs} from './raw-inputs.ts';
import type {Student} from './student.ts';

/**
 * Turns inputs into the numbers that a student's preprocessing takes, as `rawInputs` does, and also makes embeddings
 * and decodes images. These are slow, so the signal is checked between batches.
 *
 * @throws InputError if the inputs are of another kind than the student reads, or the embedding model is missing
 */
export async function readInputs(student: Student, inputs: Inputs, signal?: AbortSignal): Promise<TensorInputs> {
  const {reading} = student;
  if (reading?.kind === 'embeddings' && inputs.kind === 'text') return embedTexts(inputs.texts, reading, signal);
  if (reading?.kind === 'image' && inputs.kind === 'image') return decodeImages(inputs.images, reading, signal);
  return rawInputs(student, inputs);
}

/** The number of texts whose embeddings are kept for each model. */
const MOST_KEPT = 2 ** 16;

/** The number of texts that are divided into batches at once: enough for full batches, and no long pause. */
const MOST_TOGETHER = 1024;

/** Embedders by reading and folder. */
const embedders = new Map<string, Embedder>();

/**
 * Makes the embeddings of texts, float32 [count, dimensions]. The numbers of a text don't depend on other texts. The
 * last 65,536 texts are kept and not computed again.
 *
 * @throws InputError if the model is missing, or isn't the one that the student was trained with
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
  const rows = await embedder.embed(texts, signal);
  for (const [row, embedding] of rows.entries()) data.set(embedding, row * dimensions);
  return {kind: 'tensor', dtype: 'float32', shape: [dimensions], count: texts.length, data};
}

class Embedder {
  readonly #kept = new Map<string, Promise<Float32Array>>();
  /** A missing file can be there the next time. */
  readonly #open: () => Promise<EmbeddingModel>;

  constructor(reading: EmbeddingReading) {
    this.#open = once(() => openEmbeddingModel(reading));
  }

  async embed(texts: readonly string[], signal: AbortSignal | undefined): Promise<readonly Float32Array[]> {
    const rows = new Map(texts.map(text => [text, this.#kept.get(text)]));
    const unknown = [...rows.keys()].filter(text => rows.get(text) === undefined);
    for (let start = 0; start < unknown.length; start += MOST_TOGETHER) {
      const model = await this.#open();
      for (const batch of model.batchesOf(unknown.slice(start, start + MOST_TOGETHER))) {
        signal?.throwIfAborted();
        const made = model.embed(batch);
        for (const [index, text] of batch.entries()) {
          const row = made.then(embeddings => embeddings[index]!);
          rows.set(text, this.#keep(text, row));
        }
        await made;
      }
    }
    return Promise.all(texts.map(text => rows.get(text)!));
  }

  #keep(text: string, made: Promise<Float32Array>): Promise<Float32Array> {
    this.#kept.set(text, made);
    // Deletes the oldest embedding.
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    made.catch(() => this.#kept.delete(text));
    return made;
  }
}
