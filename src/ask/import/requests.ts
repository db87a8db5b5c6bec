import {hash} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {isFields, type LogRow, readRows} from '../../data/logs/rows.ts';
import {InputError} from '../../errors.ts';
import {LmdbStore} from '../../store/lmdb/store.ts';

/** The requests of batches, by which their results are told apart: results hold an id instead of the request. */
export interface BatchRequests {
  /** Puts the request into each result. */
  withRequest(rows: readonly LogRow[]): Promise<readonly LogRow[]>;
  close(): Promise<void>;
}

interface Kept {
  readonly request: unknown;
}

/**
 * Reads the files of requests that were submitted to batch services, in the form of OpenAI and of those that follow it, of
 * Anthropic, or of Gemini. They are in a file of their own and not in memory.
 *
 * @throws InputError if a file can't be read, or has another form, or two requests have one id
 */
export async function openRequests(paths: readonly string[]): Promise<BatchRequests> {
  const folder = await mkdtemp(join(tmpdir(), 'limbeck-requests-'));
  const store = new LmdbStore(join(folder, 'requests'));
  const close = async () => {
    await store.disconnect();
    await rm(folder, {recursive: true, force: true});
  };
  try {
    for (const path of paths) for await (const rows of readRows(path)) await keep(rows, path, store);
  } catch (error) {
    await close();
    throw error;
  }
  const withRequest = async (rows: readonly LogRow[]): Promise<readonly LogRow[]> => {
    const ids = rows.map(idOf);
    const kept = await store.getMany<Kept>(ids.map(id => keyOf(id ?? '')));
    return rows.map((row, index) => {
      const {request} = (kept[index] ?? {}) as Partial<Kept>;
      return request === undefined ? row : {...row, fields: {...row.fields, request}};
    });
  };
  return {withRequest, close};
}

async function keep(rows: readonly LogRow[], path: string, store: LmdbStore): Promise<void> {
  const entries = new Map<string, Kept>();
  for (const row of rows) {
    const id = idOf(row);
    const request = row.fields?.['body'] ?? row.fields?.['params'] ?? row.fields?.['request'];
    if (id === undefined || !isFields(request)) {
      throw new InputError(
        `${path}, line ${row.line}: not a request of a batch, which has a \`custom_id\` and a \`body\`. ` +
          'Give the file that was submitted to the batch service with `--batch-input`.',
      );
    }
    const key = keyOf(id);
    if (entries.has(key) || (await store.get(key)) !== undefined) {
      throw new InputError(
        `${path}, line ${row.line}: the id \`${id}\` is that of an earlier request, too. Import the results of one batch at a time.`,
      );
    }
    entries.set(key, {request});
  }
  await store.setMany(Array.from(entries, ([key, value]) => ({key, value})));
}

/** The name of a request in its batch: `custom_id` of OpenAI and Anthropic, `key` of Gemini. */
function idOf({fields}: LogRow): string | undefined {
  const id = fields?.['custom_id'] ?? fields?.['key'];
  return typeof id === 'string' ? id : undefined;
}

/** A key of the store can't be as long as an id may be. */
function keyOf(id: string): string {
  return hash('sha256', id);
}
