/** What a person fills in, and what it means. */
import {closest, distance} from 'fastest-levenshtein';
import {InputError} from '../src/errors.ts';
import type {Answer, Detail} from '../src/teacher.ts';
import {checkForm} from './_given.ts';
import type {Row} from './_human-table.ts';

/** One of the columns that a person fills. */
export interface Column {
  readonly name: string;
  /** The value of a cell that is not empty, or the sentences that say why it has none. */
  read(cell: string): number | string;
}

export interface Form {
  readonly columns: readonly Column[];
  readonly access: 'black-box' | 'gray-box';
  readonly detail: Detail;
  /** @param values - one a column */
  answerOf(values: readonly number[]): Answer;
}

export interface FormOptions {
  readonly classes: readonly string[];
  readonly people?: readonly string[] | undefined;
  readonly confidence?: boolean | undefined;
}

/** @throws InputError where the options can't be used */
export function formOf({classes, people, confidence = false}: FormOptions): Form {
  checkForm('human', {classes});
  const wordless = classes.find(name => name.trim() === '');
  if (wordless !== undefined) throw new InputError('human: A class has no name, so nobody can fill it in. Name it.');
  const read = labelReader(classes);
  const label: Column = {name: 'label', read};
  if (people !== undefined) {
    checkPeople(people, confidence);
    return {
      columns: people.map(name => ({name: `label ${name}`, read})),
      access: 'black-box',
      detail: {kind: 'votes'},
      answerOf: labels => ({kind: 'votes', counts: countsOf(labels, classes.length)}),
    };
  }
  if (confidence) {
    return {
      columns: [label, {name: 'confidence', read: readConfidence}],
      access: 'gray-box',
      detail: {kind: 'top-k', k: 1},
      answerOf: ([of = 0, probability = 0]) => ({
        kind: 'top-k',
        classes: Int32Array.of(of),
        logProbabilities: Float32Array.of(Math.log(probability)),
        rest: 1 - probability,
      }),
    };
  }
  return {
    columns: [label],
    access: 'black-box',
    detail: {kind: 'label'},
    answerOf: ([of = 0]) => ({kind: 'label', label: of}),
  };
}

/** What the rows about one question say: a value a column, or in sentences why there is none. */
export function valuesIn(rows: readonly Row[], {columns}: Form): readonly number[] | string {
  const values: number[] = [];
  const empty: string[] = [];
  for (const [place, {name, read}] of columns.entries()) {
    const [first, ...others] = rows.filter(({cells}) => cells[place] !== '');
    if (first === undefined) {
      empty.push(`\`${name}\``);
      continue;
    }
    const value = read(first.cells[place]!);
    if (typeof value === 'string') return `Row ${first.number} has ${shown(first, place)} in \`${name}\`. ${value}`;
    const other = others.find(({cells}) => read(cells[place]!) !== value);
    if (other !== undefined) {
      return `Rows ${first.number} and ${other.number} are about the same, and have ${shown(first, place)} and ${shown(other, place)} in \`${name}\`. Let one of them be right.`;
    }
    values.push(value);
  }
  if (empty.length === 0) return values;
  return `Row ${rows[0]!.number} waits for a person: fill ${empty.join(', ')}, then run again.`;
}

/** The longest cell that is shown. */
const LONGEST_SHOWN = 40;

function shown({cells}: Row, place: number): string {
  const cell = cells[place]!;
  return JSON.stringify(cell.length > LONGEST_SHOWN ? `${cell.slice(0, LONGEST_SHOWN)}…` : cell);
}

function checkPeople(people: readonly string[], confidence: boolean): void {
  const names = people.map(name => name.toLowerCase());
  if (people.length === 0 || names.some(name => name.trim() !== name || name === '')) {
    throw new InputError('human: `people` is to name somebody, without spaces at the ends of a name.');
  }
  if (new Set(names).size < names.length) throw new InputError('human: `people` names somebody twice.');
  if (confidence) {
    throw new InputError('human: Votes of several `people` tell how sure they are. Leave `confidence` out.');
  }
}

function countsOf(labels: readonly number[], classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** The most classes that a message lists. */
const LISTED = 12;

/** What reads a class as a person writes it: as it is named, or nearly so where that is no other class. */
function labelReader(classes: readonly string[]): Column['read'] {
  const exact = new Map(classes.map((name, label) => [name.trim(), label]));
  const folded = new Map<string, number[]>();
  for (const [label, name] of classes.entries()) folded.set(fold(name), [...(folded.get(fold(name)) ?? []), label]);
  return cell => {
    const [label, ...others] = exact.has(cell) ? [exact.get(cell)!] : (folded.get(fold(cell)) ?? []);
    if (label === undefined) return `That is no class. ${hint(cell, classes)}`;
    return others.length === 0 ? label : 'Several classes are written nearly so. Write one exactly as it is named.';
  };
}

/** Without what differs in another case, in another form of a letter, and where a spreadsheet makes a number of `01`. */
function fold(name: string): string {
  return name
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .replace(/^0+(?=\d)/, '');
}

function hint(cell: string, classes: readonly string[]): string {
  const nearest = closest(cell.slice(0, LONGEST_SHOWN), [...classes]);
  if (distance(cell, nearest) <= nearest.length / 2) return `The closest is \`${nearest}\`.`;
  if (classes.length > LISTED) return `It is to be one of ${classes.length}, such as \`${nearest}\`.`;
  return `It is to be one of ${classes.map(name => `\`${name}\``).join(', ')}.`;
}

/** A share of 1, or of 100 with its sign, with a point or a comma. */
function readConfidence(cell: string): number | string {
  const [, digits, percent] = /^(\d*[.,]?\d+)\s*(%?)$/.exec(cell) ?? [];
  const value = Number(digits?.replace(',', '.')) / (percent ? 100 : 1);
  if (value > 0 && value <= 1) return value;
  return 'It is to be above 0 and at most 1, such as 0.8, or a percentage, such as 80%.';
}
