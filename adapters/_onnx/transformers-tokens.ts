/** The part of a transformers.js tokenizer that is used. */
export interface Tokenizer {
  (
    text: string,
    options: {readonly add_special_tokens: boolean; readonly return_tensor: false},
  ): {readonly input_ids: readonly number[]};
  readonly model_max_length?: number;
  readonly pad_token_id?: number;
}

/** Converts a text to the ids of its tokens. */
export type TokenReader = (text: string) => readonly number[];

/**
 * Truncates long texts as transformers does in Python, which keeps the special tokens at the end of a text.
 * transformers.js cuts them off.
 *
 * @param most - tokens of one text, including special tokens
 */
export function tokenReader(tokenizer: Tokenizer, most: number): TokenReader {
  const suffix = suffixLength(tokenizer);
  return text => {
    const ids = tokenizer(text, {add_special_tokens: true, return_tensor: false}).input_ids;
    return ids.length <= most ? ids : [...ids.slice(0, most - suffix), ...ids.slice(ids.length - suffix)];
  };
}

/** Returns the number of special tokens after a text. */
function suffixLength(tokenizer: Tokenizer): number {
  const [whole, body] = [true, false].map(
    special => tokenizer('a', {add_special_tokens: special, return_tensor: false}).input_ids,
  ) as [readonly number[], readonly number[]];
  for (let start = 0; start + body.length <= whole.length; start++) {
    if (body.every((id, index) => whole[start + index] === id)) return whole.length - start - body.length;
  }
  return 0;
}

/** Token ids and the mask that marks padding, [texts, tokens], row-major. */
export interface TokenTable {
  readonly tokens: number;
  readonly ids: BigInt64Array;
  readonly mask: BigInt64Array;
}

/** Puts texts of different lengths into one table, padded on the right. */
export function tokenTable(texts: readonly (readonly number[])[], padding: number): TokenTable {
  const tokens = Math.max(...texts.map(ids => ids.length));
  const ids = new BigInt64Array(texts.length * tokens).fill(BigInt(padding));
  const mask = new BigInt64Array(ids.length);
  for (const [row, text] of texts.entries()) {
    for (const [index, id] of text.entries()) {
      ids[row * tokens + index] = BigInt(id);
      mask[row * tokens + index] = 1n;
    }
  }
  return {tokens, ids, mask};
}
