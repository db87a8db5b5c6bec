import {closest, distance} from 'fastest-levenshtein';
import {InputError, type Said} from '../../src/errors.ts';
import type {Json} from '../../src/teacher.ts';

/** Other words that a teacher has for classes, each with the class that it means: `{'card arrival': 'card_arrival'}`. */
export type Aliases = Readonly<Record<string, string>>;

/** Options of adapters whose teachers name classes in words of their own. */
export interface AliasOptions {
  /**
   * Other words that the teacher has for classes, each with the class that it means, for example
   * `{'card arrival': 'card_arrival'}`. No part of the identity: kept replies are read again by them, for nothing.
   *
   * @default none
   */
  readonly aliases?: Aliases;
}

/** What labels are read with. */
export interface LabelWords {
  readonly classes: readonly string[];
  /**
   * The classes as the teacher calls them, in the same order.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[] | undefined;
  /** Undefined of an adapter that has none: messages then don't offer them. */
  readonly aliases?: Aliases | undefined;
}

/** Why a label means no class, and what was said. */
export interface UnknownLabel {
  /** Sentences for a `TeacherError`. */
  readonly problem: string;
  /** A sentence that shows what was said, to follow the others. */
  readonly hint?: string | undefined;
  readonly said: Said;
}

/**
 * The class that each alias means.
 *
 * @param fold - makes alike what is read as the same word
 * @returns indices of classes by folded alias
 * @throws InputError if an alias is the name of another class, means two, or means none that there is
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

/** A teacher's `reader`: that of its adapter, and the aliases if there are any. */
export function readerWith(reader: Json, aliases: Aliases | undefined): Json {
  return aliases === undefined || Object.keys(aliases).length === 0 ? reader : {reader, aliases: {...aliases}};
}

/** The longest label that is shown, in characters. */
const LONGEST_SHOWN = 60;

/**
 * Says what a teacher said in the place of a class, and which class is nearest to that.
 *
 * @param problem - what is wrong, without its full stop
 * @param advice - what to check, as a sentence
 */
export function unknownLabel(text: string, words: LabelWords, problem: string, advice: string): UnknownLabel {
  const sentences = `${problem}. ${advice}`;
  const {classes, labels = classes} = words;
  const shown = shownText(text);
  const {index, isNear} = nearestTo(shown, labels);
  const nearest = classes[index]!;
  const named = `It says ${JSON.stringify(shown)}; the nearest class is \`${nearest}\``;
  // A text that is cut, or no word, is no alias to be written down.
  const offers = 'aliases' in words && isNear && shown === text;
  const offer = offers ? `. If it means that, add \`${aliasLine(text, nearest)}\` to the teacher` : '';
  const hint = `${named}${isNear ? '' : ', and that is far'}${offer}.`;
  return {problem: sentences, hint, said: {text: shown, nearest}};
}

/** The sentences of what can't be read, with the one that shows it. */
export function withHint({problem, hint}: Pick<UnknownLabel, 'problem' | 'hint'>): string {
  return hint === undefined ? problem : `${problem} ${hint}`;
}

/** The option that maps what was said to a class, as it is written in a recipe. */
function aliasLine(text: string, name: string): string {
  return `aliases: {${quoted(text)}: ${quoted(name)}}`;
}

/** A text in one line, without what a terminal would obey, cut. */
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

/** As a string of JavaScript is written. */
function quoted(text: string): string {
  return /['\\\n\r]/.test(text) ? JSON.stringify(text) : `'${text}'`;
}
