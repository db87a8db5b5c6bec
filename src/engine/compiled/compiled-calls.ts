import type {tf} from '../tf.ts';
import {type NativeBackend, nativeBackend} from './binding.ts';
import {graphOf} from './graph.ts';
import {recordRows, recordTwice} from './record.ts';
import {Untraceable} from './recorder.ts';
import type {Recording} from './recording.ts';
import {Session} from './session.ts';

/** Calls with inputs of yet another shape run one operation at a time. */
const MOST_SHAPES = 8;

/**
 * Calls of one function, each run at once as a graph of TensorFlow's.
 *
 * The first call with inputs of a shape records what the function does, twice; where both recordings are the same, it
 * and all later ones run as a graph. Variables of TensorFlow.js that the function reads or assigns are found out; from
 * then on their values live in the graph, and `sync` brings them back. Where the engine is not native, or the function
 * can't be compiled, every call runs as it is.
 */
export class CompiledCalls {
  readonly #backend: NativeBackend | undefined = nativeBackend();
  /** Places in `#recordings`, by the inputs' types and shapes. */
  readonly #programs = new Map<string, number>();
  readonly #recordings: Recording[] = [];
  readonly #onFallback: ((reason: string) => void) | undefined;
  #session: Session | undefined;
  #fallback: string | undefined;

  /** @param onFallback - told `fallback` once, when it is known */
  constructor(onFallback?: (reason: string) => void) {
    this.#onFallback = onFallback;
  }

  /**
   * One call.
   *
   * @param inputs - all tensors that change from call to call and are not variables
   * @param run - uses them, and does the same each time but for their values and those of variables
   * @returns what `run` gives, a tensor of 32-bit floats that is the caller's to dispose
   */
  call(inputs: readonly tf.Tensor[], run: () => tf.Tensor): tf.Tensor {
    const shapes = inputs.map(({dtype, shape}) => `${dtype} ${shape}`).join('; ');
    const program = this.#programFor(shapes, backend => recordTwice(backend, inputs, run));
    return this.#run(program, inputs, run);
  }

  /**
   * One call of a function of many rows, compiled once for any number of them.
   *
   * @param rows - [count, ...shape], all that changes from call to call and is not a variable
   * @param run - does the same for any number of rows, and each time but for their values and those of variables
   * @returns what `run` gives, a tensor of 32-bit floats that is the caller's to dispose
   */
  callRows(rows: tf.Tensor, run: (rows: tf.Tensor) => tf.Tensor): tf.Tensor {
    const [, ...shape] = rows.shape;
    const program = this.#programFor(`rows of ${rows.dtype} ${shape}`, backend => recordRows(backend, rows, run));
    return this.#run(program, [rows], () => run(rows));
  }

  /** Why calls run as they are though the engine is native, as a clause. */
  get fallback(): string | undefined {
    return this.#fallback;
  }

  /** Brings variables up to date with what the graph made of them. */
  sync(): void {
    this.#session?.sync();
  }

  dispose(): void {
    this.sync();
    this.#close();
    this.#programs.clear();
    this.#recordings.length = 0;
  }

  #run(program: number | undefined, inputs: readonly tf.Tensor[], run: () => tf.Tensor): tf.Tensor {
    if (program === undefined) {
      this.sync();
      return run();
    }
    const used = this.#recordings[program]!.inputs.map(({index}) => inputs[index]!);
    return this.#session!.run(program, used);
  }

  #programFor(shapes: string, record: (backend: NativeBackend) => Recording | Untraceable): number | undefined {
    if (this.#backend === undefined || this.#fallback !== undefined) return undefined;
    const known = this.#programs.get(shapes);
    if (known !== undefined || this.#programs.size === MOST_SHAPES) return known;
    const recording = record(this.#backend);
    if (recording instanceof Untraceable) return this.#giveUp(recording.reason);
    this.#programs.set(shapes, this.#recordings.push(recording) - 1);
    return this.#load(this.#backend);
  }

  /** Loads the latest recording. Sessions share no variables, so all recordings go into one graph. */
  #load(backend: NativeBackend): number | undefined {
    this.#close();
    try {
      this.#session = new Session(backend, graphOf(this.#recordings));
      return this.#recordings.length - 1;
    } catch (error) {
      const [message] = error instanceof Error ? error.message.split('\n') : [String(error)];
      return this.#giveUp(`TensorFlow refuses the graph (${message})`);
    }
  }

  #close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  #giveUp(reason: string): undefined {
    this.dispose();
    this.#fallback = reason;
    this.#onFallback?.(reason);
    return undefined;
  }
}
