import type {Reply} from '../../src/teacher.ts';
import {Run, type RunOptions} from './run.ts';

/** A program that is started at the first query, and again after it has ended. */
export class Program {
  readonly #options: RunOptions;
  #run: Run | undefined;
  /** When the run before is gone: two at once may be more than memory holds. */
  #gone: Promise<void> = Promise.resolve();
  #asked = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /**
   * Asks one query, and gives the line that answers it.
   *
   * @throws TeacherError where the program ends, is silent for too long, or does not keep to the protocol; the signal's
   * reason after an abort
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
