import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {type LogFields, type LoggedRecord, namedIn, recordIn} from '../../data/logs/record.ts';
import type {Fields, LogRow} from '../../data/logs/rows.ts';
import {InputError} from '../../errors.ts';
import {labelOf} from '../../knowledge/coarsen.ts';
import type {Journal} from '../../store/journal/journal.ts';
import {type AnswerEntry, type AnswerStore, openAnswerStore} from '../../store/store.ts';
import type {Detail, Query, Teacher} from '../../teacher.ts';
import {keyed} from '../layer.ts';
import {ImportCounts} from './counts.ts';
import {type LoggedPrompt, loggedPrompt} from './prompt.ts';
import {loggedReader, type ReadLogged} from './read-logged.ts';

/** A log to import. */
export interface Log {
  /** Absolute path. */
  readonly file: string;
  readonly sha256: string;
  readonly rows: AsyncIterable<readonly LogRow[]>;
}

export interface ImportOptions {
  readonly store: AnswerStore;
  /** Records the answers, so that a lost store can be rebuilt. @default nothing does */
  readonly journal?: Pick<Journal, 'kept'> | undefined;
  /** A teacher that is not composed of others. */
  readonly teacher: Teacher;
  /** The least that each answer must hold. */
  readonly wanted: Detail;
  /** The query that the teacher is asked about a text. */
  queryAbout(text: string): Promise<Query>;
  readonly fields: LogFields;
  /** The prompt of the log with `{text}` in it. @default the teacher's own */
  readonly prompt?: string | undefined;
  /** Joins a record with its request, which another file holds. @default records hold their requests */
  readonly withRequest?: ((rows: readonly LogRow[]) => Promise<readonly LogRow[]>) | undefined;
  /** True if the last of several answers about one text counts, and not the first. @default false */
  readonly last?: boolean | undefined;
  /** True if an answer that is kept is replaced. @default false */
  readonly replace?: boolean | undefined;
  /** True to add nothing. @default false */
  readonly dryRun?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how many records of all logs were read. */
  readonly onProgress?: ((entries: number) => void) | undefined;
  /** Told the keys of what is imported, in several parts. */
  readonly onImported?: ((keys: readonly string[]) => void) | undefined;
}

/** How many answers go into the store at once. */
const BATCH = 1000;

/**
 * Imports the answers of logs as kept answers of a teacher. All logs are read before anything is added. Memory does not
 * grow with their size: until then the answers are in a file of their own.
 *
 * @throws InputError if a log can't be read; nothing is then added
 */
export async function importLogs(logs: readonly Log[], options: ImportOptions): Promise<ImportCounts> {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-import-'));
  const staged = openAnswerStore({path: join(folder, 'answers')});
  const counts = new ImportCounts();
  try {
    const stage = stager(staged, options, counts);
    for (const log of logs) {
      for await (const rows of log.rows) {
        options.signal?.throwIfAborted();
        await stage(log, rows);
        options.onProgress?.(counts.records);
      }
    }
    checkNamed(options.fields, counts);
    await add(staged, options, counts);
    return counts;
  } finally {
    await staged.close();
    await rm(folder, {recursive: true, force: true});
  }
}

/** @throws InputError if no record has a field that the user named */
function checkNamed(fields: LogFields, {seen, records}: ImportCounts): void {
  for (const [option, path] of Object.entries(fields)) {
    if (path === undefined || seen.has(option as keyof LogFields)) continue;
    throw new InputError(
      `None of the ${records} records has a field \`${path}\`, which \`--${option}\` names. Nothing is imported.`,
    );
  }
}

/** The names of a record's fields, for messages. */
function fieldsOf(entry: Fields): string {
  return `its fields are ${Object.keys(entry).join(', ')}`;
}

/** One answer of a log. */
interface Candidate extends AnswerEntry {
  readonly isOwnPrompt: boolean;
}

