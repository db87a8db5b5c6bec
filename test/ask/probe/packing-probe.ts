import {createHash} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll} from 'vitest';
import {openai} from '../../../adapters/openai.ts';
import {openAsking} from '../../../src/ask/asking.ts';
import {probeTeacher} from '../../../src/ask/probe/probe.ts';
import type {Query, Teacher} from '../../../src/teacher.ts';
import {objectText, type PackServer, packServer, type Written} from '../../adapters/_chat/pack-server.ts';

export const classes = ['billing', 'fault', 'praise'];
export const count = 300;
export const queries = Array.from(
  {length: count},
  (_, index): Query => ({input: {kind: 'text', text: `Text ${index}.`}}),
);

const servers: PackServer[] = [];
const folders: string[] = [];
afterAll(async () => {
  for (const server of servers) server.close();
  for (const folder of folders) await rm(folder, {recursive: true});
});

export async function serverThat(
  ...rest: Parameters<typeof packServer> extends [unknown, ...infer Rest] ? Rest : never
) {
  const server = await packServer(classes, ...rest);
  servers.push(server);
  return server;
}

export async function newFolder(): Promise<string> {
  folders.push(await mkdtemp(join(tmpdir(), 'limbeck-packing-')));
  return folders.at(-1)!;
}

export const askingIn = (folder: string, options = {}) =>
  openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal'), onNote: () => {}, ...options});

export const teacherAt = (url: string, options = {}) =>
  openai({model: 'm', classes, output: 'label', url, key: 'k', pack: 16, ...options});

export async function probeIn(folder: string, teacher: Teacher, about = queries) {
  const asking = await askingIn(folder);
  const found = await probeTeacher(asking, teacher, {queries: about, needed: {kind: 'label'}, inputs: 1000});
  await asking.close();
  return found;
}

/** A number from 0 to 99 that a text has. */
export const percentOf = (text: string) => createHash('sha256').update(`percent ${text}`).digest().readUInt32BE() % 100;

/** Of 3 % of the packed texts, a model that gives the label of the one before. */
export const copying: Parameters<typeof packServer>[1] = (items, fields): Written => ({
  text: objectText(
    fields.map(([id, label], row) => {
      const copies = row > 0 && percentOf(items[row]!.text) < 3;
      return [id, copies ? fields[row - 1]![1] : label] as const;
    }),
  ),
});
