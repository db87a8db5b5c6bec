import {existsSync} from 'node:fs';
import {Command} from 'commander';
import {InputError} from '../errors.ts';
import {describeDetail} from '../knowledge/coarsen.ts';
import {type AnswerEntry, type AnswerStore, openAnswerStore} from '../knowledge/store.ts';
import {positive} from './numbers.ts';
import {withCacheFlag, withJson} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface CacheFlags {
  readonly cache: string;
  readonly json?: boolean;
}

/** `limbeck cache`: look at kept answers, and take one out. */
export function cacheCommand(): Command {
  return new Command('cache')
    .description('look at the answers that are kept')
    .addCommand(withFlags(new Command('stats')).description('count the answers of each teacher').action(runStats))
    .addCommand(
      withFlags(new Command('list'))
        .description('list answers, a line each')
        .option('--limit <count>', 'how many at most', positive, 20)
        .action(runList),
    )
    .addCommand(
      withFlags(new Command('delete'))
        .description('take answers out, so that they are asked for again')
        .argument('<keys...>', 'keys, as `list` and the messages of --offline show them')
        .action(runDelete),
    );
}

function withFlags(command: Command): Command {
  return withJson(withCacheFlag(command));
}

async function runStats({cache, json = false}: CacheFlags): Promise<void> {
  await withStore(cache, async store => {
    const teachers = new Map<string, {teacher: string; answers: number}>();
    for await (const {stored} of store.entries()) {
      const identity = JSON.stringify(stored.teacher.identity);
      const counted = teachers.get(identity) ?? {teacher: stored.teacher.name, answers: 0};
      counted.answers++;
      teachers.set(identity, counted);
    }
    const rows = [...teachers.values()];
    const answers = rows.reduce((sum, row) => sum + row.answers, 0);
    const lines = rows.map(row => `${String(row.answers).padStart(9)}  ${row.teacher}`);
    const text = [`${cache}: ${answers} answers of ${rows.length} teachers`, ...lines].join('\n');
    openTerminal({json}).result({cache, answers, teachers: rows}, text);
  });
}

async function runList({cache, json = false, limit}: CacheFlags & {readonly limit: number}): Promise<void> {
  await withStore(cache, async store => {
    const entries: AnswerEntry[] = [];
    for await (const entry of store.entries()) {
      if (entries.length === limit) break;
      entries.push(entry);
    }
    const rows = entries.map(({key, stored: {teacher, question, detail, storedAt}}) => ({
      key,
      teacher: teacher.name,
      detail: describeDetail(detail),
      question,
      storedAt,
    }));
    const lines = rows.map(({key, teacher, detail, storedAt}) => `${key}  ${storedAt}  ${detail}  ${teacher}`);
    openTerminal({json}).result({cache, answers: rows}, lines.join('\n'));
  });
}

async function runDelete(keys: readonly string[], {cache, json = false}: CacheFlags): Promise<void> {
  await withStore(cache, async store => {
    const unknown: string[] = [];
    for (const key of keys) if (!(await store.delete(key))) unknown.push(key);
    if (unknown.length > 0) {
      throw new InputError(
        `${cache} holds no answer under ${unknown.join(', ')}. \`limbeck cache list\` shows the keys.`,
      );
    }
    openTerminal({json}).result({cache, deleted: keys}, `Deleted ${keys.length} from ${cache}`);
  });
}

/** A cache that is only looked at is never made. */
async function withStore(path: string, use: (store: AnswerStore) => Promise<void>): Promise<void> {
  if (!existsSync(path)) throw new InputError(`There is no cache at ${path}. Give its path with --cache.`);
  const store = openAnswerStore({path});
  try {
    await use(store);
  } finally {
    await store.close();
  }
}
