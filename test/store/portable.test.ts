import {mkdtemp, readFile, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gunzipSync, gzipSync} from 'node:zlib';
import {describe, expect, it} from 'vitest';
import {KnowledgeError} from '../../src/errors.ts';
import {exportAnswers, importAnswers} from '../../src/store/portable.ts';
import {type AnswerEntry, openAnswerStore} from '../../src/store/store.ts';
import {digestKey, digestQuery} from '../../src/store/stored-answer.ts';
import type {Answer, Detail} from '../../src/teacher.ts';

const newStore = () => openAnswerStore({store: new Map()});
const place = async () => join(await mkdtemp(join(tmpdir(), 'limbeck-portable-')), 'answers.jsonl.gz');

function entry(number: number, answer: Answer, detail: Detail, teacher = 'a fake'): AnswerEntry {
  const identity = {service: teacher};
  const query = digestQuery({input: {kind: 'text', text: String(number)}});
  const stored = {
    format: 1,
    teacher: {name: teacher, identity},
    question: query,
    detail,
    answer,
    storedAt: '2026-01-01',
  } as const;
  return {key: digestKey(identity, query), stored};
}

const half = Math.log(0.5);
const entries: readonly AnswerEntry[] = [
  entry(1, {kind: 'label', label: 2}, {kind: 'label'}),
  entry(2, {kind: 'votes', counts: Uint32Array.of(3, 0, 1)}, {kind: 'votes'}),
  entry(
    3,
    {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: Float32Array.of(half), rest: 0.5},
    {kind: 'top-k', k: 2},
  ),
  entry(
    4,
    {kind: 'log-probabilities', logProbabilities: Float32Array.of(half, half, Number.NEGATIVE_INFINITY)},
    {kind: 'log-probabilities'},
    'another',
  ),
  entry(
    5,
    {kind: 'logits', logits: Float32Array.of(0.1, -2), features: {pool: {shape: [1], values: Float32Array.of(7)}}},
    {kind: 'logits', features: ['pool']},
  ),
];

async function exported() {
  const store = newStore();
  await store.setMany(entries);
  const path = await place();
  expect(await exportAnswers(store, path)).toBe(5);
  return path;
}

/** The file with its lines changed. */
async function altered(change: (lines: string[]) => string[]) {
  const path = await exported();
  const lines = gunzipSync(await readFile(path))
    .toString()
    .split('\n');
  await writeFile(path, gzipSync(change(lines).join('\n')));
  return path;
}

describe('a file of exported answers', () => {
  it('brings every answer into another store, to the bit', async () => {
    const store = newStore();
    expect(await importAnswers(store, await exported())).toEqual({answers: 5, added: 5});
    for (const {key, stored} of entries) expect(await store.get(key)).toEqual(stored);
  });

  it('adds nothing twice, and never replaces a fuller answer', async () => {
    const path = await exported();
    const store = newStore();
    const full = entry(1, {kind: 'logits', logits: Float32Array.of(0, 0, 1), features: {}}, {kind: 'logits'});
    await store.set(full.key, full.stored);
    expect(await importAnswers(store, path)).toEqual({answers: 5, added: 4});
    expect(await importAnswers(store, path)).toEqual({answers: 5, added: 0});
    expect((await store.get(full.key))?.detail).toEqual({kind: 'logits'});
  });

  it('holds only what was wanted', async () => {
    const [store, path] = [newStore(), await place()];
    await store.setMany(entries);
    expect(await exportAnswers(store, path, ({stored}) => stored.teacher.name === 'another')).toBe(1);
    expect(await importAnswers(newStore(), path)).toEqual({answers: 1, added: 1});
  });

  it('is refused, with nothing added, if it is cut short, changed, of another form, or no such file', async () => {
    const paths = [
      await altered(lines => lines.slice(0, -2)),
      await altered(lines => lines.slice(0, 3)),
      await altered(lines => lines.map(line => line.replace('2026-01-01', '2026-01-02'))),
      await altered(lines => ['{"format":"limbeck.answers/9"}', ...lines.slice(1)]),
      await altered(() => ['what is this']),
      `${await exported()}.not`,
    ];
    for (const path of paths) {
      const store = newStore();
      await expect(importAnswers(store, path)).rejects.toThrow(KnowledgeError);
      expect(await store.count()).toBe(0);
    }
  });

  it('is refused if an answer stands under a key that is not its own', async () => {
    const [first, second] = entries as [AnswerEntry, AnswerEntry];
    const store = newStore();
    await store.set(first.key, second.stored);
    const path = await place();
    await exportAnswers(store, path);
    await expect(importAnswers(newStore(), path)).rejects.toThrow('answer 1: its key is not that of its teacher');
  });
});
