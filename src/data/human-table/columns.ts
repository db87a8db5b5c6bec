/** The columns that a person fills, and how their cells are read. */
import {closest, distance} from 'fastest-levenshtein';
import type {Row} from './table.ts';

/** One of the columns that a person fills. */
export interface Column {
  readonly name: string;
  /** The value of a cell that is not empty, or the sentences that say why it has none. */
  read(cell: string): number | string;
}

/** The values in the rows about one query, one for each column. If there are none, sentences that say why. */
export function valuesIn(rows: readonly Row[], columns: readonly Column[]): readonly number[] | string {
  const values: number[] = [];
  const empty: string[] = [];
  for (const [index, {name, read}] of columns.entries()) {
    const [first, ...others] = rows.filter(({cells}) => cells[index] !== '');
    if (first === undefined) {
      empty.push(`\`${name}\``);
      continue;
    }
    const value = read(first.cells[index]!);
    if (typeof value === 'string') return `Row ${first.number} has ${shown(first, index)} in \`${name}\`. ${value}`;
    const other = others.find(({cells}) => read(cells[index]!) !== value);
    if (other !== undefined) {
      return `Rows ${first.number} and ${other.number} are about the same input, and have ${shown(first, index)} and ${shown(other, index)} in \`${name}\`. Correct one of them.`;
    }
    values.push(value);
  }
  if (empty.length === 0) return values;
  return `Row ${rows[0]!.number} waits for a person: fill ${empty.join(', ')}, then run again.`;
}

/** The longest cell that is shown. */
const LONGEST_SHOWN = 40;

function shown({cells}: Row, index: number): string {
  const cell = cells[index]!;
  return JSON.stringify(cell.length > LONGEST_SHOWN ? `${cell.slice(0, LONGEST_SHOWN)}…` : cell);
}

/** The most classes that a message lists. */
const LISTED = 12;

/** Makes a reader of class names. It also accepts a name that is nearly right, if it is near one class only. */
export function labelReader(classes: readonly string[]): Column['read'] {
  const exact = new Map(classes.map((name, label) => [name.trim(), label]));
  const folded = new Map<string, number[]>();
  for (const [label, name] of classes.entries()) folded.set(fold(name), [...(folded.get(fold(name)) ?? []), label]);
  return cell => {
    const [label, ...others] = exact.has(cell) ? [exact.get(cell)!] : (folded.get(fold(cell)) ?? []);
    if (label === undefined) return `That is not a class. ${hint(cell, classes)}`;
    return others.length === 0 ? label : 'Several classes have nearly this name. Write the exact name of one.';
  };
}

/** Removes case and letter variants, and the leading zeros that a spreadsheet drops if it reads `01` as a number. */
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
  if (classes.length > LISTED) return `It must be one of ${classes.length}, such as \`${nearest}\`.`;
  return `It must be one of ${classes.map(name => `\`${name}\``).join(', ')}.`;
}
