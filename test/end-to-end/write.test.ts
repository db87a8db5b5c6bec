import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {WrittenLine} from '../../src/data/texts/written.ts';
import type {Results} from '../../src/study/results.ts';
import {cli, until} from '../built.ts';
import {differentTexts, startWritingService, type WritingService} from '../write/writing-service.ts';
import {workplace} from './limbeck.ts';

const {folder, start, run, json} = workplace();

const recipe = (data: string, more = '') => `
import {defineRecipe, hardLabels, hashedNgrams, textDataset} from 'limbeck';
import {callable} from 'limbeck/adapters/callable';
import {openai} from 'limbeck/adapters/openai';

const classes = ['refund', 'delivery', 'other'];
const answer = ({text}) => classes.find(name => text.startsWith(name)) ?? 'other';

export default defineRecipe({
  name: 'shop',
  data: () => textDataset({${data}, classes}),
  writer: {
    model: () => openai({
      model: 'pen-1', url: process.env.TEST_PEN_URL, output: 'texts', concurrency: 4,
      price: {perMillionInputTokens: 1, perMillionOutputTokens: 2},
    }),
    texts: 'messages to a shop',
    classes: {refund: 'wants money back', delivery: 'asks where a parcel is', other: 'anything else'},
  },
  transfer: {size: 40},
  teachers: {'black-box': () => callable({name: 'rule', version: '1', classes, answer})},
  student: hashedNgrams({units: [], buckets: 256}),
  methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
  seeds: [1],
  training: {epochs: 2},
  ${more}
});
`;

interface Report {
  readonly texts: number;
  readonly added: number;
  readonly made: number;
  readonly ledger: {readonly bought: number; readonly cached: number};
}

let service: WritingService;
/** Requests of a prompt that holds this get no reply. */
let silentFrom = Number.POSITIVE_INFINITY;

const at = (name: string) => join(folder(), name);
const linesOf = async (name: string) =>
  (await readFile(at(name), 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as WrittenLine);
const env = () => ({TEST_PEN_URL: service.url});
const write = (...flags: readonly string[]) => ['write', 'recipe.ts', '--per-request', '5', ...flags];

beforeAll(async () => {
  service = await startWritingService(seen => (seen.before >= silentFrom ? undefined : differentTexts(seen)));
  await mkdir(at('node_modules'));
  await symlink(join(dirname(cli), '../../..'), at('node_modules/limbeck'));
  await writeFile(at('recipe.ts'), recipe("written: 'texts.jsonl'"));
});
afterAll(() => service.close());

describe('limbeck write', () => {
  it('says what is missing, before anything is asked', async () => {
    const {code, stderr} = await run(['train', 'recipe.ts'], {env: env()});
    expect(code).toBe(1);
    expect(stderr).toContain('There are no written texts at texts.jsonl yet. `limbeck write RECIPE');
    expect(service.prompts).toEqual([]);
  });

  it('killed without warning, buys nothing twice but what was under way, and writes the same', async () => {
    silentFrom = 17;
    const killed = start(write('--count', '120', '--out', 'texts.jsonl'), {env: env()});
    // Four requests wait, so that all replies before these were kept.
    await until('four requests under way', () => service.prompts.length === 21);
    killed.kill('SIGKILL');
    expect(await killed.finished).toMatchObject({signal: 'SIGKILL'});
    silentFrom = Number.POSITIVE_INFINITY;

    const {stderr, code} = await run(write('--count', '120', '--out', 'texts.jsonl'), {env: env()});
    expect(code).toBe(0);
    expect(stderr).toContain('pen-1 is asked for texts in 24 to 57 requests: $');
    expect(stderr).toContain('they may have been charged for, and are asked about again');
    expect(service.prompts.length - new Set(service.prompts).size).toBe(4);

    const anew = await json<Report>(write('--count', '120', '--out', 'other.jsonl', '--offline'), {env: env()});
    expect(anew).toMatchObject({texts: 120, added: 120, ledger: {bought: 0}});
    expect(await readFile(at('other.jsonl'), 'utf8')).toBe(await readFile(at('texts.jsonl'), 'utf8'));
    const labels = (await linesOf('texts.jsonl')).map(({label}) => label);
    for (const name of ['refund', 'delivery', 'other']) expect(labels.filter(label => label === name)).toHaveLength(40);
  });

  it('keeps to the budget, and goes on from there', async () => {
    const {stderr, code} = await run(write('--count', '150', '--out', 'texts.jsonl', '--budget', '1calls'), {
      env: env(),
    });
    expect(code).toBe(0);
    expect(stderr).toContain('It ended early. The budget of 1 call has 0 calls left');
    expect(await linesOf('texts.jsonl')).toHaveLength(125);
    const more = await json<Report>(write('--count', '150', '--out', 'texts.jsonl'), {env: env()});
    expect(more).toMatchObject({texts: 150, added: 25});
  });

  it('writes what a student is unsure of, out of four times as many', async () => {
    expect(await run(['label', 'recipe.ts'], {env: env()})).toMatchObject({code: 0});
    expect(await run(['train', 'recipe.ts'], {env: env()})).toMatchObject({code: 0});
    const student = 'out/shop/students/labels/seed-1';
    const report = await json<Report>(write('--count', '165', '--out', 'texts.jsonl', '--student', student), {
      env: env(),
    });
    expect(report).toMatchObject({texts: 165, added: 15});
    expect(report.made).toBeGreaterThanOrEqual(60);
    expect(service.prompts.at(-1)).toContain('Texts that are hard to tell, whose like is wanted:');
  });
});

describe('a study of written texts', () => {
  it('says that the test split is written too, if nothing is real', async () => {
    const {code, stdout, stderr} = await run(['compare', 'recipe.ts'], {env: env()});
    expect(code).toBe(0);
    for (const text of [stdout, stderr])
      expect(text).toContain('Agreement on written inputs is not agreement on your own.');
    const {written} = JSON.parse(await readFile(at('out/shop/results.json'), 'utf8')) as Results;
    expect(written).toEqual({transfer: 40, test: 33});
    expect(await readFile(at('out/shop/report.html'), 'utf8')).toContain('were written by a model');
  });

  it('tests on real texts alone, if there are some, and says what share was written', async () => {
    const real = Array.from(
      {length: 60},
      (_, index) => `${['refund', 'delivery', 'what'][index % 3]} please, number ${index ** 3}`,
    );
    await writeFile(at('real.txt'), real.join('\n'));
    await writeFile(at('mixed.ts'), recipe("path: 'real.txt', test: 20, near: false, written: 'texts.jsonl'"));
    const {code, stdout} = await run(['compare', 'mixed.ts', '--out', 'mixed'], {env: env()});
    expect(code).toBe(0);
    expect(stdout).toContain('The test split is real.');
    const {written, sizes} = JSON.parse(await readFile(at('mixed/results.json'), 'utf8')) as Results;
    expect(sizes).toMatchObject({train: 40 + 165, test: 20});
    expect(written!.test).toBe(0);
    expect(written!.transfer).toBeGreaterThan(20);
  });

  it('gives no guarantee by written texts', async () => {
    await writeFile(at('promise.ts'), recipe("written: 'texts.jsonl'", 'calibration: {agreement: 0.9}'));
    const {code, stderr} = await run(['label', 'promise.ts'], {env: env()});
    expect(code).toBe(1);
    expect(stderr).toContain(
      '`calibration.agreement` promises something about your own inputs, and 132 of 132 training',
    );
  });
});
