import type {Inputs} from '../data/inputs.ts';
import type {Encoder} from '../encoder/encoder.ts';
import {withKeptEncodings} from '../encoder/kept.ts';
import {openOnDemand} from '../encoder/open.ts';
import {InputError} from '../errors.ts';
import type {Embeddings} from './strategy.ts';

/** An encoder and what it encoded in this selection. */
interface Opened {
  readonly encoder: Encoder;
  readonly vectors: Map<string, Float32Array>;
}

/** The encodings of a selection. Encoders are opened when they are first needed, and each text is encoded once. */
export class Encodings {
  readonly #directory: string | undefined;
  readonly #opened = new Map<string | Encoder, Opened>();

  /** @param directory - the folder of a cache, which keeps encodings for the next selection; undefined if none does */
  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  /** @throws InputError if the inputs are no texts, or the encoder can't be opened */
  async of(
    named: string | Encoder,
    candidates: Inputs,
    answered: Inputs,
    signal: AbortSignal | undefined,
  ): Promise<Embeddings> {
    const opened = this.#opened.get(named) ?? {encoder: this.#open(named), vectors: new Map()};
    this.#opened.set(named, opened);
    const {encoder} = opened;
    return {
      width: encoder.dimensions,
      candidates: await encode(opened, textsOf(candidates, encoder), signal),
      answered: await encode(opened, textsOf(answered, encoder), signal),
    };
  }

  #open(named: string | Encoder): Encoder {
    if (typeof named !== 'string') return named;
    const encoder = openOnDemand(named);
    return this.#directory === undefined ? encoder : withKeptEncodings(encoder, this.#directory);
  }

  /** Closes the encoders that it opened. */
  async close(): Promise<void> {
    for (const [named, {encoder}] of this.#opened) if (typeof named === 'string') await encoder.close();
    this.#opened.clear();
  }
}

async function encode(
  {encoder, vectors}: Opened,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const {dimensions} = encoder;
  const unknown = [...new Set(texts)].filter(text => !vectors.has(text));
  const made = unknown.length > 0 ? await encoder.encode(unknown, {signal}) : new Float32Array(0);
  for (const [row, text] of unknown.entries()) {
    vectors.set(text, made.subarray(row * dimensions, (row + 1) * dimensions));
  }
  const encoded = new Float32Array(texts.length * dimensions);
  for (const [row, text] of texts.entries()) encoded.set(vectors.get(text)!, row * dimensions);
  return encoded;
}

function textsOf(inputs: Inputs, {name}: Encoder): readonly string[] {
  if (inputs.kind === 'text') return inputs.texts;
  throw new InputError(
    `${name} encodes texts, and these inputs are of kind ${inputs.kind}. Choose without an encoder.`,
  );
}
