import type {tf} from '../tf.ts';
import {type NativeBackend, nativeBackend} from './binding.ts';
import {graphOf} from './graph.ts';
import {recordRows, recordTwice} from './record.ts';
import {Untraceable} from './recorder.ts';
import type {Recording} from './recording.ts';
import {Session} from './session.ts';

/** Most shapes of inputs that are compiled. Calls with further shapes run one operation at a time. */
const MOST_SHAPES = 8;

/**
 * Runs the calls of one function as a graph of TensorFlow.
 *
 * The first call with inputs of a shape records the function twice. If both recordings are the same, this call and all
 * later ones run as a graph. The recording finds the variables of TensorFlow.js that the function reads or assigns.
 * From then on their values live in the graph, and `sync` brings them back. If the engine is not native, or the
 * function can't be compiled, every call runs uncompiled.
 */
export class CompiledCalls {
  readonly #backend: NativeBackend | undefined = nativeBackend();
  /** Indices in `#recordings`, by the inputs' types and shapes. */
  readonly #programs = new Map<string, number>();
  readonly #recordings: Recording[] = [];
  readonly #onFallback: ((reason: string) => void) | undefined;
  #session: Session | undefined;
  #fallback: string | undefined;

  /** @param onFallback - called once with `fallback`, when it is known */
  constructor(onFallback?: (reason: string) => void) {
    this.#onFallback = onFallback;
  }

  /**
   * Makes one call.
   *
   * @param inputs - all tensors that change from call to call and are not variables
   * @param run - uses the inputs; only their values and those of variables can differ between calls
   * @returns what `run` gives, a tensor of 32-bit floats that is the caller's to dispose
   */
  call(inputs: readonly tf.Tensor[], run: () => tf.Tensor): tf.Tensor {
    const shapes = inputs.map(({dtype, shape}) => `${dtype} ${shape}`).join('; ');
    const program = this.#programFor(shapes, backend => recordTwice(backend, inputs, run));
    return this.#run(program, inputs, run);
  }

  /**
   * Makes one call of a function of many rows. It is compiled once for any number of rows.
   *
   * @param rows - [count, ...shape], the only thing that changes from call to call and is not a variable
   * @param run - does the same for any number of rows; only their values and those of variables can differ between
   * calls
   * @returns what `run` gives, a tensor of 32-bit floats that is the caller's to dispose
   */
  callRows(rows: tf.Tensor, run: (rows: tf.Tensor) => tf.Tensor): tf.Tensor {
    const [, ...shape] = rows.shape;
    const program = this.#programFor(`rows of ${rows.dtype} ${shape}`, backend => recordRows(backend, rows, run));
    return this.#run(program, [rows], () => run(rows));
  }

  /** A clause that says why calls run uncompiled although the engine is native. */
  get fallback(): string | undefined {
    return this.#fallback;
  }

  /** Updates the variables from their values in the graph. */
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

  /** Loads the latest recording. Sessions can't share variables, so all recordings go into one graph. */
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
