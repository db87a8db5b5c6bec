import {imageBase64} from '../../src/input-kinds.ts';
import type {Input, Reply} from '../../src/teacher.ts';
import {Run, type RunOptions} from './run.ts';

/** Returns the problem with an input that holds numbers that JSON lacks. */
export function problemWith(input: Input): string | undefined {
  if (input.kind !== 'tensor' || input.dtype !== 'float32' || input.data.every(Number.isFinite)) return undefined;
  return 'An input holds NaN or an infinite value, which JSON can not hold.';
}

/** Returns the fields of a line about an input. */
export function queryAbout(input: Input): object {
  switch (input.kind) {
    case 'text':
      return {text: input.text};
    case 'record':
      return {record: input.fields};
    case 'image':
      return {image: {mediaType: input.mediaType, base64: imageBase64(input)}};
    case 'tensor': {
      const {dtype, shape, data} = input;
      return {tensor: {dtype, shape, data: Array.from(data)}};
    }
  }
}

/** A program that is started at the first query, and again after it has ended. */
export class Program {
  readonly #options: RunOptions;
  #run: Run | undefined;
  /** Resolves when the previous run is gone, because two at once can exceed the memory. */
  #gone: Promise<void> = Promise.resolve();
  #asked = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /**
   * Sends one query and returns the line that answers it.
   *
   * @throws TeacherError if the program ends, is silent for too long, or breaks the protocol; the signal's reason after
   * an abort
   */
  async ask(query: object, signal: AbortSignal | undefined): Promise<Reply> {
    const id = ++this.#asked;
    await this.#gone;
    signal?.throwIfAborted();
    this.#run ??= this.#start();
    return this.#run.ask({id, ...query}, signal);
  }

  #start(): Run {
    const run = new Run(this.#options, () => {
      this.#gone = run.gone;
      this.#run = undefined;
    });
    return run;
  }
}
