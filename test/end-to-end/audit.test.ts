import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import Papa from 'papaparse';
import {beforeAll, describe, expect, it} from 'vitest';
import {cli} from '../built.ts';
import {workplace} from './limbeck.ts';

const {folder, run, json} = workplace();

const RECIPE = `
import {adam, defineRecipe, hardLabels, hashedNgrams, textDataset} from 'limbeck';
import {callable} from 'limbeck/adapters/callable';

const classes = ['calm', 'angry'];
const answer = ({text}) => (/broken|late|never/.test(text) ? 'angry' : 'calm');

export default defineRecipe({
  name: 'moods',
  data: () => textDataset({path: 'texts.txt', classes, test: 120, seed: 1, near: false}),
  transfer: {size: 80, seed: 1},
  teachers: {'black-box': () => callable({name: 'moods', version: '1', classes, answer})},
  student: hashedNgrams({units: [], buckets: 512}),
  methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
  seeds: [1],
  training: {epochs: 5, batchSize: 16, optimizer: adam({learningRate: 0.01})},
});
`;

const words = ['parcel', 'late', 'broken', 'thanks', 'refund', 'lovely', 'invoice', 'again', 'never', 'good'];

/** Not what the teacher goes by. */
const truthOf = (text: string): string => (/broken|late|refund/.test(text) ? 'angry' : 'calm');

beforeAll(async () => {
  await mkdir(join(folder(), 'node_modules'));
  await symlink(join(dirname(cli), '../../..'), join(folder(), 'node_modules/limbeck'));
  const texts = Array.from({length: 200}, (_, index) =>
    [1, 2, 3]
      .map(place => words[(index ** 2 * place + index) % 10])
      .join(' ')
      .concat(` ${index}`),
  );
  await writeFile(join(folder(), 'texts.txt'), texts.join('\n'));
  await writeFile(join(folder(), 'moods.ts'), RECIPE);
});

describe('limbeck audit', () => {
  it('says what comes before it, where there is no student', async () => {
    const {code, stderr} = await run(['audit', 'moods.ts']);
    expect(code).toBe(1);
    expect(stderr).toContain('no student in out/moods/students/labels/seed-1. Train one: limbeck train moods.ts.');
  });

  it('draws texts to be checked, and by them says how often teacher and student are right', async () => {
    for (const command of ['label', 'train']) expect(await run([command, 'moods.ts'])).toMatchObject({code: 0});
    const drawn = await run(['audit', 'moods.ts', '--items', '60']);
    expect(drawn).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('out/moods/audit.csv has 60 texts for you to check'),
    });
    const path = join(folder(), 'out/moods/audit.csv');
    const [head, ...rows] = Papa.parse<string[]>((await readFile(path, 'utf8')).trimEnd()).data;
    await writeFile(path, Papa.unparse([head!, ...rows.map(([, text, id]) => [truthOf(text!), text!, id!])]));
    const {code, stdout, stderr} = await run(['audit', 'moods.ts', '--offline']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^On 60 texts that a person checked, the teacher is right on \d+ % \(\d+–\d+\) of texts, the student/,
    );
    expect(stderr).toContain('0 bought');
    const document = await json<{readonly checked: number; readonly student: string}>([
      'audit',
      'moods.ts',
      '--offline',
    ]);
    expect(document).toMatchObject({checked: 60, drawn: 60, student: 'out/moods/students/labels/seed-1'});
  });

  it('measures the student that is named', async () => {
    const {code, stderr} = await run(['audit', 'moods.ts', '--student', 'nowhere']);
    expect({code, stderr}).toMatchObject({code: 1, stderr: expect.stringContaining('There is no student in nowhere.')});
    const named = await run(['audit', 'moods.ts', '--student', 'out/moods/students/labels/seed-1', '--offline']);
    expect(named).toMatchObject({code: 0, stdout: expect.stringContaining('On 60 texts')});
  });
});
