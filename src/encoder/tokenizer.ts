import {Tokenizer} from '@huggingface/tokenizers';
import {z} from 'zod';
import type {EncoderModel} from './encoder.ts';
import {type EncoderFolder, readSettings} from './folder.ts';

/** Reads texts with `tokenizer.json`, cut to the most tokens with their special ones in place. */
export function openTokenizer({path, tokens, length}: EncoderFolder): EncoderModel['tokensOf'] {
  const [description, config] = ['tokenizer.json', 'tokenizer_config.json'].map(name =>
    readSettings(path, name, z.looseObject({})),
  ) as [Record<string, unknown>, Record<string, unknown>];
  const tokenizer = new Tokenizer(description, config);
  const special = tokenizer.encode('').ids;
  const before = leadingOf(special, tokenizer.encode('a').ids);
  const after = special.length - before;
  // Python lowers every sigma alike; JavaScript has another one for the end of a word.
  const lowers =
    JSON.stringify(description['normalizer'] ?? null).match(/"lowercase":true|"type":"Lowercase"/) !== null;
  return text => {
    const cut = text.slice(0, length).trim();
    const {ids} = tokenizer.encode(lowers ? cut.replaceAll('Σ', 'σ') : cut);
    return ids.length <= tokens ? ids : [...ids.slice(0, tokens - after), ...ids.slice(ids.length - after)];
  };
}

/** How many numbers both begin with. */
function leadingOf(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((value, index) => value !== b[index]);
  return differing < 0 ? a.length : differing;
}
