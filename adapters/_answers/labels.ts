import {closest, distance} from 'fastest-levenshtein';
import {InputError, type Said, TeacherError, type TeacherErrorDetails} from '../../src/errors.ts';
import {kinds, type Shape} from '../../src/options.ts';
import type {Answer, Json, LabelAnswer} from '../../src/teacher.ts';

/** Other words for classes, each with the class that it means: `{'card arrival': 'card_arrival'}`. */
export type Aliases = Readonly<Record<string, string>>;

/** Options of adapters whose teachers name classes in their own words. */
export interface AliasOptions {
  /**
   * Other words that the teacher uses for classes, each with the class that it means, for example
   * `{'card arrival': 'card_arrival'}`. They are not part of the identity: kept replies are read again, at no cost.
   *
   * @default none
   */
  readonly aliases?: Aliases;
}

/** The kinds of `AliasOptions`. */
export const ALIAS_KINDS: Shape<AliasOptions> = {aliases: kinds.object};

/** The names that labels are matched to. */
export interface LabelWords {
  readonly classes: readonly string[];
  /**
   * The teacher's names of the classes, in the same order.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[] | undefined;
  /** Absent if the adapter has no aliases. Messages then don't offer one. */
  readonly aliases?: Aliases | undefined;
}

/** The reason that a label means no class, and the label. */
interface UnknownLabel {
  /** Sentences for a `TeacherError`. */
  readonly problem: string;
  /** A sentence that shows the label, to follow the others. */
  readonly hint?: string | undefined;
  readonly said: Said;
}

/**
 * Maps each alias to its class.
 *
 * @param fold - makes words equal that are read as the same word
 * @returns indices of classes by folded alias
 * @throws InputError if an alias is the name of another class, means two classes, or means an unknown class
 */
export function aliasIndex(
  {classes, labels = classes, aliases = {}}: LabelWords,
  fold: (text: string) => string = text => text,
): ReadonlyMap<string, number> {
  const owners = new Map([...classes.entries(), ...labels.entries()].map(([owner, name]) => [fold(name), owner]));
  const index = new Map<string, number>();
  for (const [alias, name] of Object.entries(aliases)) {
    const label = classes.indexOf(name);
    const known = index.get(fold(alias));
    const fail = (why: string): never => {
      throw new InputError(`The alias ${quoted(alias)} of class \`${name}\` can't be used: ${why}`);
    };
    if (label < 0) fail(`there is no such class. The nearest is \`${closest(name, [...classes])}\`.`);
    if (fold(alias) === '') fail('it holds no word.');
    const owner = owners.get(fold(alias)) ?? label;
    if (owner !== label) fail(`it is the name or code of \`${classes[owner]}\`.`);
    if (known !== undefined && known !== label) fail(`it means \`${classes[known]}\`, too.`);
    index.set(fold(alias), label);
  }
  return index;
}

/** Returns a teacher's `reader`: the adapter's reader, and the aliases if there are any. */
export function readerWith(reader: Json, aliases: Aliases | undefined): Json {
  return aliases === undefined || Object.keys(aliases).length === 0 ? reader : {reader, aliases: {...aliases}};
}

/** The most characters shown of a label. */
const LONGEST_SHOWN = 60;

/**
 * Describes a teacher's text that is no class, and names the class that is nearest to it.
 *
 * @param problem - the problem, without its full stop
 * @param advice - what to check, as a sentence
 */
export function unknownLabel(text: string, words: LabelWords, problem: string, advice: string): UnknownLabel {
  const sentences = `${problem}. ${advice}`;
  const {classes, labels = classes} = words;
  const shown = shownText(text);
  const {index, isNear} = nearestTo(shown, labels);
  const nearest = classes[index]!;
  const named = `It says ${JSON.stringify(shown)}; the nearest class is \`${nearest}\``;
  const hint = `${named}${isNear ? '' : ', and that is far'}.${offerFor(text, words, isNear ? nearest : undefined)}`;
  return {problem: sentences, hint, said: {text: shown, nearest}};
}

/** Returns the sentences of the problem, followed by the one that shows the label. */
export function withHint({problem, hint}: Pick<UnknownLabel, 'problem' | 'hint'>): string {
  return hint === undefined ? problem : `${problem} ${hint}`;
}

