import Table from 'cli-table3';
import {shortened} from './report/format.ts';

/** A table without lines for a terminal; columns from `numbers` on stand to the right unless `aligns` says otherwise. */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: number,
  aligns: readonly ('left' | 'right')[] = [],
): string {
  const width = rows[0]?.length ?? head.length;
  const sides = ['top', 'bottom', 'left', 'right', 'mid'].flatMap(name => [
    name,
    `${name}-left`,
    `${name}-mid`,
    `${name}-right`,
  ]);
  const table = new Table({
    head: [...head],
    chars: {...Object.fromEntries(sides.map(name => [name, ''])), middle: '  '},
    colAligns: Array.from({length: width}, (_, column) => aligns[column] ?? (column < numbers ? 'left' : 'right')),
    style: {head: [], border: [], 'padding-left': 0, 'padding-right': 0},
  });
  table.push(...rows.map(row => [...row]));
  return table.toString().replace(/ +$/gm, '');
}

/** A name without control characters, which a terminal would obey, cut to a length. */
export function printable(text: string, length: number): string {
  return shortened(text.replace(/\p{C}/gu, ''), length);
}
