import {z} from 'zod';
import {WITHIN} from '../data/piece-reading.ts';
import {type EncoderFolder, readSettings} from './folder.ts';

const tokenizerSettings = z.object({
  model: z.object({
    vocab: z.union([z.record(z.string(), z.number()), z.array(z.tuple([z.string(), z.number()]))]),
    continuing_subword_prefix: z.string().nullish(),
  }),
});

/** What begins a word in tokenizers of bytes. */
const BYTES = 'Ġ';
/** What begins a word in tokenizers that mark beginnings; the first is that of SentencePiece. */
const BEGINNINGS = ['▁', BYTES];
/** Tokens that stand for no text, such as `[CLS]` and `<s>`. */
const SPECIAL = /^(\[.+\]|<.+>)$/;
const ASCII = /^[\0-\x7f]*$/;

/**
 * The pieces of an encoder's tokenizer, in its order, which is about that of their frequency. Pieces that don't begin a word
 * begin with `##`, whatever the tokenizer marks. A tokenizer of bytes gives its pieces of ASCII alone, since others can be parts of characters.
 *
 * @throws InputError if the tokenizer can't be read
 */
export function vocabularyOf({path}: Pick<EncoderFolder, 'path'>): readonly string[] {
  const {vocab, continuing_subword_prefix: within} = readSettings(path, 'tokenizer.json', tokenizerSettings).model;
  const tokens = Array.isArray(vocab)
    ? vocab.map(([token]) => token)
    : Object.keys(vocab).sort((one, other) => vocab[one]! - vocab[other]!);
  const mark = BEGINNINGS.find(beginning => tokens.some(token => token.startsWith(beginning)));
  const pieceOf = (token: string): string => {
    if (mark !== undefined) return token.startsWith(mark) ? token.slice(mark.length) : WITHIN + token;
    return within && token.startsWith(within) ? WITHIN + token.slice(within.length) : token;
  };
  const pieces = tokens.filter(token => !SPECIAL.test(token)).map(pieceOf);
  return mark === BYTES ? pieces.filter(piece => ASCII.test(piece)) : pieces;
}
