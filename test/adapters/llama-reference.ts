/** The language model of `test/fixtures/tiny-model/lm` once more, without any library: its tokenizer and its sums. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {fromHalf, toHalf} from '../../adapters/_onnx/runtime.ts';

export const ggufPath: string = join(import.meta.dirname, '../fixtures/tiny-model/tiny-sent.gguf');
const folder = join(import.meta.dirname, '../fixtures/tiny-model/lm');

const HEADS = 2;
const WIDTH = 32;
const THETA = 10_000;
const EPSILON = 1e-5;

interface TensorLocation {
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** The weights, rows of each matrix one after the other. */
const weights: ReadonlyMap<string, Float32Array> = (() => {
  const file = readFileSync(join(folder, 'model.safetensors'));
  const headerEnd = 8 + Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<string, TensorLocation>;
  const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
  const valuesOf = ({data_offsets: [start, end]}: TensorLocation): Float32Array =>
    new Float32Array(Uint8Array.from(file.subarray(headerEnd + start, headerEnd + end)).buffer);
  return new Map(tensors.map(([name, location]) => [name, valuesOf(location)]));
})();

function times(name: string, vector: readonly number[]): number[] {
  const matrix = weights.get(`${name}.weight`)!;
  const rows = matrix.length / vector.length;
  return Array.from({length: rows}, (_, row) =>
    vector.reduce((sum, value, column) => sum + value * matrix[row * vector.length + column]!, 0),
  );
}

function normalised(name: string, vector: readonly number[]): number[] {
  const scale = weights.get(`${name}.weight`)!;
  const mean = vector.reduce((sum, value) => sum + value * value, 0) / vector.length;
  return vector.map((value, index) => (value / Math.sqrt(mean + EPSILON)) * scale[index]!);
}

/** Rotates the pairs (i, i + half the width) by angles that grow with the position. */
function turned(head: readonly number[], position: number): number[] {
  const half = WIDTH / 2;
  return head.map((value, index) => {
    const angle = position * THETA ** (-(index % half) / half);
    const other = index < half ? -head[index + half]! : head[index - half]!;
    return value * Math.cos(angle) + other * Math.sin(angle);
  });
}

function softmax(scores: readonly number[]): number[] {
  const powers = scores.map(score => Math.exp(score - Math.max(...scores)));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map(power => power / sum);
}

/** Rounds to half precision, as llama.cpp's key-value cache does. */
const halved = (vector: readonly number[]): number[] => vector.map(value => fromHalf(toHalf(value)));

const dot = (one: readonly number[], other: readonly number[]): number =>
  one.reduce((sum, value, index) => sum + value * other[index]!, 0);

const plus = (one: readonly number[], other: readonly number[]): number[] =>
  one.map((value, index) => value + other[index]!);

/** One layer, over all positions: attention of two heads with one head of keys and values, then the gated network. */
function layer(index: number, states: readonly (readonly number[])[]): number[][] {
  const name = `model.layers.${index}`;
  const inputs = states.map(state => normalised(`${name}.input_layernorm`, state));
  const keys = inputs.map((input, position) => halved(turned(times(`${name}.self_attn.k_proj`, input), position)));
  const values = inputs.map(input => halved(times(`${name}.self_attn.v_proj`, input)));
  return states.map((state, position) => {
    const queries = times(`${name}.self_attn.q_proj`, inputs[position]!);
    const attended = Array.from({length: HEADS}, (_, head) => {
      const query = halved(turned(queries.slice(head * WIDTH, (head + 1) * WIDTH), position));
      const shares = halved(softmax(keys.slice(0, position + 1).map(key => dot(query, key) / Math.sqrt(WIDTH))));
      return Array.from({length: WIDTH}, (_, column) =>
        shares.reduce((sum, share, at) => sum + share * values[at]![column]!, 0),
      );
    });
    const between = plus(state, times(`${name}.self_attn.o_proj`, attended.flat()));
    const input = normalised(`${name}.post_attention_layernorm`, between);
    const gate = times(`${name}.mlp.gate_proj`, input).map(value => value / (1 + Math.exp(-value)));
    const up = times(`${name}.mlp.up_proj`, input);
    return plus(
      between,
      times(
        `${name}.mlp.down_proj`,
        gate.map((value, at) => value * up[at]!),
      ),
    );
  });
}

/** The probability of each token of the vocabulary after these tokens. */
function probabilitiesAfter(tokens: readonly number[]): number[] {
  const embedding = weights.get('model.embed_tokens.weight')!;
  const width = HEADS * WIDTH;
  const embedded = tokens.map(token => [...embedding.subarray(token * width, (token + 1) * width)]);
  const states = layer(1, layer(0, embedded));
  return softmax(times('lm_head', normalised('model.norm', states.at(-1)!)));
}

/** The probability that these tokens follow a prompt. */
export function probabilityOf(prompt: readonly number[], answer: readonly number[]): number {
  return answer.reduce(
    (product, token, index) => product * probabilitiesAfter([...prompt, ...answer.slice(0, index)])[token]!,
    1,
  );
}

interface Tokenizer {
  readonly model: {
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
  };
}

const {vocab, merges} = (JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as Tokenizer).model;
const ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));

export const special = {start: vocab['<|im_start|>']!, end: vocab['<|im_end|>']!};

/** The bytes that GPT-2 writes unchanged. The others follow from 256. */
const printed = [...Array(256).keys()].filter(byte => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173));
const letterOf = (byte: number): string =>
  String.fromCharCode(printed.includes(byte) ? byte : 256 + byte - printed.filter(other => other < byte).length);

const WORDS = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Tokens of a text that is read letter by letter: names of special tokens too. */
export function tokensOf(text: string): number[] {
  return (text.match(WORDS) ?? []).flatMap(word =>
    merged([...Buffer.from(word)].map(letterOf)).map(part => vocab[part]!),
  );
}

function merged(parts: readonly string[]): readonly string[] {
  const rankAt = (index: number): number =>
    ranks.get(`${parts[index]} ${parts[index + 1]}`) ?? Number.POSITIVE_INFINITY;
  const best = parts.slice(1).reduce((first, _, index) => (rankAt(index) < rankAt(first) ? index : first), 0);
  if (rankAt(best) === Number.POSITIVE_INFINITY) return parts;
  return merged([...parts.slice(0, best), parts[best]! + parts[best + 1]!, ...parts.slice(best + 2)]);
}

/** A chat in the model's template, up to the start of the answer. */
export function chatTokens(messages: readonly (readonly [role: string, content: string])[]): number[] {
  const written = messages.flatMap(([role, content]) => [
    special.start,
    ...tokensOf(`${role}\n${content}`),
    special.end,
    ...tokensOf('\n'),
  ]);
  return [...written, special.start, ...tokensOf('assistant\n')];
}
