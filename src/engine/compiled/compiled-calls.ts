import type {tf} from '../tf.ts';
import {type NativeBackend, nativeBackend} from './binding.ts';
import {graphOf} from './graph.ts';
import {record} from './record.ts';
import {Untraceable} from './recorder.ts';
import {differenceOf, type Recording} from './recording.ts';
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
  #isPossible = this.#backend !== undefined;

  /** @param onFallback - told once, as a clause, why calls run as they are though the engine is native */
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
    const program = this.#programFor(inputs, run);
    if (program === undefined) {
      this.sync();
      return run();
    }
    const used = this.#recordings[program]!.inputs.map(({index}) => inputs[index]!);
    return this.#session!.run(program, used);
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

  #programFor(inputs: readonly tf.Tensor[], run: () => tf.Tensor): number | undefined {
    if (!this.#isPossible) return undefined;
    const shapes = inputs.map(({dtype, shape}) => `${dtype} ${shape}`).join('; ');
    const known = this.#programs.get(shapes);
    if (known !== undefined || this.#programs.size === MOST_SHAPES) return known;
    this.sync();
    const recording = recordTwice(this.#backend!, inputs, run);
    if (recording instanceof Untraceable) return this.#giveUp(recording.reason);
    this.#programs.set(shapes, this.#recordings.push(recording) - 1);
    return this.#load();
  }

  /** Loads the latest recording. Sessions share no variables, so all recordings go into one graph. */
  #load(): number | undefined {
    this.#close();
    try {
      this.#session = new Session(this.#backend!, graphOf(this.#recordings));
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
    this.#isPossible = false;
    this.#onFallback?.(reason);
    return undefined;
  }
}

/** What the same call did both times, or why it can't be told. */
function recordTwice(
  backend: NativeBackend,
  inputs: readonly tf.Tensor[],
  run: () => tf.Tensor,
): Recording | Untraceable {
  const first = record(backend, inputs, run);
  if (first instanceof Untraceable) return first;
  const second = record(backend, inputs, run);
  if (second instanceof Untraceable) return second;
  const difference = differenceOf(first, second);
  return difference === undefined ? second : new Untraceable(difference);
}
