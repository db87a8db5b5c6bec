import {appendFile, mkdir, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {addressOf, type ChatService, serveChat} from '../../examples/chat-service.ts';
import {cli} from '../built.ts';
import {workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
const PORT = 8771;
/** Texts of each of the two splits. */
const TEXTS = 340;

const RECIPE = `
import {adam, defineRecipe, hardLabels, hashedNgrams, textDataset} from 'limbeck';
import {openai} from 'limbeck/adapters/openai';

const classes = ['calm', 'very_angry'];
const aliases = process.env.TEST_ALIASES ? JSON.parse(process.env.TEST_ALIASES) : undefined;
const shared = {url: '${addressOf(PORT)}', service: 'chat', model: 'sorter', classes, key: 'none', aliases};

export default defineRecipe({
  name: 'moods',
  data: () => textDataset({path: 'texts.txt', classes, test: ${TEXTS}, seed: 1, near: false}),
  transfer: {size: ${TEXTS}, seed: 1},
  teachers: {'black-box': () => openai({...shared, output: 'label'})},
  student: hashedNgrams({units: [], buckets: 512}),
  methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
  seeds: [1],
  training: {epochs: 2, batchSize: 32, optimizer: adam({learningRate: 0.01})},
});
`;

const words = ['parcel', 'late', 'broken', 'thanks', 'refund', 'lovely', 'invoice', 'again', 'never', 'good'];
const texts = Array.from({length: 2 * TEXTS}, (_, index) =>
  [1, 2, 3]
    .map(place => words[(index ** 2 * place + index) % 10])
    .join(' ')
    .concat(` number ${index}`),
);

let service: ChatService;
/** What was asked, and of what the service says a word that is no class. */
const asked: string[] = [];
let odd = new Set<string>();

beforeAll(async () => {
  await mkdir(join(folder(), 'node_modules'));
  await symlink(join(dirname(cli), '../../..'), join(folder(), 'node_modules/limbeck'));
  await writeFile(join(folder(), 'texts.txt'), texts.join('\n'));
  await writeFile(join(folder(), 'moods.ts'), RECIPE);
  service = await serveChat({
    port: PORT,
    model: 'sorter',
    answers: ['calm', 'very_angry', 'very angry'],
    classify(text) {
      asked.push(text);
      return odd.has(text) ? 2 : /broken|late|never/.test(text) ? 1 : 0;
    },
  });
});
afterAll(() => service.close());

/** The texts of both splits, found by asking about all of them while nothing is odd. */
async function splits(): Promise<{readonly transfer: readonly string[]; readonly test: readonly string[]}> {
  odd = new Set();
  asked.length = 0;
  const at = ['--cache', 'whole/answers', '--out', 'whole/out'];
  for (const command of ['label', 'train']) expect(await run([command, 'moods.ts', ...at])).toMatchObject({code: 0});
  const transfer = [...asked];
  asked.length = 0;
  const student = 'whole/out/students/labels/seed-1';
  expect(await run(['evaluate', student, 'moods.ts', ...at])).toMatchObject({code: 0});
  return {transfer, test: [...asked]};
}

describe('limbeck with a teacher that leaves texts without an answer', {timeout: 180_000}, () => {
  let all: Awaited<ReturnType<typeof splits>>;
  beforeAll(async () => {
    all = await splits();
    expect([all.transfer.length, all.test.length]).toEqual([TEXTS, TEXTS]);
  });

  const few = () => {
    odd = new Set([all.transfer[7]!, all.test[11]!]);
    return ['--cache', 'few/answers', '--out', 'few/out'];
  };

  it('labels, trains and evaluates where these are 0.3 %, and says how far they can move the agreement', async () => {
    const at = few();
    const labelled = await run(['label', 'moods.ts', ...at]);
    expect(labelled).toMatchObject({code: 0, stdout: expect.stringContaining('339 answers')});
    expect(labelled.stderr).toContain('left 1 of 340 inputs without an answer:');
    expect(labelled.stderr).toContain('That is 0.29 %; `--allow-missing` allows 1.00 %.');
    expect(labelled.stderr).toContain(
      'It says "very angry"; the nearest class is `very_angry`. If it means that, add ' +
        "`aliases: {'very angry': 'very_angry'}` to the teacher.",
    );
    expect(await run(['train', 'moods.ts', ...at])).toMatchObject({code: 0});
    const student = 'few/out/students/labels/seed-1';
    const evaluated = await json<{agreement: number; agreementBounds: [number, number]}>([
      ...['evaluate', student, 'moods.ts', ...at],
    ]);
    expect(evaluated).toMatchObject({examples: 340, missing: 1, missingShare: 1 / 340});
    const {agreement, agreementBounds} = evaluated;
    expect(agreementBounds).toEqual([
      expect.closeTo((agreement * 339) / 340, 12),
      expect.closeTo((agreement * 339 + 1) / 340, 12),
    ]);
    const {stdout} = await run(['evaluate', student, 'moods.ts', ...at, '--offline']);
    expect(stdout).toMatch(
      /The teacher left 1 of 340 examples without an answer\..* between \d+\.\d\d and \d+\.\d\d %/,
    );
  });

  it('audits and compares where these are 0.3 %', async () => {
    const at = few();
    expect(await json(['audit', 'moods.ts', ...at])).toMatchObject({texts: 340, missing: 1, drawn: 50});
    const compared = await json(['compare', 'moods.ts', ...at]);
    const share = 1 / 340;
    expect(compared).toMatchObject({
      missing: {transfer: {count: 1, total: 340, share}, test: {count: 1, total: 340, share}},
      rows: [{budget: 339, agreementBounds: [expect.any(Number), expect.any(Number)]}],
    });
  });

  it('shows them in the quarantine, skips junk there, and reads them by aliases without a request', async () => {
    const at = ['--cache', 'few/answers', '--out', 'few/out'];
    const cache = ['--cache', 'few/answers'];
    const {quarantined} = await json<{quarantined: object[]}>(['cache', 'quarantine', 'list', ...cache]);
    const shared = {said: 'very angry', nearest: 'very_angry', teacher: 'openai sorter at chat'};
    expect(quarantined).toHaveLength(2);
    expect(quarantined).toMatchObject([all.transfer[7]!, all.test[11]!].map(input => ({...shared, input})));
    await appendFile(join(folder(), 'few/journal/quarantine.jsonl'), 'null\n');
    const listed = await run(['cache', 'quarantine', 'list', ...cache]);
    expect(listed).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('It says "very angry"; the nearest class is `very_angry`'),
    });
    expect(listed.stderr).toMatch(/few\/journal\/quarantine\.jsonl, line \d+ can't be read/);
    asked.length = 0;
    const again = await run(['label', 'moods.ts', ...at]);
    expect(again).toMatchObject({code: 0, stderr: expect.stringContaining('It is quarantined: ')});
    const env = {TEST_ALIASES: JSON.stringify({'very angry': 'very_angry'})};
    const {levels} = await json<{levels: object[]}>(['label', 'moods.ts', ...at], {env});
    expect(levels).toMatchObject([{answers: 340, missing: 0, bought: 0}]);
    const student = 'few/out/students/labels/seed-1';
    expect(await json(['evaluate', student, 'moods.ts', ...at], {env})).toMatchObject({missing: 0});
    expect(asked).toEqual([]);
    expect(await json(['cache', 'quarantine', 'list', ...cache])).toMatchObject({quarantined: []});
  });

  const student = 'whole/out/students/labels/seed-1';
  it.each([
    ['label', ['label', 'moods.ts']],
    ['evaluate', ['evaluate', student, 'moods.ts']],
    ['audit', ['audit', 'moods.ts', '--student', student]],
    ['compare', ['compare', 'moods.ts']],
  ])('%s fails with exit code 1 if 2 in a hundred have none, unless that is allowed', async (_, command) => {
    odd = new Set([...all.transfer.slice(0, 7), ...all.test.slice(0, 7)]);
    const at = ['--cache', 'many/answers', '--out', 'many/out'];
    const {code, stderr} = await run([...command, ...at]);
    expect({code, stderr}).toMatchObject({code: 1, stderr: expect.stringContaining('left 7 of 340 inputs')});
    expect(stderr).toContain('That is 2.06 %; `--allow-missing` allows 1.00 %.');
    expect(await run([...command, ...at, '--allow-missing', '2.1%'])).toMatchObject({code: 0});
  });
});
