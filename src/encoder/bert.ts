import {join} from 'node:path';
import {z} from 'zod';
import {startEngine} from '../engine/engine.ts';
import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {type BertWeights, type Dense, type Norm, readBertWeights} from './bert-weights.ts';
import type {EncoderModel} from './encoder.ts';
import {ARCHITECTURES, type EncoderFolder, readSettings} from './folder.ts';
import {openTokenizer} from './tokenizer.ts';

const count = z.number().int().positive();
const bertSettings: z.ZodType<BertSettings> = z.object({
  model_type: z.string(),
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.string().nullish(),
  pad_token_id: z.number().int().nullish(),
  is_decoder: z.boolean().nullish(),
});

/** The used part of `config.json`. */
export interface BertSettings {
  readonly model_type: string;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_act: string;
  readonly layer_norm_eps: number;
  readonly position_embedding_type?: string | null | undefined;
  readonly pad_token_id?: number | null | undefined;
  readonly is_decoder?: boolean | null | undefined;
}

/**
 * Opens an encoder of BERT's family (Devlin et al. 2019, section 3; its layers are those of Vaswani et al. 2017,
 * section 3) from safetensors. Its forward pass runs on the engine.
 *
 * @throws InputError if its architecture is another, or a tensor is missing
 */
export async function openBert(folder: EncoderFolder): Promise<EncoderModel> {
  const {path, file} = folder;
  const settings = readSettings(path, 'config.json', bertSettings);
  checkArchitecture(path, settings);
  const tokensOf = openTokenizer(folder);
  await startEngine();
  const weights = await readBertWeights(join(path, file), settings);
  return {
    tokensOf,
    statesOf: async tokens => forward(tokens, weights, settings),
    close: () => weights.dispose(),
  };
}

function checkArchitecture(path: string, settings: BertSettings): void {
  const other = otherIn(settings);
  if (other === undefined) return;
  throw new InputError(
    `The encoder in ${path} is ${other}, which does not run here from safetensors. Put its ONNX export into onnx/model.onnx and name that file, or name an encoder of the architecture BERT, RoBERTa or XLM-RoBERTa.`,
  );
}

/** What is not computed here. */
function otherIn(settings: BertSettings): string | undefined {
  const {model_type: type, hidden_act: activation, position_embedding_type: positions} = settings;
  if (!Object.hasOwn(ARCHITECTURES, type)) return `of the architecture \`${type}\``;
  if (activation !== 'gelu') return `of the activation \`${activation}\``;
  if (positions && positions !== 'absolute') return `of \`${positions}\` positions`;
  return settings.is_decoder ? 'a decoder' : undefined;
}

/**
 * A multiple of the rows that native kernels of matrix products take at once. If the last of them are not full, they
 * are added up in another order.
 */
const ROWS = 24;
const rowsFor = (count: number): number => Math.ceil(count / ROWS) * ROWS;

/** @returns the states, [texts, tokens, hidden] */
function forward(tokens: readonly (readonly number[])[], weights: BertWeights, settings: BertSettings): Float32Array {
  const {hidden_size: hidden, layer_norm_eps: epsilon} = settings;
  const [texts, length] = [tokens.length, tokens[0]!.length];
  const count = texts * length;
  const rows = rowsFor(count);
  const input = embeddings(tokens, weights, hidden, rows);
  const states = tf.tidy(() => {
    let state = normalised(tf.tensor2d(input, [rows, hidden]), weights.norm, epsilon);
    for (const layer of weights.layers) {
      const mixed = attend(through(state, layer.attention), [texts, length], settings);
      state = normalised(tf.add(state, through(mixed, layer.merged)), layer.mergedNorm, epsilon);
      const wide = scaledGelu(through(state, layer.wide));
      state = normalised(tf.add(state, through(wide, layer.narrow)), layer.narrowNorm, epsilon);
    }
    return state.dataSync<'float32'>();
  });
  return states.subarray(0, count * hidden);
}

/** The sums of the embeddings of words and positions, [rows, hidden], with zeros at the end. */
function embeddings(
  tokens: readonly (readonly number[])[],
  {words, positions}: BertWeights,
  hidden: number,
  rows: number,
): Float32Array {
  const sums = new Float32Array(rows * hidden);
  let at = 0;
  for (const text of tokens) {
    for (const [position, token] of text.entries()) {
      const [word, start] = [token * hidden, position * hidden];
      for (let index = 0; index < hidden; index++) sums[at++] = words[word + index]! + positions[start + index]!;
    }
  }
  return sums;
}

function through(input: tf.Tensor2D, {kernel, bias}: Dense): tf.Tensor2D {
  return tf.fused.matMul({a: input, b: kernel, bias}) as tf.Tensor2D;
}

/** Layer normalisation (Ba et al. 2016, section 3). */
function normalised(input: tf.Tensor, {scale, shift}: Norm, epsilon: number): tf.Tensor2D {
  const centred = tf.sub(input, tf.mean(input, 1, true));
  const variance = tf.mean(tf.square(centred), 1, true);
  const normal = tf.mul<tf.Tensor2D>(centred, tf.rsqrt(tf.add(variance, epsilon)));
  return tf.add(tf.mul<tf.Tensor2D>(normal, scale), shift);
}

/**
 * Softmax of each row. The native engine's own operation and a number of rows that is no multiple add some rows up in
 * another order.
 */
function softmaxOf(scores: tf.Tensor4D): tf.Tensor4D {
  const length = scores.shape[3];
  const count = scores.size / length;
  const missing = rowsFor(count) - count;
  const flat = tf.reshape(scores, [count, length]);
  const rows =
    missing === 0
      ? flat
      : tf.pad(flat, [
          [0, missing],
          [0, 0],
        ]);
  const powers = tf.exp(tf.sub(rows, tf.max(rows, 1, true)));
  const shares = tf.div(powers, tf.sum(powers, 1, true));
  return tf.reshape(missing === 0 ? shares : tf.slice(shares, [0, 0], [count, length]), scores.shape);
}

/** GELU (Hendrycks and Gimpel 2016, section 2) of √2 times the input, divided by √½: the weights hold both factors. */
function scaledGelu(input: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(input, tf.add(tf.erf(input), 1));
}

/**
 * Attention within each text. The queries are already divided by the root of their width.
 *
 * @param mixed - queries, keys and values, [rows, 3 · hidden]
 * @returns [rows, hidden]
 */
function attend(
  mixed: tf.Tensor2D,
  [texts, length]: readonly [texts: number, length: number],
  {hidden_size: hidden, num_attention_heads: heads}: BertSettings,
): tf.Tensor2D {
  const [count, rows] = [texts * length, mixed.shape[0]];
  const own = count === rows ? mixed : tf.slice(mixed, [0, 0], [count, 3 * hidden]);
  const parts = tf.transpose(tf.reshape(own, [texts, length, 3, heads, hidden / heads]), [2, 0, 3, 1, 4]);
  const [queries, keys, values] = tf.unstack(parts) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const shares = softmaxOf(tf.matMul(queries, keys, false, true));
  const weighted = tf.matMul(shares, values);
  const joined: tf.Tensor2D = tf.reshape(tf.transpose(weighted, [0, 2, 1, 3]), [count, hidden]);
  return count === rows
    ? joined
    : tf.pad(joined, [
        [0, rows - count],
        [0, 0],
      ]);
}
