import {readFile} from 'node:fs/promises';
import {extname} from 'node:path';
import Papa from 'papaparse';
import {unreadableFile} from '../../data/files.ts';
import {isFields} from '../../data/logs/rows.ts';
import {InputError} from '../../errors.ts';
import {type Described, readDescribed} from './readers.ts';

const NAMES = ['name', 'class', 'label', 'intent', 'category'];
const DESCRIPTIONS = ['description', 'meaning', 'definition', 'text'];

/**
 * Reads classes and their descriptions from a file. CSV: a column for each, or names alone. JSON: a list of names or of
 * `{name, description}`, or an object with a description for each name. Anything else: a class on each line, as
 * `NAME: what it is`.
 *
 * @throws InputError if it can't be read, names a class twice, or names fewer than two
 */
export async function readClassFile(path: string): Promise<readonly Described[]> {
  const content = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadableFile(path, cause);
  });
  const classes = classesIn(content.replace(/^\uFEFF/, ''), extname(path).toLowerCase(), path);
  const names = classes.map(({name}) => name);
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) throw new InputError(`${path} names the class \`${twin}\` twice.`);
  if (names.length < 2) throw new InputError(`${path} names ${names.length} classes. A task has two at least.`);
  return classes;
}

function classesIn(content: string, ending: string, path: string): readonly Described[] {
  if (ending === '.json') return jsonClasses(content, path);
  if (ending === '.csv' || ending === '.tsv') return tableClasses(content, path);
  return content
    .split(/\r?\n/)
    .filter(line => line.trim() !== '')
    .map(readDescribed);
}

function jsonClasses(content: string, path: string): readonly Described[] {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw new InputError(`${path} is not JSON: ${(cause as Error).message}. Correct it.`, {cause});
  }
  const entries = isFields(value) ? Object.entries(value) : Array.isArray(value) ? value.map(entryOf) : [];
  return entries.map((entry, index) => {
    const [name, description] = entry ?? [];
    if (typeof name === 'string' && name.trim() !== '') return described(name, description);
    throw new InputError(`${path}: entry ${index + 1} has no name. Write names, or {"name": …, "description": …}.`);
  });
}

function entryOf(entry: unknown): readonly [name: unknown, description: unknown] {
  if (!isFields(entry)) return [entry, undefined];
  const [name, description] = [NAMES, DESCRIPTIONS].map(names => names.find(field => entry[field] !== undefined));
  return [name && entry[name], description && entry[description]];
}

function tableClasses(content: string, path: string): readonly Described[] {
  const {data} = Papa.parse<readonly string[]>(content, {skipEmptyLines: 'greedy'});
  const head = data[0]?.map(cell => cell.trim().toLowerCase()) ?? [];
  const columnOf = (names: readonly string[]) => head.findIndex(cell => names.includes(cell));
  const hasHead = columnOf(NAMES) >= 0;
  if (!hasHead && head.length > 2) {
    throw new InputError(
      `${path}: no column \`name\`, only ${head.join(', ')}. Call the columns name and description.`,
    );
  }
  const [name, description] = hasHead ? [columnOf(NAMES), columnOf(DESCRIPTIONS)] : [0, 1];
  return (hasHead ? data.slice(1) : data).map(cells => described(cells[name] ?? '', cells[description]));
}

function described(name: string, description: unknown): Described {
  const text = typeof description === 'string' ? description.trim() : '';
  return {name: name.trim(), description: text === '' ? undefined : text};
}
