import {setImmediate} from 'node:timers/promises';
import {tf} from '../engine/tf.ts';
import type {Batch, BatchSource} from './batch-source.ts';
import type {Stopwatch} from './profile.ts';

interface PrefetchOptions {
  readonly source: BatchSource;
  readonly epoch: number;
  /** The rows of each batch. */
  readonly batches: Iterable<Int32Array>;
  readonly stopwatch: Stopwatch;
  readonly signal: AbortSignal | undefined;
}

/**
 * Gives the batches of an epoch, one after another. If the source has to be waited for, it fetches the next batch while
 * a step runs, never more than one.
 */
export class Prefetch {
  readonly #options: PrefetchOptions;
  readonly #rows: Iterator<Int32Array>;
  readonly #left = new AbortController();
  readonly #signal: AbortSignal;
  #next: Promise<Batch> | undefined;

  constructor(options: PrefetchOptions) {
    this.#options = options;
    this.#rows = options.batches[Symbol.iterator]();
    const {signal} = this.#left;
    this.#signal = options.signal ? AbortSignal.any([options.signal, signal]) : signal;
  }

  /** Returns the next batch. An error of its fetch is thrown here, and not while a step runs. */
  async take(): Promise<Batch> {
    const {source, stopwatch} = this.#options;
    const batch = await (this.#next ?? this.#ask())!;
    const part = source.waitsFor === 'teacher' ? 'teacher' : 'data';
    stopwatch.lap(part);
    if (source.waitsFor === undefined) return batch;
    this.#next = this.#ask();
    // The engine is synchronous, so the request must leave this process before the step. That can take a turn of the
    // event loop.
    for (let turn = 0; turn < 2; turn++) await setImmediate();
    stopwatch.lap(part);
    return batch;
  }

  /** Ends the fetch under way. */
  async close(): Promise<void> {
    this.#left.abort();
    const batch = await this.#next?.catch(() => undefined);
    if (batch !== undefined) disposeBatch(batch);
  }

  #ask(): Promise<Batch> | undefined {
    const {source, epoch, stopwatch} = this.#options;
    const {value: rows} = this.#rows.next();
    if (rows === undefined) return undefined;
    const batch = source.batch(rows, epoch, this.#signal);
    // The caller of `take` gets the error. Until then it must not count as unhandled.
    batch.catch(() => {});
    stopwatch.lap('data');
    return batch;
  }
}

export function disposeBatch({raw, targets}: Batch): void {
  if (raw instanceof tf.Tensor) raw.dispose();
  tf.dispose(targets.map(each => ({...each})));
}
