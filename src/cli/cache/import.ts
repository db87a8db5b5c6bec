import {existsSync} from 'node:fs';
import {resolve} from 'node:path';
import {importLogs} from '../../ask/import/import-log.ts';
import {openRequests} from '../../ask/import/requests.ts';
import {packChooser} from '../../ask/probe/pack-chooser.ts';
import type {LogFields} from '../../data/logs/record.ts';
import {digestOfLog, type LogFormat, readRows} from '../../data/logs/rows.ts';
import {InputError} from '../../errors.ts';
import {loadRecipe} from '../../recipe/load.ts';
import {recipeOfOne} from '../../recipe/questions.ts';
import {resolveRecipe} from '../../recipe/resolve.ts';
import {isStoreUrl, journalOf} from '../../store/cache-path.ts';
import {type Journal, openJournal} from '../../store/journal/journal.ts';
import {importAnswers} from '../../store/portable.ts';
import {type AnswerStore, openAnswerStore} from '../../store/store.ts';
import {counted} from '../../study/report/format.ts';
import {openServices} from '../../study/services.ts';
import {openTeachers} from '../../study/teachers.ts';
import {stopSignal} from '../study-options.ts';
import {openTerminal} from '../terminal.ts';
import {checkImported, importDocument, importText} from './import-text.ts';
import {coverageOf, recipeAndLevel, soleLeaf} from './imported-teacher.ts';
import {type CacheFlags, withNewStore} from './with-store.ts';

/** Imports the answers of an exported file, or those of logs. */
export async function runImport(file: string | undefined, flags: CacheFlags & Partial<ImportLogFlags>): Promise<void> {
  const {from, teacher} = flags;
  if (file !== undefined && from !== undefined) {
    throw new InputError('Give an exported file, or logs with `--from`, not both.');
  }
  if (from !== undefined) return runImportLogs({...flags, from});
  if (file === undefined || teacher !== undefined) {
    throw new InputError('Give a file of `limbeck cache export`, or logs with `--from` and `--teacher`.');
  }
  return importExported(file, flags);
}

async function importExported(file: string, {cache, json = false}: CacheFlags): Promise<void> {
  await withNewStore(cache, async store => {
    const {answers, added} = await importAnswers(store, file);
    const text = `Added ${added} of ${answers} answers to ${store.name}`;
    openTerminal({json}).result({cache: store.name, file, answers, added}, text);
  });
}

export interface ImportLogFlags extends CacheFlags, LogFields {
  readonly from: readonly string[];
  /** The path of a recipe and one of its levels, as `recipe.ts#black-box`. */
  readonly teacher?: string;
  readonly batchInput?: readonly string[];
  readonly prompt?: string;
  readonly format?: LogFormat;
  readonly last?: boolean;
  readonly replace?: boolean;
  readonly dryRun?: boolean;
}

/** Imports the answers of logs as kept answers of a recipe's teacher. */
export async function runImportLogs(flags: ImportLogFlags): Promise<void> {
  const {cache, from, batchInput, prompt, format, last, replace, json = false, dryRun = false} = flags;
  const {text, label, probabilities, logprobs, date, model} = flags;
  const terminal = openTerminal({json});
  const {path, level} = recipeAndLevel(flags.teacher);
  checkPrompt(prompt);
  const digests = await Promise.all(from.map(digestOfLog));
  const recipe = await resolveRecipe(recipeOfOne(await loadRecipe(path), undefined));
  const services = openServices();
  const requests = batchInput && (await openRequests(batchInput));
  try {
    const {byLevel} = await openTeachers(
      recipe,
      [level],
      services,
      packChooser({journal: journalOf(cache), onNote: terminal.note}),
    );
    const leaf = soleLeaf(byLevel[level]!, recipe, level);
    const coverage = await coverageOf(recipe, leaf);
    const lines = digests.reduce((sum, digest) => sum + digest.lines, 0);
    const tell = (records: number) =>
      terminal.progress({task: 'read', done: records, total: lines, detail: counted(records, 'record')});
    const logs = from.map((file, index) => {
      return {file: resolve(file), sha256: digests[index]!.sha256, rows: readRows(file, format)};
    });
    const counts = await withStoreFor(cache, dryRun, (store, journal) =>
      importLogs(logs, {
        ...{store, journal, ...leaf, prompt, last, replace, dryRun},
        fields: {text, label, probabilities, logprobs, date, model},
        withRequest: requests?.withRequest,
        signal: stopSignal(),
        // The task ends when the answers are added.
        onProgress: records => tell(Math.min(records, lines - 1)),
        onImported: coverage.add,
      }),
    );
    tell(Math.max(lines, 1));
    const {teacher, wanted} = leaf;
    const report = {counts, teacher, wanted, level, cache, files: from, coverage: coverage.rows(), dryRun};
    terminal.result(importDocument(report), importText(report));
    checkImported(report);
  } finally {
    await requests?.close();
    await services.close();
  }
}

function checkPrompt(prompt: string | undefined): void {
  if (prompt === undefined || prompt.split('{text}').length === 2) return;
  throw new InputError('`--prompt` must hold `{text}` once, where the log has the text.');
}

/** A dry run makes no cache and no journal. */
async function withStoreFor<T>(
  cache: string,
  dryRun: boolean,
  use: (store: AnswerStore, journal: Journal | undefined) => Promise<T>,
): Promise<T> {
  let result: T | undefined;
  const keep = async (store: AnswerStore) => {
    const journal = dryRun ? undefined : await openJournal(journalOf(cache));
    try {
      result = await use(store, journal);
    } finally {
      await journal?.close();
    }
  };
  if (dryRun && !isStoreUrl(cache) && !existsSync(cache)) await keep(openAnswerStore({store: new Map()}));
  else await withNewStore(cache, keep);
  return result!;
}
