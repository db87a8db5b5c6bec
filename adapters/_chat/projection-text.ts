/**
 * Reads labels from text that a language model wrote or is writing. Case, white space, quotes and markdown around a
 * label never matter.
 */

/** The labels that a partial text can still become. */
export interface Reading {
  /** Classes whose label the text holds, or can still hold when it goes on. */
  readonly labels: readonly number[];
  /** True if the text holds the label of the one class in `labels`, whatever follows it. */
  readonly isDecided: boolean;
}

export interface LabelMatcher {
  /** Reads a text that can go on, in UTF-8. It can end within a character. */
  read(bytes: readonly number[]): Reading;
  /** Reads a complete text. */
  readWhole(bytes: readonly number[]): Reading;
}

/** Characters allowed before a label: white space (SentencePiece writes U+2581), direction marks, quotes, markdown. */
const ORNAMENTS = String.raw`\s\u2581\p{Cf}\p{Pi}\p{Pf}"'\x60*_„‚「『【《〈`;
const LEADING = new RegExp(`^[${ORNAMENTS}(\\[]+`, 'u');
const TRAILING = new RegExp(`[${ORNAMENTS})\\].。」』】》〉]+$`, 'u');

/** The ornaments of several bytes, which can arrive byte by byte. */
const LONG_ORNAMENTS = [...'“”‘’«»‹›„‚「『【《〈\u3000\u00a0\u2581'];

/** Characters not allowed after a label. A broken character (U+FFFD) could be anything, so it is no boundary. */
const WORD = /^(?:[\p{L}\p{M}\p{N}\ufffd]|\u200c|\u200d)/u;
const ENDS_IN_WORD = /[\p{L}\p{M}\p{N}]$/u;

/** Removes the ornaments around a label and its case. Labels that are then equal can't be told apart. */
export function plain(text: string): string {
  return fold(text.replace(LEADING, '').replace(TRAILING, ''));
}

/**
 * Maps texts to one text if they differ only in case, in the encoding of accents, or in the length of white space. It
 * works per character, because a Greek sigma changes with what follows it. It takes the upper case first, for ß, and
 * drops the dot of a Turkish İ, whose lower case differs between languages.
 */
function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase().replace(/\s+/g, ' ');
  const folded = Array.from(text.normalize('NFC'), character => character.toUpperCase().toLowerCase()).join('');
  return folded.replaceAll('i\u0307', 'i').replace(/[\s\u2581]+/g, ' ');
}

/** Characters of nearly all tokens, whose lower case is simple. */
const ASCII = /^[ -~\s]*$/;

const matchers = new WeakMap<readonly string[], LabelMatcher>();

/** @param labels - one per class, as `labelCodes` gives them; the matcher is cached per array */
export function labelMatcher(labels: readonly string[]): LabelMatcher {
  const known = matchers.get(labels);
  if (known) return known;
  const made = makeMatcher(labels);
  matchers.set(labels, made);
  return made;
}

function makeMatcher(labels: readonly string[]): LabelMatcher {
  const plainLabels = labels.map(plain);
  const alphabet = alphabetOf(labels);
  return {
    read(bytes) {
      const {text, tail} = decode(bytes);
      if (tail.length === 0) return readText(plainLabels, text);
      const whole = alphabet.filter(({bytes}) => tail.every((byte, index) => bytes[index] === byte));
      const readings = whole.map(({character}) => readText(plainLabels, text + character));
      // The open character can also belong to no label, such as a dash. A label before it is then complete.
      readings.push(readEnd(plainLabels, text));
      return {labels: [...new Set(readings.flatMap(reading => reading.labels))], isDecided: false};
    },
    readWhole(bytes) {
      const {text, tail} = decode(bytes);
      return readEnd(plainLabels, tail.length === 0 ? text : `${text}\ufffd`);
    },
  };
}

/** Returns all characters with which a label, or the ornaments before it, can go on. */
function alphabetOf(labels: readonly string[]): {readonly character: string; readonly bytes: Uint8Array}[] {
  const inLabels = labels.flatMap(label => [label, label.toLowerCase(), label.toUpperCase()]);
  const characters = new Set([...inLabels.join(''), ...LONG_ORNAMENTS]);
  return Array.from(characters, character => ({character, bytes: encoder.encode(character)}));
}

