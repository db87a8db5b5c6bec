import {changeFile} from '../../data/human-table/file.ts';
import {
  type Delimiter,
  labelReader,
  newTable,
  readTable,
  type Table,
  valuesIn,
  withQueries,
} from '../../data/human-table/table.ts';
import {InputError} from '../../errors.ts';

const COLUMNS = ['label'];

/** The texts that a person is asked about. */
export interface Drawn {
  /** Indices in the test split. */
  readonly drawn: readonly number[];
  /** [texts], ids in the table. */
  readonly ids: readonly string[];
}

/**
 * Adds a row for every text that was drawn, and returns the table. It does not show what either model said of a text.
 *
 * @throws InputError if the table can't be read
 */
export async function writeTable(
  path: string,
  {drawn, ids, texts, delimiter}: Drawn & {readonly texts: readonly string[]; readonly delimiter: Delimiter},
  signal: AbortSignal | undefined,
): Promise<Table> {
  const {content, problem} = await changeFile(
    path,
    before => {
      const table = readTable(path, before ?? newTable(COLUMNS, delimiter), COLUMNS);
      const missing = new Map(drawn.filter(index => !table.rows.has(ids[index]!)).map(index => [ids[index]!, index]));
      if (missing.size === 0) return undefined;
      return withQueries(
        table,
        Array.from(missing, ([id, index]) => ({id, text: texts[index]!})),
      );
    },
    signal,
  );
  if (problem !== undefined || content === undefined) throw new InputError(problem ?? `${path} is gone. Run again.`);
  return readTable(path, content, COLUMNS);
}

/** Problems that a message lists. */
const SHOWN = 5;

/**
 * Reads what a person filled in.
 *
 * @returns classes by index of the text
 * @throws InputError that tells of the cells that hold no class
 */
export function readLabels(
  path: string,
  {rows}: Table,
  {drawn, ids, classes}: Drawn & {readonly classes: readonly string[]},
): ReadonlyMap<number, number> {
  const columns = [{name: COLUMNS[0]!, read: labelReader(classes)}];
  const truth = new Map<number, number>();
  const problems: string[] = [];
  for (const index of drawn) {
    const about = rows.get(ids[index]!) ?? [];
    if (about.every(({cells}) => cells[0] === '')) continue;
    const values = valuesIn(about, columns);
    if (typeof values === 'string') problems.push(values);
    else truth.set(index, values[0]!);
  }
  if (problems.length === 0) return truth;
  const more = problems.length > SHOWN ? `\n  and ${problems.length - SHOWN} more` : '';
  throw new InputError(`${path} can't be counted yet:\n  ${problems.slice(0, SHOWN).join('\n  ')}${more}`);
}