function stager(staged: AnswerStore, options: ImportOptions, counts: ImportCounts) {
  const {teacher, fields, last = false, withRequest = async (rows: readonly LogRow[]) => rows} = options;
  const prompt = loggedPrompt(teacher, options.prompt);
  const read = loggedReader(teacher, options.wanted);
  const candidate = async (log: Log, {line, fields: entry}: LogRow): Promise<Candidate | undefined> => {
    counts.records++;
    const at = `${log.file}, line ${line}`;
    if (entry === undefined) return counts.refuse('notJson', at);
    for (const option of namedIn(entry, fields, teacher.classes)) counts.seen.add(option);
    const record = recordIn(entry, fields, teacher.classes, at);
    if (record.isFailed) return counts.refuse('failed', at);
    const {text, isOwnPrompt} = textOf(record, prompt);
    if (text === undefined || text.trim() === '') return counts.refuse('noText', at, fieldsOf(entry));
    const answer = read(record);
    if (!('answer' in answer)) return counts.unread(answer, at);
    const query = await options.queryAbout(text);
    counts.saw(record);
    return {...entryOf(query, answer, {log, line, record, teacher}), isOwnPrompt};
  };
  return async (log: Log, rows: readonly LogRow[]): Promise<void> => {
    const fresh = new Map<string, Candidate>();
    const candidates: Candidate[] = [];
    for (const row of await withRequest(rows)) {
      const one = await candidate(log, row);
      if (one) candidates.push(one);
    }
    const before = await staged.getMany(candidates.map(({key}) => key));
    for (const [index, one] of candidates.entries()) {
      const other = fresh.get(one.key)?.stored ?? before[index];
      if (other !== undefined) {
        counts.repeats(
          labelsOf(other, one.stored, teacher),
          [other, one.stored].map(({imported}) => imported!),
        );
        if (!last) continue;
      } else if (one.isOwnPrompt) counts.ownPrompts++;
      fresh.set(one.key, one);
    }
    await staged.setMany(Array.from(fresh.values(), ({key, stored}) => ({key, stored})));
  };
}

function textOf(
  {text: message, request}: LoggedRecord,
  prompt: LoggedPrompt,
): {readonly text: string | undefined; readonly isOwnPrompt: boolean} {
  if (message === undefined || request === undefined) return {text: message, isOwnPrompt: false};
  const text = prompt.textIn(message);
  return {text, isOwnPrompt: text !== undefined && prompt.isOwn(request as Fields, text)};
}

interface Origin {
  readonly log: Log;
  readonly line: number;
  readonly record: LoggedRecord;
  readonly teacher: Teacher;
}

function entryOf(
  query: Query,
  {answer, detail}: Extract<ReadLogged, {readonly detail: Detail}>,
  {log: {file, sha256}, line, record: {date, model}, teacher}: Origin,
): AnswerEntry {
  const {key, digest} = keyed(teacher, query);
  const {name, identity} = teacher;
  return {
    key,
    stored: {
      ...{format: 1, teacher: {name, identity}, question: digest, detail, answer},
      storedAt: new Date().toISOString(),
      // No reader: an answer that another program read stays when this teacher's reader changes.
      imported: {file, sha256, line, date, model},
    },
  };
}

function labelsOf(
  one: AnswerEntry['stored'],
  other: AnswerEntry['stored'],
  {classes}: Teacher,
): readonly [first: string, second: string] {
  return [classes[labelOf(one.answer)]!, classes[labelOf(other.answer)]!];
}

/** Adds what was read to the store, in batches, each of which is kept as a whole. */
async function add(staged: AnswerStore, options: ImportOptions, counts: ImportCounts): Promise<void> {
  const {store, journal, replace = false, dryRun = false, onImported} = options;
  let batch: AnswerEntry[] = [];
  const flush = async () => {
    const held = await store.getMany(batch.map(({key}) => key));
    const wanted = batch.filter((_, index) => replace || held[index] === undefined);
    counts.kept += batch.length - wanted.length;
    counts.replaced += replace ? held.filter(stored => stored !== undefined).length : 0;
    counts.imported += wanted.length;
    if (!dryRun) {
      await journal?.kept(wanted);
      await store.setMany(wanted);
    }
    onImported?.(batch.map(({key}) => key));
    batch = [];
  };
  for await (const entry of staged.entries()) {
    options.signal?.throwIfAborted();
    batch.push(entry);
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
}
