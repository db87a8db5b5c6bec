import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {VectorMetrics} from '../../src/evaluate/vectors.ts';
import type {StudyPlan} from '../../src/study/plan.ts';
import {jsonServer} from '../adapters/json-server.ts';
import {fixture, workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
const recipe = fixture('embeddings.ts');
const student = 'out/embeddings/students/cosine/seed-1';
const asked: string[] = [];
let env: Readonly<Record<string, string>>;

/** The sum of a vector for each word. */
function vectorOf(text: string): number[] {
  const sum = [0, 0, 0, 0];
  for (const word of text.split(' ')) {
    for (const [at] of sum.entries()) sum[at]! += Math.sin((at + 1) * word.charCodeAt(0) + word.length);
  }
  return sum;
}

beforeAll(async () => {
  const url = await jsonServer(({input}: {readonly input: readonly string[]}) => {
    asked.push(...input);
    return {
      body: {
        object: 'list',
        model: 'made-up',
        data: input.map((text, index) => ({object: 'embedding', index, embedding: vectorOf(text)})),
        usage: {prompt_tokens: input.length, total_tokens: input.length},
      },
    };
  });
  env = {TEST_TEACHER_URL: url};
});

describe('a hosted embedding model', () => {
  it('is planned, asked about each text once, and stood for by a student that is measured and exported', async () => {
    const plan = await json<StudyPlan>(['plan', recipe], {env});
    expect(plan.total).toMatchObject({calls: {expected: 3}, usd: {expected: expect.closeTo(0.03)}});
    expect(asked).toEqual([]);
    await json(['label', recipe], {env});
    expect(asked).toHaveLength(40);
    expect(await json(['train', recipe, '--method', 'cosine'], {env})).toMatchObject({directory: student});
    const measured = await json<VectorMetrics>(['evaluate', student, recipe], {env});
    expect(measured).toMatchObject({dimensions: 4, teacherDimensions: 4, neighbours: 10});
    expect(measured.meanCosine).toBeGreaterThan(0.7);
    const [low, high] = measured.recallInterval!;
    expect(low).toBeLessThan(measured.recall);
    expect(high).toBeGreaterThanOrEqual(measured.recall);
    const {stdout} = await run(['compare', recipe], {env});
    expect(stdout).toMatch(/Teacher .*made-up.*: vectors of 4 numbers about 20 test inputs/);
    expect(stdout).toMatch(/recall@10, %/);
    expect(new Set(asked).size).toBe(60);
    expect(asked).toHaveLength(60);
    await json(['export', student, '--onnx', 'student.onnx', '--card', 'card.md']);
    const card = readFileSync(join(folder(), 'card.md'), 'utf8');
    expect(card).toContain('gives a vector of 4 numbers');
    expect(card).toMatch(/on 20 test inputs: a mean cosine of 0\.\d{3}/);
  });

  it.each([
    [['audit', recipe], 'An audit is about classes'],
    [['serve', student, '--teacher', recipe], 'a cascade needs classes'],
    [['train', recipe, '--from-traffic', 'traffic.jsonl'], 'Traffic is about classes'],
    [['export', student, '--web', 'page'], 'needs classes'],
  ])('is refused by a sentence: %j', async (command, sentence) => {
    expect(await run(command, {env})).toMatchObject({code: 1, stderr: expect.stringContaining(sentence)});
  });
});