function readText(labels: readonly string[], text: string): Reading {
  const body = fold(text.replace(LEADING, ''));
  const open: number[] = [];
  let longest: number | undefined;
  for (const [index, label] of labels.entries()) {
    const match = matchOf(label, body);
    if (match === 'open') open.push(index);
    if (match === 'whole' && (longest === undefined || label.length > labels[longest]!.length)) longest = index;
  }
  // A longer label that is still open, as `New York` is after `New `, can turn out to be meant.
  if (longest === undefined) return {labels: open, isDecided: false};
  return {labels: [...open, longest], isDecided: open.length === 0};
}

function readEnd(labels: readonly string[], text: string): Reading {
  const body = `${fold(text.replace(LEADING, '')).trimEnd()} `;
  const whole = [...labels.keys()].filter(index => matchOf(labels[index]!, body) === 'whole');
  const longest = whole.sort((a, b) => labels[b]!.length - labels[a]!.length).slice(0, 1);
  return {labels: longest, isDecided: longest.length === 1};
}

/** Says whether a text holds a label at its start, can still hold it, or never will. */
function matchOf(label: string, body: string): 'whole' | 'open' | 'never' {
  const needsBoundary = ENDS_IN_WORD.test(label);
  if (body.length < label.length || (body.length === label.length && needsBoundary)) {
    return label.startsWith(body) ? 'open' : 'never';
  }
  if (!body.startsWith(label)) return 'never';
  const after = body.slice(label.length);
  if (!needsBoundary) return 'whole';
  if (WORD.test(after)) return 'never';
  // 3 is not the label of 3.5, and after `3.` this is not known yet.
  if (/\d$/.test(label) && /^[.,](?:\d|$)/.test(after)) return after.length === 1 ? 'open' : 'never';
  return 'whole';
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', {ignoreBOM: true});

/** Splits UTF-8 into the complete characters and the bytes of an incomplete one. */
function decode(bytes: readonly number[]): {readonly text: string; readonly tail: readonly number[]} {
  const whole = bytes.length - begunBytes(bytes);
  return {text: decoder.decode(Uint8Array.from(bytes.slice(0, whole))), tail: bytes.slice(whole)};
}

function begunBytes(bytes: readonly number[]): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    const isContinuation = (byte & 0xc0) === 0x80;
    if (isContinuation) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/** The allowed forms of a complete answer. */
interface LabelForms {
  /** Each list holds one text per class: codes, names or both. */
  readonly lists: readonly (readonly string[])[];
  /** Other texts that mean a class, made `plain`, with the class index. Used if no list names the answer. */
  readonly aliased: ReadonlyMap<string, number>;
}

/**
 * Returns the class that a complete answer names. It is strict: apart from case, quotes, markdown and a full stop, the
 * answer must be one of the labels, bare, as a JSON string or as the `label` of a JSON object.
 *
 * @returns undefined if it names no class, or if the lists disagree
 */
export function parseLabel(text: string, {lists, aliased}: LabelForms): number | undefined {
  const answer = plain(labelText(text));
  const named = new Set(lists.map(labels => indexOf(labels).get(answer)).filter(label => label !== undefined));
  return named.size === 0 ? aliased.get(answer) : named.size === 1 ? [...named][0] : undefined;
}

/** Returns the label of a complete answer: the `label` of a JSON object, a JSON string, or the whole answer. */
export function labelText(text: string): string {
  return labelInJson(text) ?? text;
}

const indices = new WeakMap<readonly string[], ReadonlyMap<string, number>>();

function indexOf(labels: readonly string[]): ReadonlyMap<string, number> {
  const known = indices.get(labels);
  if (known) return known;
  const made = new Map(labels.map((label, index) => [plain(label), index]));
  indices.set(labels, made);
  return made;
}

function labelInJson(text: string): string | undefined {
  const [, fenced] = /^\s*```(?:json)?\s(.*)```\s*$/s.exec(text) ?? [];
  try {
    const parsed: unknown = JSON.parse(fenced ?? text);
    const label = typeof parsed === 'object' ? (parsed as {readonly label?: unknown} | null)?.label : parsed;
    return typeof label === 'string' || typeof label === 'number' ? String(label) : undefined;
  } catch {
    return undefined;
  }
}
