import {exportAnswers, importAnswers} from '../../store/portable.ts';
import {openTerminal} from '../terminal.ts';
import {type CacheFlags, withNewStore, withStore} from './with-store.ts';

interface ExportFlags extends CacheFlags {
  readonly teacher?: string;
}

export async function runExport(file: string, {cache, json = false, teacher = ''}: ExportFlags): Promise<void> {
  await withStore(cache, async store => {
    const answers = await exportAnswers(store, file, ({stored}) => stored.teacher.name.includes(teacher));
    openTerminal({json}).result({cache: store.name, file, answers}, `Wrote ${answers} answers to ${file}`);
  });
}

export async function runImport(file: string, {cache, json = false}: CacheFlags): Promise<void> {
  await withNewStore(cache, async store => {
    const {answers, added} = await importAnswers(store, file);
    const text = `Added ${added} of ${answers} answers to ${store.name}`;
    openTerminal({json}).result({cache: store.name, file, answers, added}, text);
  });
}
