import {InputError} from '../../errors.ts';
import {importAnswers} from '../../store/portable.ts';
import {openTerminal} from '../terminal.ts';
import {type ImportLogFlags, runImportLogs} from './import-log.ts';
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
