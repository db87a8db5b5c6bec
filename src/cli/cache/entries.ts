import {existsSync} from 'node:fs';
import {InputError} from '../../errors.ts';
import {journalOf} from '../../store/cache-path.ts';
import {writeDeleted} from '../../store/journal/deleted-keys.ts';
import {exportAnswers} from '../../store/portable.ts';
import {noteOnSkipped, type Quarantined, readQuarantine} from '../../store/quarantine.ts';
import {openTerminal} from '../terminal.ts';
import {type CacheFlags, withStore} from './with-store.ts';

export async function runDelete(keys: readonly string[], {cache, json = false}: CacheFlags): Promise<void> {
  await withStore(cache, async store => {
    const unknown: string[] = [];
    // Recorded first, because an answer deleted without a record would come back from the journal.
    writeDeleted(journalOf(cache), keys);
    for (const key of keys) if (!(await store.delete(key))) unknown.push(key);
    if (unknown.length > 0) {
      throw new InputError(
        `${store.name} holds no answer under ${unknown.join(', ')}. \`limbeck cache list\` shows the keys.`,
      );
    }
    openTerminal({json}).result({cache: store.name, deleted: keys}, `Deleted ${keys.length} from ${store.name}`);
  });
}

interface ExportFlags extends CacheFlags {
  readonly teacher?: string;
}

export async function runExport(file: string, {cache, json = false, teacher = ''}: ExportFlags): Promise<void> {
  await withStore(cache, async store => {
    const answers = await exportAnswers(store, file, ({stored}) => stored.teacher.name.includes(teacher));
    openTerminal({json}).result({cache: store.name, file, answers}, `Wrote ${answers} answers to ${file}`);
  });
}

export function runQuarantineList({cache, json = false}: CacheFlags): void {
  const journal = journalOf(cache);
  if (!existsSync(journal)) {
    throw new InputError(
      `There is no journal at ${journal}, beside the cache. Give the path of the cache with --cache.`,
    );
  }
  const terminal = openTerminal({json});
  const {byKey, skipped} = readQuarantine(journal);
  const note = noteOnSkipped(skipped);
  if (note !== undefined) terminal.note(note);
  const rows = Array.from(byKey, ([key, entry]) => rowOf(key, entry));
  const text = [`${journal}: ${rows.length} quarantined`, ...rows.map(lineOf)].join('\n');
  terminal.result({journal, quarantined: rows, skipped}, text);
}

interface Row extends Omit<Quarantined, 'place' | 'said'> {
  readonly key: string;
  readonly said?: string;
  readonly nearest?: string;
}

function rowOf(key: string, {place: _, said, ...entry}: Quarantined): Row {
  return {key, ...entry, ...(said && {said: said.text, nearest: said.nearest})};
}

/** Entries of earlier versions hold only the reason. */
function lineOf({key, at, teacher, input, why}: Row): string {
  const head = [key.slice(0, 12), at, teacher, input === undefined ? undefined : JSON.stringify(input)];
  return `${head.filter(part => part !== undefined).join('  ')}\n  ${why}`;
}
