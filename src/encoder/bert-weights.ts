import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {readTensors, type Tensor} from '../knowledge/safetensors.ts';
import type {BertSettings} from './bert-settings.ts';
import {ARCHITECTURES} from './folder.ts';

export interface Dense {
  /** [in, out] */
  readonly kernel: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

export interface Norm {
  readonly scale: tf.Tensor1D;
  readonly shift: tf.Tensor1D;
}

interface Layer {
  /** Queries, keys and values side by side. */
  readonly attention: Dense;
  readonly merged: Dense;
  readonly mergedNorm: Norm;
  readonly wide: Dense;
  readonly narrow: Dense;
  readonly narrowNorm: Norm;
}

export interface BertWeights {
  /** [words, hidden] */
  readonly words: Float32Array;
  /** Of the first token and those after it, with the embedding of the first type added; [positions, hidden] */
  readonly positions: Float32Array;
  readonly norm: Norm;
  readonly layers: readonly Layer[];
  dispose(): void;
}

/** A tensor of floats by its name without the model's own prefix. */
type Read = (name: string) => {readonly shape: readonly number[]; readonly data: Float32Array};

/**
 * Reads weights under the names that Hugging Face's Transformers gives them. Floats of 16 bits become floats of 32 bits.
 *
 * @throws InputError if one is missing or holds no floats
 */
export async function readBertWeights(path: string, settings: BertSettings): Promise<BertWeights> {
  const read = await reader(path);
  const held: tf.Variable[] = [];
  // Variables, because a compiled graph would copy tensors into itself.
  const keep = <T extends tf.Tensor>(tensor: T): T => {
    const variable = tf.variable(tensor, false);
    held.push(variable);
    return variable as tf.Tensor as T;
  };
  const norm = (name: string): Norm => ({
    scale: keep(vector(read, name, 'weight')),
    shift: keep(vector(read, name, 'bias')),
  });
  const dense = (...parts: readonly ScaledPart[]): Dense => ({
    kernel: keep(
      tf.concat2d(
        parts.map(part => kernel(read, part)),
        1,
      ),
    ),
    bias: keep(tf.concat1d(parts.map(({name, after = 1}) => tf.mul(vector(read, name, 'bias'), after)))),
  });
  const root = Math.sqrt(settings.num_attention_heads / settings.hidden_size);
  const layer = (index: number): Layer => {
    const start = `encoder.layer.${index}`;
    const self = `${start}.attention.self`;
    return {
      attention: dense({name: `${self}.query`, after: root}, {name: `${self}.key`}, {name: `${self}.value`}),
      merged: dense({name: `${start}.attention.output.dense`}),
      mergedNorm: norm(`${start}.attention.output.LayerNorm`),
      // Both factors of GELU, see `scaledGelu`.
      wide: dense({name: `${start}.intermediate.dense`, after: Math.SQRT1_2}),
      narrow: dense({name: `${start}.output.dense`, before: Math.SQRT1_2}),
      narrowNorm: norm(`${start}.output.LayerNorm`),
    };
  };
  tf.engine().startScope();
  try {
    return {
      words: read('embeddings.word_embeddings.weight').data,
      positions: positionsOf(read, settings),
      norm: norm('embeddings.LayerNorm'),
      layers: Array.from({length: settings.num_hidden_layers}, (_, index) => layer(index)),
      dispose: () => tf.dispose(held),
    };
  } finally {
    tf.engine().endScope();
  }
}

async function reader(path: string): Promise<Read> {
  const {tensors} = await readTensors(path);
  const first = 'embeddings.word_embeddings.weight';
  const prefix = ['', 'bert.', 'roberta.'].find(start => tensors.has(`${start}${first}`)) ?? '';
  return name => {
    const tensor = tensors.get(`${prefix}${name}`);
    const data = tensor && floatsOf(tensor);
    if (tensor && data) return {shape: tensor.shape, data};
    const fault = tensor === undefined ? 'has no tensor' : 'holds no floats of 16 or 32 bits in';
    throw new InputError(`${path} ${fault} ${name}. Save the encoder again, as 32-bit floats, or name another one.`);
  };
}

function floatsOf({dtype, data}: Tensor): Float32Array | undefined {
  if (dtype === 'F32') return data;
  // A bfloat16 is the upper half of a 32-bit float.
  if (dtype === 'BF16') return new Float32Array(Uint32Array.from(data, bits => bits * 2 ** 16).buffer);
  if (dtype !== 'F16') return undefined;
  float16s ??= Float32Array.from({length: 2 ** 16}, (_, bits) => float16(bits));
  const table = float16s;
  return Float32Array.from(data, bits => table[bits]!);
}

/** The number of each half-precision float, by its bits: an encoder has millions of them. */
let float16s: Float32Array | undefined;

/** The number of a half-precision float (IEEE 754-2008, section 3.4). */
function float16(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** A dense layer with factors for its input and its output. */
interface ScaledPart {
  readonly name: string;
  readonly before?: number;
  readonly after?: number;
}

function kernel(read: Read, {name, before = 1, after = 1}: ScaledPart): tf.Tensor2D {
  const {shape, data} = read(`${name}.weight`);
  return tf.mul(tf.transpose(tf.tensor2d(data, [shape[0]!, shape[1]!])), before * after);
}

function vector(read: Read, name: string, part: 'weight' | 'bias'): tf.Tensor1D {
  return tf.tensor1d(read(`${name}.${part}`).data);
}

function positionsOf(read: Read, {model_type, hidden_size: hidden, pad_token_id: padding}: BertSettings): Float32Array {
  const first = ARCHITECTURES[model_type]!(padding ?? 1);
  const type = read('embeddings.token_type_embeddings.weight').data;
  return read('embeddings.position_embeddings.weight')
    .data.subarray(first * hidden)
    .map((value, index) => value + type[index % hidden]!);
}
