import {mkdtemp, rm, truncate} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {selectInputs} from '../../src/data/inputs.ts';
import {KnowledgeError} from '../../src/errors.ts';
import {coarsenAnswers, selectAnswers} from '../../src/knowledge/answers.ts';
import {saveKnowledge} from '../../src/knowledge/files.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import type {Detail} from '../../src/teacher.ts';
import {cases, knowledgeOf, readWhole} from './knowledge-cases.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-open-'));
  path = join(folder, 'digits.safetensors');
});
afterEach(() => rm(folder, {recursive: true}));

describe('opened knowledge', () => {
  it.each(cases)('gives the rows asked for, in that order, again and again: %o', async (inputs, detail, answers) => {
    await saveKnowledge(path, knowledgeOf([inputs, detail, answers]));
    const rows = [1, 0, 1, 1];
    const read = await readWhole(path, {rows});
    expect(read.inputs).toEqual(selectInputs(inputs, rows));
    expect(read.answers).toEqual(selectAnswers(answers, rows, 3));
  });

  it.each<[number, Detail]>([
    [2, {kind: 'label'}],
    [4, {kind: 'top-k', k: 2}],
    [4, {kind: 'log-probabilities'}],
    [4, {kind: 'logits', features: ['a/b']}],
  ])('coarsens answers as it reads them, to the same bits as all at once: case %i to %o', async (place, detail) => {
    const [inputs, held, answers] = cases[place]!;
    await saveKnowledge(path, knowledgeOf([inputs, held, answers]));
    const read = await readWhole(path, {detail});
    expect(read.detail).toEqual(detail);
    expect(read.answers).toEqual(coarsenAnswers(answers, detail, 3));
  });

  it('refuses at once to give more than it holds', async () => {
    await saveKnowledge(path, knowledgeOf(cases[0]!));
    await expect(openKnowledge(path, {detail: {kind: 'logits'}})).rejects.toThrow("Answers of label can't give logits");
  });

  it('refuses rows that are not there, which are bytes of something else', async () => {
    await saveKnowledge(path, knowledgeOf(cases[1]!));
    for (const rows of [[2], [0, -1], [Number.NaN]]) {
      await expect(readWhole(path, {rows})).rejects.toThrow(`There is no row ${rows.at(-1)} in ${path}: it holds 2.`);
    }
  });

  it('finds that the file was cut short after it was opened', async () => {
    await saveKnowledge(path, knowledgeOf(cases[1]!));
    const knowledge = await openKnowledge(path);
    await truncate(path, 100);
    await expect(knowledge.readAnswers([1])).rejects.toThrow(KnowledgeError);
    await expect(knowledge.readAnswers([1])).rejects.toThrow(
      `${path} can't be read as a safetensors file: it ends too`,
    );
    await knowledge.close();
  });
});
