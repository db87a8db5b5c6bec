import {once} from '../concurrency.ts';
import {decodeImages} from '../data/decode-images.ts';
import type {Inputs, TensorInputs} from '../data/inputs.ts';
import type {EmbeddingReading} from '../data/text-reading.ts';
import type {Encoder} from '../encoder/encoder.ts';
import {readFolder} from '../encoder/folder.ts';
import {openFolder} from '../encoder/open.ts';
import {InputError} from '../errors.ts';
import {type RawInputs, rawInputs} from './raw-inputs.ts';
import type {Student} from './student.ts';

/**
 * Turns inputs into the numbers that a student's preprocessing takes, as `rawInputs` does, and also makes embeddings
 * and decodes images. These are slow, so the signal is checked between batches.
 *
 * @throws InputError if the inputs are of another kind than the student reads, or the embedding model is missing
 */
export async function readInputs(student: Student, inputs: Inputs, signal?: AbortSignal): Promise<RawInputs> {
  const {reading} = student;
  if (reading?.kind === 'embeddings' && inputs.kind === 'text') return embedTexts(inputs.texts, reading, signal);
  if (reading?.kind === 'image' && inputs.kind === 'image') return decodeImages(inputs.images, reading, signal);
  return rawInputs(student, inputs);
}

/** The number of texts whose embeddings are kept for each model. */
const MOST_KEPT = 2 ** 16;

/** The number of texts that are encoded between two looks at the signal, which other callers may share. */
const MOST_TOGETHER = 128;

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

/**
 * Opens the encoder of a student.
 *
 * @throws InputError if it is missing, or isn't the one that the student was trained with
 */
async function openReading(reading: EmbeddingReading): Promise<Encoder> {
  const {path, file, output, pooling = 'mean', tokens, length, model} = reading;
  const folder = readFolder(path, {file, output, pooling, tokens, length});
  if (folder.hash === model) return openFolder(folder, path);
  throw new InputError(
    `The encoder in ${folder.path} is not the one that the student was trained with, so its embeddings don't fit. Give the folder of that encoder, or train the student again.`,
  );
}

/** Forgets the embeddings that are kept in memory, so that the next ones are computed. */
export function forgetEmbeddings(): void {
  for (const embedder of embedders.values()) embedder.forget();
}

class Embedder {
  readonly #kept = new Map<string, Promise<Float32Array>>();
  /** A missing file can be there the next time. */
  readonly #open: () => Promise<Encoder>;

  constructor(reading: EmbeddingReading) {
    this.#open = once(() => openReading(reading));
  }

  forget(): void {
    this.#kept.clear();
  }

  async embed(texts: readonly string[], signal: AbortSignal | undefined): Promise<readonly Float32Array[]> {
    const rows = new Map(texts.map(text => [text, this.#kept.get(text)]));
    const unknown = [...rows.keys()].filter(text => rows.get(text) === undefined);
    // Texts of like lengths make full batches.
    unknown.sort((a, b) => a.length - b.length);
    for (let start = 0; start < unknown.length; start += MOST_TOGETHER) {
      const encoder = await this.#open();
      const some = unknown.slice(start, start + MOST_TOGETHER);
      signal?.throwIfAborted();
      const made = encoder.encode(some);
      for (const [index, text] of some.entries()) {
        const row = made.then(vectors => vectors.slice(index * encoder.dimensions, (index + 1) * encoder.dimensions));
        rows.set(text, this.#keep(text, row));
      }
      await made;
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
