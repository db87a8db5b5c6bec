import {KnowledgeError} from '../../errors.ts';
import {describeDetail} from '../../knowledge/coarsen.ts';
import {identityText} from '../../store/key.ts';
import type {AnswerEntry} from '../../store/store.ts';
import {problemWith} from '../../store/stored-answer.ts';
import {openTerminal} from '../terminal.ts';
import {type CacheFlags, withStore} from './with-store.ts';

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
