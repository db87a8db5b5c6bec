import {existsSync} from 'node:fs';
import {mkdir, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {VectorMetrics} from '../../src/evaluate/vectors.ts';
import type {StudyPlan} from '../../src/study/plan.ts';
import {jsonServer} from '../adapters/json-server.ts';
import {cli} from '../built.ts';
import {workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
/** A tiny encoder, whose vectors have 32 numbers. */
const encoder = join(import.meta.dirname, '../fixtures/encoder/bert');

interface Initialised {
  readonly dimensions: number;
  readonly key: object | null;
  readonly isLoaded: boolean;
  readonly next: readonly string[];
}

beforeAll(async () => {
  await mkdir(join(folder(), 'node_modules'));
  await symlink(join(dirname(cli), '../../..'), join(folder(), 'node_modules/limbeck'));
  const words = ['the', 'quick', 'brown', 'fox', 'jumps', 'over', 'lazy', 'dog'];
  const texts = words.flatMap(one => words.map(other => `${one} ${other} ${one.length ** 9 * other.length ** 7}`));
  await writeFile(join(folder(), 'texts.txt'), texts.join('\n'));
});

describe('limbeck init for an embedding model', () => {
  it('writes a recipe of a local encoder that every further command runs', async () => {
    const flags = ['--texts', 'texts.txt', '--output', 'vector', '--service', 'encoder', '--model', encoder];
    const made = await json<Initialised>(['init', ...flags, '--test', '24']);
    expect(made).toMatchObject({dimensions: 32, key: null, isLoaded: true});
    expect(made.next.join()).not.toContain('audit');
    const student = 'out/texts/students/cosine/seed-1';
    const commands = ['plan', 'probe', 'label', 'train'].map(name => `limbeck ${name} recipe.ts`);
    expect(made.next).toEqual([...commands, `limbeck evaluate ${student} recipe.ts`, `limbeck serve ${student}`]);

    expect((await json<StudyPlan>(['plan', 'recipe.ts', '--offline'])).levels[0]).toMatchObject({inputs: 40});
    await json(['probe', 'recipe.ts']);
    await json(['label', 'recipe.ts']);
    expect(await json(['train', 'recipe.ts'])).toMatchObject({directory: student});
    const measured = await json<VectorMetrics>(['evaluate', student, 'recipe.ts']);
    expect(measured).toMatchObject({dimensions: 32, teacherDimensions: 32, meanCosineInterval: expect.any(Array)});
    const {code, stdout} = await run(['compare', 'recipe.ts']);
    expect({code, stdout}).toMatchObject({code: 0, stdout: expect.stringContaining('vectors of 32 numbers')});
    await json(['export', student, '--onnx', 'student.onnx']);
    expect(existsSync(join(folder(), 'student.onnx'))).toBe(true);
  }, 120_000);

  it('writes a recipe of a service that is asked in its own protocol, and names its key', async () => {
    const bodies: object[] = [];
    const url = await jsonServer((body: {readonly inputs: readonly string[]}) => {
      bodies.push(body);
      return {body: body.inputs.map(text => [text.length, 1, 2])};
    });
    const flags = [
      '--texts',
      'texts.txt',
      '--output',
      'vector',
      '--service',
      'tei',
      '--model',
      'made-up',
      '--url',
      url,
    ];
    const made = await json<Initialised>(['init', 'served.ts', ...flags, '--dimensions', '3', '--calls', '20']);
    expect(made).toMatchObject({dimensions: 3, key: {variables: ['LIMBECK_TEACHER_KEY'], isNeeded: false}});
    await json(['label', 'served.ts']);
    expect(bodies.flatMap(body => (body as {readonly inputs: readonly string[]}).inputs)).toHaveLength(20);
  });
});
