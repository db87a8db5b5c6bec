import {createHash} from 'node:crypto';
import {changeFile, contentOfSync} from '../src/data/human-table/file.ts';
import {
  type Column,
  type Delimiter,
  idOf,
  labelReader,
  newTable,
  readTable,
  type Table,
  valuesIn,
  withQueries,
} from '../src/data/human-table/table.ts';
import {InputError, TeacherError} from '../src/errors.ts';
import {textOf} from '../src/input-kinds.ts';
import {checkOptions} from '../src/options.ts';
import type {Answer, Detail, Input, Outcome, Query, Teacher} from '../src/teacher.ts';
import {checkForm, HUMAN_KINDS} from './_local/given.ts';

export interface HumanOptions {
  /** The CSV file to fill in. It is created at the first query. */
  readonly path: string;
  /** Names of the classes, as people must write them. */
  readonly classes: readonly string[];
  /**
   * Returns what a person sees of an input, such as the path or the address of an image.
   *
   * @default a text as it is; a tensor can't be shown
   */
  readonly show?: (input: Input) => string;
  /**
   * The delimiter between the cells of a new file. A spreadsheet expects the delimiter of the system's language: `;` if
   * numbers have a decimal comma. An existing file keeps its own.
   *
   * @default ','
   */
  readonly delimiter?: Delimiter;
}

/** A person who says the class. */
interface LabellingHuman extends HumanOptions {
  readonly people?: undefined;
  readonly confidence?: false;
}

/** Several people who say the class. */
interface VotingHumans extends HumanOptions {
  /**
   * Their names. Each has a column `label NAME`. An answer is the labels of all people, counted as votes. `repeat`
   * would count one person's label several times.
   */
  readonly people: readonly string[];
  readonly confidence?: false;
}

/** A person who says the class and how sure that is. */
interface ConfidentHuman extends HumanOptions {
  readonly people?: undefined;
  /** Adds a column `confidence`: the probability of the label, such as 0.8 or 80%. The others share the remainder. */
  readonly confidence: true;
}

/**
 * A person as the teacher. Queries are written into a table. Somebody fills it in with any spreadsheet, saves it and
 * closes it, and the next run reads it. Until then each query fails alone, and every run asks it again. Put it at the
 * end of a `cascade`, which passes on only the queries that the teachers before it are not sure of.
 *
 * The table has the columns `label`, `text` and `id`, and any others that somebody adds. Rows can be sorted. New rows
 * are appended, and existing rows are never changed. A row that somebody wrote by hand needs a text and a label, but no
 * id. A `'` is put before a text that a spreadsheet would run as a formula.
 *
 * The identity holds every filled-in cell: after a label is added or corrected, every answer is read from the table
 * again, which costs nothing. A run reads the identity when it begins. Changes after that belong to the next run.
 *
 * @throws InputError if the options can't be used; from `ask` and `identity` if the file is no such table
 */
export function human(options: ConfidentHuman): Teacher<'gray-box'>;
export function human(options: LabellingHuman | VotingHumans): Teacher<'black-box'>;
export function human(options: LabellingHuman | VotingHumans | ConfidentHuman): Teacher {
  checkOptions('human', options, HUMAN_KINDS, ['classes']);
  const {path, classes, show, delimiter = ','} = options;
  if (!path) throw new InputError('human: Give the `path` of the CSV file to fill.');
  const name = `human ${path}`;
  const form = formOf(options);
  const columns = form.columns.map(column => column.name);
  let last: Table | undefined;
  const tableIn = (content: string | undefined): Table => {
    const whole = content?.trim() ? content : newTable(columns, delimiter);
    // A long table is parsed once, not for each thousand of its queries.
    if (last?.content !== whole) last = readTable(path, whole, columns);
    return last;
  };
  let identity: Teacher['identity'] | undefined;
  /** The cells that were filled in when the identity was read, by id. */
  let known: ReadonlyMap<string, string> | undefined;
  return {
    name,
    /** A getter, because it reads the file. */
    get identity() {
      if (identity !== undefined) return identity;
      known = filledIn(tableIn(contentOfSync(path)), form);
      identity = {adapter: 'human', classes, columns, filled: digestOf(known)};
      return identity;
    },
    access: form.access,
    classes,
    detail: form.detail,
    maxBatch: MAX_BATCH,
    async ask(queries, {signal} = {}) {
      const asked = queries.map(query => shownTo(query, show));
      const add = (content: string | undefined): string | undefined => {
        const table = tableIn(content);
        const fresh = new Map(asked.flatMap(({id, text}) => (text === undefined ? [] : [[id, {id, text}] as const])));
        for (const id of table.rows.keys()) fresh.delete(id);
        return fresh.size === 0 ? undefined : withQueries(table, [...fresh.values()]);
      };
      const {content, problem} = await changeFile(path, add, signal);
      signal?.throwIfAborted();
      const table = tableIn(content);
      return asked.map((query): Outcome => {
        const values = readFor(query, table, form, known) ?? problem!;
        if (typeof values === 'string') return {error: new TeacherError(name, values)};
        return {answer: form.answerOf(values)} as Outcome;
      });
    },
  };
}