/** Returns a sentence with the option that maps the text to a class; empty if the adapter has none. */
function offerFor(text: string, words: LabelWords, nearest: string | undefined): string {
  // A shortened text, or one without a word, can't be written down as an alias.
  if ('aliases' in words && shownText(text) === text && text !== '') {
    if (nearest !== undefined) return ` If it means that, add \`${aliasLine(text, nearest)}\` to the teacher.`;
    return ` If it means another class, add \`aliases: {${quoted(text)}: …}\` with that class to the teacher.`;
  }
  return words.labels === undefined ? '' : ' Give its own names of the classes as `labels`, in the order of `classes`.';
}

/** Returns the option that maps the text to a class, as a recipe holds it. */
function aliasLine(text: string, name: string): string {
  return `aliases: {${quoted(text)}: ${quoted(name)}}`;
}

/** Returns the text in one line, shortened, without control characters that a terminal obeys. */
function shownText(text: string): string {
  const line = [...text.replace(/[\p{C}\s]+/gu, ' ').trim()];
  return line.length <= LONGEST_SHOWN ? line.join('') : `${line.slice(0, LONGEST_SHOWN - 1).join('')}…`;
}

function nearestTo(text: string, labels: readonly string[]): {readonly index: number; readonly isNear: boolean} {
  const lowered = labels.map(label => label.toLowerCase());
  const said = text.toLowerCase();
  const nearest = closest(said, lowered);
  return {
    index: lowered.indexOf(nearest),
    isNear: distance(said, nearest) <= Math.min(said.length, nearest.length) / 2,
  };
}

/** Returns the text as a JavaScript string literal. */
function quoted(text: string): string {
  return /['\\\n\r]/.test(text) ? JSON.stringify(text) : `'${text}'`;
}

/** Scores that are not of the kind that was declared. */
export interface Misread {
  /** Sentences for a `TeacherError`. */
  readonly problem: string;
  readonly misread: true;
}

/** The reason that there is no answer: sentences, sentences with the label, or that the scores are of another kind. */
export type Unread = string | UnknownLabel | Misread;

export function isUnread(read: Answer | Unread): read is Unread {
  return typeof read === 'string' || 'problem' in read;
}

/** Returns the error for a reply that can't be read. */
export function unreadError(teacher: string, unread: Unread, details: TeacherErrorDetails): TeacherError {
  if (typeof unread === 'string') return new TeacherError(teacher, unread, details);
  // Another attempt would give such scores again.
  if ('misread' in unread)
    return new TeacherError(teacher, unread.problem, {...details, unreadable: false, misread: true});
  return new TeacherError(teacher, withHint(unread), {...details, said: unread.said});
}

export type LabelReader = (value: unknown) => LabelAnswer | Unread;

/** Returns a reader of a class index, of a class name as the teacher writes it, or of an alias. */
export function labelReader(words: LabelWords): LabelReader {
  const {classes, labels = classes} = words;
  const aliased = aliasIndex(words);
  const indices = new Map([...aliased, ...labels.map((name, index) => [name, index] as const)]);
  const isLabel = (label: unknown): label is number =>
    typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < classes.length;
  return value => {
    const label = typeof value === 'string' ? indices.get(value) : isLabel(value) ? value : aliased.get(String(value));
    if (isLabel(label)) return {kind: 'label', label};
    const problem = `It gave a label outside the class list of ${classes.length}`;
    const advice = 'Check `classes`, names and order.';
    if (typeof value !== 'string' && typeof value !== 'number') return `${problem}. ${advice}`;
    return unknownLabel(String(value), words, problem, advice);
  };
}

/** Returns the function that gives the class of a text by the teacher's words, see `Service.labelOf`. */
export function labelOfText(words: LabelWords): (text: string) => number | undefined {
  const read = labelReader(words);
  return text => {
    const label = read(text.trim());
    return isUnread(label) ? undefined : label.label;
  };
}

/**
 * Returns a reader of class indices and names for a program without a protocol. It does not take a number for an index
 * if the number is the name of another class, as with the classes `1`, `2`, `3`.
 */
export function plainLabelReader(words: LabelWords): LabelReader {
  const {classes, labels = classes} = words;
  const labelOf = labelReader(words);
  return value => {
    if (typeof value !== 'number' || labels[value] === String(value) || !labels.includes(String(value))) {
      return labelOf(value);
    }
    return `It gave the number ${value}, which is the name of one class and can be the index of another. Give names.`;
  };
}
