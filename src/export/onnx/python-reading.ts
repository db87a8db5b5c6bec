import {type NgramReading, type SubwordReading, UNSPACED} from '../../data/hashed-reading.ts';
import type {PieceReading} from '../../data/piece-reading.ts';
import type {PlainReading} from '../../data/text-reading.ts';
import type {PaddedReading} from './padded-texts.ts';

/** Python that reads texts as `paddedTexts` does, without the docstring of its module. It defines `read_texts`. */
export function pythonReading({reading, leastPadding}: PaddedReading): string {
  switch (reading.kind) {
    case 'n-grams':
      return commonIn(reading) + HASHES + WORDS + ngramsIn(reading);
    case 'subwords':
      return commonIn(reading) + HASHES + subwordsIn(reading, leastPadding);
    case 'word-pieces':
      return commonIn(reading) + WORDS + piecesIn(reading);
  }
}

function commonIn({kind, length}: PlainReading): string {
  return String.raw`import re
${kind === 'word-pieces' ? '' : 'import struct\n'}import unicodedata
${kind === 'subwords' ? 'from bisect import bisect_right\n' : ''}
LENGTH = ${length}
SPACES = re.compile("[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+")


def normalised(text):
    """The part of a text that is read, with one space for each run of white space and at each end."""
    data = text.encode("utf-16-le", "surrogatepass")[: 2 * LENGTH]
    read = unicodedata.normalize("NFKC", data.decode("utf-16-le", "surrogatepass")).lower()
    return " " + SPACES.sub(" ", read).strip(" ") + " "


def kind(character):
    """L for letters, M for marks, N for digits."""
    return unicodedata.category(character)[0]
`;
}

const HASHES = `

MASK = 0xFFFFFFFF


def units(text):
    """UTF-16 code units, which are JavaScript's characters. A half of a pair may stand alone."""
    data = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack("<%dH" % (len(data) // 2), data)


def stepped(code, value):
    """A step of FNV-1a."""
    return ((code ^ value) * 0x01000193) & MASK


def hash_of(word, start):
    code = start
    for unit in units(word):
        code = stepped(code, unit)
    return code


def finished(code):
    """The finalizer of MurmurHash3."""
    code = ((code ^ (code >> 16)) * 0x85EBCA6B) & MASK
    code = ((code ^ (code >> 13)) * 0xC2B2AE35) & MASK
    return code ^ (code >> 16)
`;

const WORDS = `

def words_in(text):
    """Runs of letters, marks and digits; any other sign is its own word."""
    word = ""
    for character in text:
        if kind(character) in "LMN":
            word += character
            continue
        if word:
            yield word
        word = ""
        if not SPACES.match(character):
            yield character
    if word:
        yield word
`;

function ngramsIn({buckets, words, characters: [fewest, most]}: NgramReading): string {
  return `
BUCKETS = ${buckets}
WORDS = ${words}
FEWEST, MOST = ${fewest}, ${most}


def buckets_of(text):
    """The buckets that a text hits, each once."""
    read = normalised(text)
    hit = {}
    if WORDS:
        codes = [finished(hash_of(word, 0x811C9DC5)) for word in words_in(read)]
        for start in range(len(codes)):
            code = 0x811C9DC5
            for value in codes[start : start + WORDS]:
                code = stepped(code, value)
                hit[finished(code) % BUCKETS] = True
    if MOST:
        values = units(read)
        for start in range(len(values)):
            code = 0x2B3C5D7F
            for size, value in enumerate(values[start : start + MOST], 1):
                code = stepped(code, value)
                if size >= FEWEST:
                    hit[finished(code) % BUCKETS] = True
    return list(hit)


def read_texts(texts):
    """A list of buckets for each text, filled up with -1 to the same length."""
    rows = [buckets_of(text) for text in texts]
    longest = max([1] + [len(row) for row in rows])
    return [row + [-1] * (longest - len(row)) for row in rows]
`;
}

function piecesIn({vocabulary}: PieceReading): string {
  return String.raw`

COLUMNS = {piece: column for column, piece in enumerate(${JSON.stringify(vocabulary)}.split(" "))}
LONGEST = max(len(piece) for piece in COLUMNS)
ACCENTS = re.compile("[\u0300-\u036f]")


def without_accents(text):
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", ACCENTS.sub("", unicodedata.normalize("NFD", text)))


def add_piece(held, word, start):
    """Adds the longest piece that begins at an index of a word. Returns the index behind it."""
    before = "##" if start else ""
    for end in range(min(len(word), start + LONGEST), start, -1):
        column = COLUMNS.get(before + word[start:end])
        if column is not None:
            held[column] = True
            return end
    return start + 1


def pieces_of(text):
    """The columns of the pieces that a text holds, each once."""
    held = {}
    for word in words_in(without_accents(normalised(text))):
        start = 0
        while start < len(word):
            start = add_piece(held, word, start)
    return list(held)


def read_texts(texts):
    """A list of pieces for each text, filled up with -1 to the same length."""
    rows = [pieces_of(text) for text in texts]
    longest = max([1] + [len(row) for row in rows])
    return [row + [-1] * (longest - len(row)) for row in rows]
`;
}

function subwordsIn({buckets, characters, pieces}: SubwordReading, leastPadding = pieces): string {
  return `
BUCKETS = ${buckets}
CHARACTERS = ${characters}
PIECES = ${pieces}
LEAST_PADDING = ${leastPadding}
# Letters and digits of scripts that put no spaces, or few, between words: each range, and the first after it.
UNSPACED = [int(bound, 36) for bound in "${unspacedRanges()}".split()]


def is_unspaced(character):
    return bisect_right(UNSPACED, ord(character)) % 2 == 1


def after_marks(text, end):
    while end < len(text) and kind(text[end]) == "M":
        end += 1
    return end


def after_word(text, start):
    """The end of the piece of a word that begins here; its start if none does."""
    end = start
    for _ in range(CHARACTERS):
        if end == len(text) or kind(text[end]) not in "LMN":
            break
        if kind(text[end]) == "M":
            end = after_marks(text, end)
        elif is_unspaced(text[end]):
            break
        else:
            end = after_marks(text, end + 1)
    return end


def pieces_of(text):
    read = normalised(text)
    found = []
    start, end_of_word = 0, -1
    while start < len(read) and len(found) < PIECES:
        end = after_word(read, start)
        code = 0x811C9DC5
        if end > start:
            if start == end_of_word:
                code = 0x2B3C5D7F
            end_of_word = end
        elif SPACES.match(read[start]):
            start += 1
            continue
        else:
            end = after_marks(read, start + 1) if kind(read[start]) in "LN" else start + 1
        found.append(1 + finished(hash_of(read[start:end], code)) % BUCKETS)
        start = end
    return found


def read_texts(texts):
    """A list of pieces for each text, filled up with 0 to the same length."""
    rows = [pieces_of(text) for text in texts]
    longest = min(PIECES, max([1] + [len(row) for row in rows]) + LEAST_PADDING)
    return [row + [0] * (longest - len(row)) for row in rows]
`;
}

/** The bounds of the ranges, in base 36. */
function unspacedRanges(): string {
  const [unspaced, read] = [new RegExp(`[${UNSPACED}]`, 'u'), /[\p{L}\p{N}]/u];
  const bounds: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    const isWithin = unspaced.test(character) && read.test(character);
    if (isWithin === (bounds.length % 2 === 0)) bounds.push(code.toString(36));
  }
  return bounds.join(' ');
}
