import {join} from 'node:path';
import {CompiledCalls} from '../engine/compiled/compiled-calls.ts';
import {startEngine} from '../engine/engine.ts';
import {tf, valuesOf} from '../engine/tf.ts';
import {type BertSettings, readBertSettings} from './bert-settings.ts';
import {type BertWeights, type Dense, type Norm, readBertWeights} from './bert-weights.ts';
import type {EncoderModel} from './encoder.ts';
import type {EncoderFolder} from './folder.ts';
import {openTokenizer} from './tokenizer.ts';

/**
 * Opens an encoder of BERT's family (Devlin et al. 2019, section 3; its layers are those of Vaswani et al. 2017,
 * section 3) from safetensors. Its forward pass runs on the engine.
 *
 * @throws InputError if its architecture is another, or a tensor is missing
 */
export async function openBert(folder: EncoderFolder): Promise<EncoderModel> {
  const {path, file} = folder;
  const settings = readBertSettings(path);
  const tokensOf = openTokenizer(folder);
  await startEngine();
  const weights = await readBertWeights(join(path, file), settings);
  const calls = new CompiledCalls();
  return {
    step: STEP,
    tokensOf,
    statesOf: async tokens => forward(tokens, weights, settings, calls),
    close() {
      calls.dispose();
      weights.dispose();
    },
  };
}

/**
 * A multiple of the rows that native kernels of matrix products take at once. If the last of them are not full, they
 * are added up in another order.
 */
const ROWS = 24;

/** A multiple of the numbers that native kernels of sums take at once, for the same reason. */
const STEP = 16;

/** @returns the states, [tokens, hidden] */
function forward(
  tokens: readonly (readonly number[])[],
  weights: BertWeights,
  settings: BertSettings,
  calls: CompiledCalls,
): Float32Array {
  const count = tokens.reduce((sum, {length}) => sum + length, 0);
  const rows = Math.ceil(count / ROWS) * ROWS;
  const {hidden_size: hidden, num_attention_heads: heads, layer_norm_eps: epsilon} = settings;
  const values = valuesOf(() => {
    const {slots, hidden: ends, rows: back} = layOut(tokens, heads, rows);
    const inputs = [
      {input: tf.tensor2d(embeddings(tokens, weights, hidden, rows), [rows, hidden]), open: [0]},
      {input: slots, open: [0, 2]},
      {input: ends, open: [0, 3]},
      {input: back, open: [0]},
    ];
    return calls.callOpen(inputs, given => tf.tidy(() => layered(given, weights, epsilon)));
  });
  return values.subarray(0, count * hidden);
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
  return tf.add(tf.matMul(input, kernel), bias);
}

/** The layers, one after another, [rows, hidden]. */
function layered(
  [input, slots, hidden, rows]: readonly tf.Tensor[],
  {norm, layers}: BertWeights,
  epsilon: number,
): tf.Tensor2D {
  const layout = {slots, hidden, rows} as Layout;
  let state = normalised(input!, norm, epsilon);
  for (const layer of layers) {
    const mixed = attend(through(state, layer.attention), layout);
    state = normalised(tf.add(state, through(mixed, layer.merged)), layer.mergedNorm, epsilon);
    const wide = scaledGelu(through(state, layer.wide));
    state = normalised(tf.add(state, through(wide, layer.narrow)), layer.narrowNorm, epsilon);
  }
  return state;
}

/** Layer normalisation (Ba et al. 2016, section 3). */
function normalised(input: tf.Tensor, {scale, shift}: Norm, epsilon: number): tf.Tensor2D {
  const centred = tf.sub(input, tf.mean(input, 1, true));
  const variance = tf.mean(tf.square(centred), 1, true);
  const normal = tf.mul<tf.Tensor2D>(centred, tf.rsqrt(tf.add(variance, epsilon)));
  return tf.add(tf.mul<tf.Tensor2D>(normal, scale), shift);
}

/** GELU (Hendrycks and Gimpel 2016, section 2) of √2 times the input, divided by √½: the weights hold both factors. */
function scaledGelu(input: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(input, tf.add(tf.erf(input), 1));
}

/** Tokens of texts of several lengths, laid out for attention, in which each text has as many slots. */
interface Layout {
  /** The row and head of a token's query among those of all rows, [texts, heads, slots]; any for slots of no token. */
  readonly slots: tf.Tensor3D;
  /** 0 for slots of a token, else less than any score, [texts, 1, 1, slots]. */
  readonly hidden: tf.Tensor4D;
  /** The slot of a row and head among those of all texts, [rows, heads]; any for rows of no token. */
  readonly rows: tf.Tensor2D;
}

/** @param rows - the number of rows of tokens, at least as many as there are tokens */
function layOut(tokens: readonly (readonly number[])[], heads: number, rows: number): Layout {
  const [texts, length] = [tokens.length, Math.ceil(tokens[0]!.length / STEP) * STEP];
  const slots = new Int32Array(texts * heads * length);
  const hidden = new Float32Array(texts * length).fill(NOTHING);
  const back = new Int32Array(rows * heads);
  let row = 0;
  for (const [text, {length: own}] of tokens.entries()) {
    hidden.fill(0, text * length, text * length + own);
    for (let head = 0; head < heads; head++) {
      const start = (text * heads + head) * length;
      for (let slot = 0; slot < own; slot++) {
        slots[start + slot] = (row + slot) * 3 * heads + head;
        back[(row + slot) * heads + head] = start + slot;
      }
    }
    row += own;
  }
  return {
    slots: tf.tensor3d(slots, [texts, heads, length], 'int32'),
    hidden: tf.tensor4d(hidden, [texts, 1, 1, length]),
    rows: tf.tensor2d(back, [rows, heads], 'int32'),
  };
}

/** Added to a score, it leaves a share of exactly 0. */
const NOTHING = -1e9;

/**
 * Attention within each text. The queries are already divided by the root of their width.
 *
 * @param mixed - queries, keys and values, [rows, 3 · hidden]
 * @returns [rows, hidden]
 */
function attend(mixed: tf.Tensor2D, {slots, hidden, rows}: Layout): tf.Tensor2D {
  const [count, heads] = rows.shape;
  const width = mixed.shape[1] / 3 / heads;
  const parts = tf.reshape(mixed, [-1, width]);
  const part = (index: number): tf.Tensor => tf.gather(parts, tf.add(slots, tf.scalar(index * heads, 'int32')));
  const scores = tf.add(tf.matMul(part(0), part(1), false, true), hidden);
  const powers = tf.exp(tf.sub(scores, tf.max(scores, 3, true)));
  const shares = tf.div(powers, tf.sum(powers, 3, true));
  const weighted = tf.reshape(tf.matMul(shares, part(2)), [-1, width]);
  return tf.reshape(tf.gather(weighted, rows), [count, heads * width]);
}
