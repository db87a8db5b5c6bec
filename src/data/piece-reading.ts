import {InputError} from '../errors.ts';
import {checkCount, normalise, WORD} from './hashed-reading.ts';
import {type SparseRows, sparseRows} from './sparse-rows.ts';

/**
 * How a text becomes the pieces of a vocabulary that it holds. Each word is cut from its start: the longest piece that fits
 * comes first, then the longest that fits the rest (Wu et al., 2016, Google's neural machine translation system, section
 * 4.1). If no piece begins at a character, the character is left out. Each piece that a text holds has the value 1 /
 * sqrt(pieces held), so that long texts weigh no more than short ones.
 */
export interface PieceReading {
  readonly kind: 'word-pieces';
  /** The pieces, separated by spaces, in the order of their columns. One that does not begin a word begins with `##`. */
  readonly vocabulary: string;
  /** Most characters that are read of a text. */
  readonly length: number;
}

/** What stands before a piece that does not begin a word. */
export const WITHIN = '##';

/** @throws InputError if the vocabulary has less than two pieces, or one of them twice, or `length` is out of its range */
export function checkPieces({vocabulary, length}: PieceReading): void {
  const pieces = vocabulary.split(' ');
  checkCount('length', length, 1, 2 ** 20);
  if (pieces.length >= 2 && !pieces.includes('') && new Set(pieces).size === pieces.length) return;
  throw new InputError('Expected `vocabulary` to be two pieces or more, each once, with one space between them.');
}

/** Number of pieces in the vocabulary, which is the length of the row that a text becomes. */
export function piecesIn({vocabulary}: PieceReading): number {
  return columnsOf(vocabulary).columns.size;
}

/** The texts as rows of as many numbers as there are pieces. */
export function readPieces(texts: readonly string[], reading: PieceReading): SparseRows {
  return sparseRows(texts.map(pieceReader(reading)), piecesIn(reading), count => 1 / Math.sqrt(count));
}

/** Makes the function that returns the columns of the pieces that a text holds, each once. */
export function pieceReader({vocabulary, length}: PieceReading): (text: string) => Int32Array {
  const {columns, longest} = columnsOf(vocabulary);
  return text => {
    const held = new Set<number>();
    for (const [word] of withoutAccents(normalise(text, length)).matchAll(WORD)) {
      for (let start = 0; start < word.length; ) start = addPiece(held, columns, word, start, longest);
    }
    return Int32Array.from(held);
  };
}

/** Adds the longest piece that begins at an index of a word. Returns the index behind it. */
function addPiece(
  held: Set<number>,
  columns: ReadonlyMap<string, number>,
  word: string,
  start: number,
  longest: number,
): number {
  const before = start === 0 ? '' : WITHIN;
  for (let end = Math.min(word.length, start + longest); end > start; end--) {
    const column = columns.get(before + word.slice(start, end));
    if (column === undefined) continue;
    held.add(column);
    return end;
  }
  return start + 1;
}

interface Columns {
  readonly columns: ReadonlyMap<string, number>;
  /** Number of characters in the longest piece. */
  readonly longest: number;
}

/** The last vocabularies that were read. Texts come batch by batch, and a vocabulary has thousands of pieces. */
const known = new Map<string, Columns>();
const MOST_KNOWN = 8;

function columnsOf(vocabulary: string): Columns {
  let found = known.get(vocabulary);
  if (found === undefined) {
    const pieces = vocabulary.split(' ');
    const columns = new Map(pieces.map((piece, column) => [piece, column]));
    const longest = pieces.reduce((most, {length}) => Math.max(most, length), 0);
    found = {columns, longest};
    known.set(vocabulary, found);
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value!);
  }
  return found;
}

/** Without the accents of Latin, Greek and Cyrillic letters. In other scripts, marks are letters of their own. */
export function withoutAccents(text: string): string {
  if (!NOT_ASCII.test(text)) return text;
  return text.normalize('NFD').replace(ACCENTS, '').normalize('NFC');
}

const NOT_ASCII = /[^\0-\x7f]/;
const ACCENTS = /[\u0300-\u036f]/g;
