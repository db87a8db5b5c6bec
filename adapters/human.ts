import {createHash} from 'node:crypto';
import {changeFile, contentOfSync} from '../src/data/human-table/file.ts';
import {
  type Delimiter,
  idOf,
  newTable,
  type Row,
  readTable,
  type Table,
  valuesIn,
  withQueries,
} from '../src/data/human-table/table.ts';
import {InputError, TeacherError} from '../src/errors.ts';
import {textOf} from '../src/input-kinds.ts';
import {checkOptions} from '../src/options.ts';
import type {Question} from '../src/question.ts';
import type {Input, Outcome, Query, Teacher} from '../src/teacher.ts';
import {checkSubject, inputsIn, NO_QUESTION} from './_answers/heads.ts';
import {givenQuestions, HUMAN_KINDS} from './_local/given.ts';
import {type FormPart, formsOf} from './_local/human-form.ts';

export interface HumanOptions {
  /** The CSV file to fill in. It is created at the first query. */
  readonly path: string;
  /** Names of the classes, as people must write them. Or give `questions`. */
  readonly classes?: readonly string[];
  /**
   * The questions; see `choice`, `predicate` and `score` of `limbeck/ask`. Each has a column of its name in the place of
   * `label`. Or give `classes`.
   */
  readonly questions?: readonly Question[];
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
   * Their names. Each has a column `label NAME`; with questions, one for each question. An answer is the labels of all people, counted as votes. `repeat`
   * would count one person's label several times.
   */
  readonly people: readonly string[];
  readonly confidence?: false;
}

/** A person who says the class and how sure that is. */
interface ConfidentHuman extends HumanOptions {
  readonly people?: undefined;
  /** Adds a column `confidence`, or one for each question: the probability of the label, such as 0.8 or 80%. The others share the remainder. */
  readonly confidence: true;
}

/**
 * A person as the teacher. Queries are written into a table. Somebody fills it in with any spreadsheet, saves it and
 * closes it, and the next run reads it. Until then each query fails alone, and every run asks it again. Put it at the
 * end of a `cascade`, which passes on only the queries that the teachers before it are not sure of.
 *
 * With questions a row can be filled in for some of them, and the others wait. Put a column for a new question into the
 * first row of an existing table yourself.
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
  checkOptions('human', options, HUMAN_KINDS);
  const {path, classes, questions, show, delimiter = ','} = options;
  if (!path) throw new InputError('human: Give the `path` of the CSV file to fill.');
  const name = `human ${path}`;
  checkSubject('human', options);
  const forms = formsOf(options);
  const columns = forms.flatMap(form => form.columns.map(column => column.name));
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
      known = filledIn(tableIn(contentOfSync(path)), forms);
      identity = {adapter: 'human', ...(classes && {classes}), columns, filled: digestOf(known)};
      return identity;
    },
    access: forms[0]!.access,
    classes: classes ?? [],
    questions: givenQuestions(questions),
    detail: forms[0]!.detail,
    maxBatch: MAX_BATCH,
    async ask(queries, {signal} = {}) {
      const inputs = inputsIn(queries);
      const asked = inputs.map(({query}) => shownTo(query, show));
      const add = (content: string | undefined): string | undefined => {
        const table = tableIn(content);
        const fresh = new Map(asked.flatMap(({id, text}) => (text === undefined ? [] : [[id, {id, text}] as const])));
        for (const id of table.rows.keys()) fresh.delete(id);
        return fresh.size === 0 ? undefined : withQueries(table, [...fresh.values()]);
      };
      const {content, problem} = await changeFile(path, add, signal);
      signal?.throwIfAborted();
      const table = tableIn(content);
      return inputs.flatMap(({rows}, index) =>
        rows.map((row): Outcome => {
          const form = formFor(forms, queries[row]!);
          if (form === undefined) return {error: new TeacherError(name, NO_QUESTION)};
          const values = readFor(asked[index]!, table, form, known) ?? problem!;
          if (typeof values === 'string') return {error: new TeacherError(name, values)};
          return {answer: form.answerOf(values)} as Outcome;
        }),
      );
    },
  };
}

function formFor(forms: readonly FormPart[], {question}: Query): FormPart | undefined {
  const [only] = forms;
  return only?.question === undefined ? only : forms.find(form => form.question?.name === question?.name);
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
  form: FormPart,
  known: ReadonlyMap<string, string> | undefined,
): readonly number[] | string | undefined {
  const about = rows.get(id);
  if (about === undefined) return problem;
  const {number} = about[0]!;
  const isOfOther = text !== undefined && about.every(row => row.text !== text) && (ids.get(text) ?? id) !== id;
  if (isOfOther) {
    return `Row ${number} has the text of another row. Undo what moved some of its cells without the others.`;
  }
  const values = valuesOf(about, form);
  if (typeof values === 'string' || known === undefined || known.get(keyOf(id, form)) === values.join(' '))
    return values;
  return `Row ${number} was filled in or changed after this run began. Run again.`;
}

function valuesOf(rows: readonly Row[], {columns, start}: FormPart): readonly number[] | string {
  const own = rows.map(row => ({...row, cells: row.cells.slice(start, start + columns.length)}));
  return valuesIn(own, columns);
}

function keyOf(id: string, {question}: FormPart): string {
  return question === undefined ? id : `${id} ${question.name}`;
}

/** Returns the filled-in values of a whole table, by id and question. */
function filledIn({rows}: Table, forms: readonly FormPart[]): ReadonlyMap<string, string> {
  const filled = new Map<string, string>();
  for (const [id, about] of rows) {
    for (const form of forms) {
      const values = valuesOf(about, form);
      if (typeof values !== 'string') filled.set(keyOf(id, form), values.join(' '));
    }
  }
  return filled;
}

/** Does not depend on the order of the rows. */
function digestOf(filled: ReadonlyMap<string, string>): string {
  const lines = Array.from(filled, ([id, values]) => `${id} ${values}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}