/** The most queries per `ask`. Each `ask` reads the whole file. */
const MAX_BATCH = 1000;

/** The most characters that a cell of common spreadsheets holds. They cut off the rest, or split it into new rows. */
const LONGEST_CELL = 32_767;

/** A query with the text that a person sees, or the reason that it can't be shown. */
type Shown = {readonly id: string; readonly text?: string; readonly problem?: string};

function shownTo({input}: Query, show: HumanOptions['show']): Shown {
  const id = idOf(input);
  try {
    const text = show ? show(input) : textOf(input);
    if (typeof text !== 'string') return {id, problem: `A ${input.kind} can't be shown in a table. ${SHOW}`};
    if (text.length <= LONGEST_CELL) return {id, text};
    return {id, problem: `A text of ${text.length} characters does not fit in a cell of a spreadsheet. ${SHOW}`};
  } catch (error) {
    return {id, problem: `\`show\` failed (${error instanceof Error ? error.message : String(error)}). Mend it.`};
  }
}

const SHOW = 'Use `show` to say what a person is to see, such as the path of a file.';

/**
 * Returns the values of a query, the problem with them as sentences, or undefined if the query is not in the table.
 *
 * @param known - the values that were filled in when the run began, by id
 */
function readFor(
  {id, text, problem}: Shown,
  {rows, ids}: Table,
  form: Form,
  known: ReadonlyMap<string, string> | undefined,
): readonly number[] | string | undefined {
  const about = rows.get(id);
  if (about === undefined) return problem;
  const {number} = about[0]!;
  const isOfOther = text !== undefined && about.every(row => row.text !== text) && (ids.get(text) ?? id) !== id;
  if (isOfOther) {
    return `Row ${number} has the text of another row. Undo what moved some of its cells without the others.`;
  }
  const values = valuesIn(about, form.columns);
  if (typeof values === 'string' || known === undefined || known.get(id) === values.join(' ')) return values;
  return `Row ${number} was filled in or changed after this run began. Run again.`;
}

/** Returns the filled-in values of a whole table, by id. */
function filledIn({rows}: Table, form: Form): ReadonlyMap<string, string> {
  const filled = new Map<string, string>();
  for (const [id, about] of rows) {
    const values = valuesIn(about, form.columns);
    if (typeof values !== 'string') filled.set(id, values.join(' '));
  }
  return filled;
}

/** Does not depend on the order of the rows. */
function digestOf(filled: ReadonlyMap<string, string>): string {
  const lines = Array.from(filled, ([id, values]) => `${id} ${values}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}

/** The columns that a person fills in, and their meaning. */

export interface Form {
  readonly columns: readonly Column[];
  readonly access: 'black-box' | 'gray-box';
  readonly detail: Detail;
  /** @param values - one per column */
  answerOf(values: readonly number[]): Answer;
}

type FormOptions = Pick<VotingHumans | ConfidentHuman | LabellingHuman, 'classes' | 'people' | 'confidence'>;

/**
 * Checks the options and returns what the table asks for.
 *
 * @internal
 * @throws InputError if the options can't be used
 */
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

function checkPeople(people: readonly string[], confidence: boolean): void {
  const names = people.map(name => name.toLowerCase());
  if (people.length === 0 || names.some(name => name.trim() !== name || name === '')) {
    throw new InputError('human: `people` must name somebody, without spaces at the ends of a name.');
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

/** Reads a share of 1, or of 100 with a percent sign. The decimal separator is a point or a comma. */
function readConfidence(cell: string): number | string {
  const [, digits, percent] = /^(\d*[.,]?\d+)\s*(%?)$/.exec(cell) ?? [];
  const value = Number(digits?.replace(',', '.')) / (percent ? 100 : 1);
  if (value > 0 && value <= 1) return value;
  return 'It must be above 0 and at most 1, such as 0.8, or a percentage, such as 80%.';
}
