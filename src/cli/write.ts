import {dirname, join} from 'node:path';
import {openAsking} from '../ask/asking.ts';
import {outcomesOf} from '../ask/collect.ts';
import {withProgress} from '../ask/progress/meter.ts';
import {checkPermission} from '../ask/provider/terms.ts';
import {checkWritable} from '../data/files.ts';
import {isSharded} from '../data/shards/dataset.ts';
import type {Dataset, UnlabelledDataset} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {loadRecipe} from '../recipe/load.ts';
import type {Recipe} from '../recipe/recipe.ts';
import type {WritingOptions} from '../recipe/writing.ts';
import {journalOf} from '../store/cache-path.ts';
import {directoryOf} from '../study/study.ts';
import {readWrittenLines, saveWrittenLines} from '../write/file.ts';
import {taskOf} from '../write/task.ts';
import {lacking, type WriteOptions, writeTexts} from '../write/write-texts.ts';
import type {Writer} from '../writer.ts';
import {type StudyFlags, studyOptions} from './study-options.ts';
import {openTerminal, type Terminal} from './terminal.ts';
import {costNote, describeWritten, failureNote, stopNote, writtenDocument} from './write-report.ts';
import {openDoubter} from './write-unsure.ts';

interface WriteFlags extends Omit<StudyFlags, 'cache'> {
  readonly cache: string;
  readonly count: number;
  readonly perRequest: number;
  readonly seed: number;
  /** The folder of a student that says what it is unsure of. */
  readonly student?: string;
}

/** How many texts are written for each that is kept because the student is unsure of it. */
const OVERPRODUCED = 4;

export async function runWrite(path: string, {out: given, ...flags}: WriteFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const {count, perRequest, seed, student} = flags;
  const recipe = await loadRecipe(path);
  const writing = writerOf(recipe, path);
  const out = given ?? join(directoryOf(recipe), 'written.jsonl');
  await checkWritable(dirname(out));
  const data = await dataOf(recipe);
  const task = taskOf(writing, data);
  const before = await readWrittenLines(out);
  const doubter = student === undefined ? undefined : await openDoubter(student, task);
  const unsure = await doubter?.unsure(data, before);
  const writer = checkedWriter(await writing.model());
  // A student that learns from its texts learns from its answers.
  const hasPermission = flags.iHavePermission ?? recipe.hasPermission ?? false;
  checkPermission([writer.prompted], hasPermission || flags.offline === true);
  const plan = {task, before, count, perRequest, seed, unsure, writer: writer.model};
  const {result, ledger} = await asked(writer, {...plan, overproduce: doubter ? OVERPRODUCED : 1}, flags, terminal);
  const lines = doubter ? await doubter.choose(before, result.lines, lacking(plan)) : result.lines;
  if (lines.length > 0) await saveWrittenLines(out, lines);
  if (result.failed.first) terminal.note(failureNote(result.failed));
  if (result.stopped) terminal.note(stopNote(result.stopped));
  const written = {...plan, ...result, lines, out, ledger, isChosen: doubter !== undefined};
  terminal.result(writtenDocument(written), describeWritten(written));
}

/** Writes texts by the layers of a teacher: its cache, its journal, its limits and its budget. */
async function asked(
  writer: Writer,
  plan: Omit<WriteOptions, 'ask' | 'signal'>,
  flags: Omit<WriteFlags, 'out'>,
  terminal: Terminal,
) {
  const {record, budget, retryQuarantined, firstAnswerWithin, wait, signal} = studyOptions(flags, terminal);
  const {cache} = flags;
  const {progress: onProgress, note: onNote} = terminal;
  const cost = costNote(writer, plan);
  if (cost !== undefined) onNote(cost);
  const options = {record, budget, retryQuarantined, firstAnswerWithin, wait, onNote};
  const asking = await openAsking({...options, cache, journal: journalOf(cache)});
  try {
    const opened = asking.open(writer.prompted);
    let sent = 0;
    const result = await writeTexts({
      ...plan,
      signal,
      async ask(queries) {
        const total = queries.length;
        const task = {task: `write, requests ${sent + 1} to ${sent + total}`, total};
        sent += total;
        return withProgress({signal, onProgress}, opened, task, told =>
          outcomesOf(opened.teacher, {count: total, at: index => queries[index]!}, told),
        );
      },
    });
    return {result, ledger: opened.ledger.snapshot()};
  } finally {
    await asking.close();
  }
}

/** @throws InputError if the recipe names nobody who writes */
function writerOf({writer, questions}: Recipe, path: string): WritingOptions {
  if (questions) throw new InputError(`Texts are written for classes, and ${path} has \`questions\`.`);
  if (writer !== undefined) return writer;
  throw new InputError(`${path} has no \`writer\`. Say in it who writes, what the texts are, and what each class is.`);
}

/**
 * The recipe's data, without a file of written texts that is not there yet; undefined if there are no texts at all.
 *
 * @throws InputError if its inputs are no texts
 */
async function dataOf({data}: Recipe): Promise<Dataset | UnlabelledDataset | undefined> {
  const read = await Promise.resolve()
    .then(() => data())
    .catch((error: unknown) => {
      const {isUnwritten, real} = error as {readonly isUnwritten?: boolean; readonly real?: Dataset};
      if (isUnwritten) return real;
      throw error;
    });
  if (read === undefined) return read;
  if (isSharded(read)) {
    throw new InputError('Texts are written where there are few, and the recipe’s training inputs are in shards.');
  }
  if (read.train.inputs.kind === 'text') return read;
  throw new InputError(
    `Only texts are written, and the recipe’s inputs are of the kind \`${read.train.inputs.kind}\`.`,
  );
}

/** @throws InputError if the recipe gives something else, such as a teacher */
function checkedWriter(writer: Writer): Writer {
  if (typeof writer?.prompted?.ask === 'function') return writer;
  throw new InputError("`writer.model` gives no writer. Give its adapter `output: 'texts'`.");
}
