import {existsSync} from 'node:fs';
import {InputError, KnowledgeError} from '../../errors.ts';
import {describeDetail} from '../../knowledge/coarsen.ts';
import {journalOf} from '../../store/cache-path.ts';
import {writeDeleted} from '../../store/journal/deleted-keys.ts';
import {exportAnswers} from '../../store/portable.ts';
import {noteOnSkipped, type Quarantined, readQuarantine} from '../../store/quarantine.ts';
import type {AnswerEntry} from '../../store/store.ts';
import {identityText, problemWith} from '../../store/stored-answer.ts';
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

/** The number of wrong answers that a message names. */
const NAMED = 5;

export async function runStats({cache, json = false}: CacheFlags): Promise<void> {
  await withStore(cache, async store => {
    const teachers = new Map<string, {teacher: string; answers: number; imported: number}>();
    for await (const {stored} of store.entries()) {
      const identity = identityText(stored.teacher.identity);
      const counted = teachers.get(identity) ?? {teacher: stored.teacher.name, answers: 0, imported: 0};
      counted.answers++;
      if (stored.imported) counted.imported++;
      teachers.set(identity, counted);
    }
    const rows = [...teachers.values()];
    const answers = rows.reduce((sum, row) => sum + row.answers, 0);
    const lines = rows.map(({teacher, answers, imported}) => {
      return `${String(answers).padStart(9)}  ${teacher}${imported === 0 ? '' : `, ${imported} of them imported`}`;
    });
    const text = [`${store.name}: ${answers} answers of ${rows.length} teachers`, ...lines].join('\n');
    openTerminal({json}).result({cache: store.name, answers, teachers: rows}, text);
  });
}

export async function runList({cache, json = false, limit}: CacheFlags & {readonly limit: number}): Promise<void> {
  await withStore(cache, async store => {
    const entries: AnswerEntry[] = [];
    for await (const entry of store.entries()) {
      if (entries.length === limit) break;
      entries.push(entry);
    }
    const rows = entries.map(({key, stored: {teacher, question, detail, storedAt, receipt, imported}}) => ({
      key,
      teacher: teacher.name,
      detail: describeDetail(detail),
      question,
      storedAt,
      ...receipt,
      imported,
    }));
    const lines = rows.map(({key, teacher, detail, storedAt, imported}) => {
      const origin = imported ? `  imported from ${imported.file}, line ${imported.line}` : '';
      return `${key}  ${storedAt}  ${detail}  ${teacher}${origin}`;
    });
    openTerminal({json}).result({cache: store.name, answers: rows}, lines.join('\n'));
  });
}

export async function runVerify({cache, json = false}: CacheFlags): Promise<void> {
  await withStore(cache, async store => {
    let answers = 0;
    const problems: {readonly key: string; readonly problem: string}[] = [];
    for await (const entry of store.entries()) {
      answers++;
      const problem = problemWith(entry);
      if (problem !== undefined) problems.push({key: entry.key, problem});
    }
    const text = `${store.name}: ${answers} answers, ${problems.length === 0 ? 'all right' : `${problems.length} wrong`}`;
    openTerminal({json}).result({cache: store.name, answers, problems}, text);
    if (problems.length === 0) return;
    const named = problems.slice(0, NAMED).map(({key, problem}) => `\n  ${key}: ${problem}`);
    throw new KnowledgeError(
      `${problems.length} answers in ${store.name} are wrong. ` +
        `Delete them with \`limbeck cache delete KEY\`, so that the teacher is asked again:${named.join('')}`,
    );
  });
}
