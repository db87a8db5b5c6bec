import {mkdir, readFile, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import sharp from 'sharp';
import {beforeAll, describe, expect, it} from 'vitest';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {encodePng} from '../../src/study/samples.ts';
import {jsonServer} from '../adapters/json-server.ts';
import {cli, until} from '../built.ts';
import {workplace} from './limbeck.ts';

const {folder, start, run, json} = workplace();

interface Predicted {
  readonly predictions: readonly {readonly id?: string; readonly class: string; readonly confidence: number}[];
}

const at = (...path: readonly string[]): string => join(folder(), ...path);

beforeAll(async () => {
  await mkdir(at('node_modules'));
  await symlink(join(dirname(cli), '../../..'), at('node_modules/limbeck'));
});

/** A red or a blue image with noise. No two are alike. */
function picture(colour: 'red' | 'blue', index: number): Buffer {
  const [red, blue] = colour === 'red' ? [200, 60] : [60, 200];
  const data = Uint8Array.from({length: 12 * 12 * 3}, (_, at) => {
    return [red, 60, blue][at % 3]! + (((index + 1) * (at + 7) * 37) % 100) - 50;
  });
  return encodePng({width: 12, height: 12, channels: 3, data});
}

/** Serves a student while `use` asks it. */
async function served(student: string, use: (url: string) => Promise<void>): Promise<void> {
  const service = start(['serve', student, '--port', '0']);
  await until('it serves', () => /http:\/\/\S+\/classify/.test(service.stdout()) || service.hasEnded());
  const [url] = /http:\/\/[\d.:]+/.exec(service.stdout()) ?? [];
  await use(url!);
  service.kill('SIGTERM');
  await service.finished;
}

async function post(url: string, body: object): Promise<unknown> {
  const reply = await fetch(url, {
    ...{method: 'POST', headers: {'content-type': 'application/json'}},
    body: JSON.stringify(body),
  });
  return reply.json();
}

describe('a folder of images', () => {
  const student = 'out/colours/students/soft/seed-1';
  const questions = [
    {type: 'choice', name: 'colour', instructions: 'Which?', choices: [{value: 'red'}, {value: 'blue'}]},
  ];
  let requests = 0;

  beforeAll(async () => {
    for (const colour of ['red', 'blue'] as const) {
      await mkdir(at('photos', colour), {recursive: true});
      for (let index = 0; index < 40; index++)
        await writeFile(at('photos', colour, `${index}.png`), picture(colour, index));
    }
    await mkdir(at('new'));
    await writeFile(at('new/a.png'), picture('red', 100));
    await writeFile(at('new/b.jpg'), await sharp(picture('blue', 101)).resize(300, 200).jpeg().toBuffer());
    await writeFile(at('new/c.webp'), await sharp(picture('red', 102)).webp().toBuffer());
    // It knows each file by its bytes.
    const colours = new Map(
      (['red', 'blue'] as const).flatMap(colour =>
        Array.from({length: 40}, (_, index) => [picture(colour, index).toString('base64'), colour] as const),
      ),
    );
    const url = await jsonServer(
      ({input}: {readonly input: readonly [{readonly content: readonly [{readonly image_url: string}]}]}) => {
        requests++;
        const colour = colours.get(input[0].content[0].image_url.split(',')[1]!);
        const probabilities = ['blue', 'red'].map(value => ({value, probability: value === colour ? 0.9 : 0.1}));
        return {body: {model: 'm-1', answers: [{type: 'choice', name: 'colour', choice: colour, probabilities}]}};
      },
    );
    await writeFile(
      at('photos.mjs'),
      `import {defineRecipe, mlp, softLabels} from 'limbeck';
import {aboutQuestion, choice} from 'limbeck/ask';
import {imageDataset} from 'limbeck/data';
import {decisions} from 'limbeck/adapters/decisions';
const classes = ['blue', 'red'];
const teacher = decisions({url: '${url}', model: 'm', questions: [choice('colour', 'Which colour?', classes)]});
export default defineRecipe({
  name: 'colours',
  data: () => imageDataset({path: 'photos', classes}),
  transfer: {size: 50},
  teachers: {'gray-box': () => aboutQuestion(teacher, 'colour')},
  student: mlp({units: [8]}),
  methods: [{level: 'gray-box', method: 'soft', losses: [softLabels()]}],
  seeds: [1],
  training: {steps: 100},
});
`,
    );
  });

  it('is asked about once, and its answers are kept with the files', async () => {
    await json(['label', 'photos.mjs']);
    expect(requests).toBe(50);
    const {inputs} = await loadKnowledge(at('out/colours/knowledge/gray-box.safetensors'));
    expect(inputs).toMatchObject({kind: 'image', count: 50});
    await json(['label', 'photos.mjs']);
    expect(requests).toBe(50);
  });

  it('teaches a student that reads images of any size and type', async () => {
    const {code, stderr} = await run(['train', 'photos.mjs']);
    expect({code, stderr}).toMatchObject({code: 0});
    const {reading, preprocessing} = JSON.parse(await readFile(at(student, 'limbeck.json'), 'utf8'));
    expect(reading).toEqual({kind: 'image', height: 12, width: 12, channels: 3});
    expect(preprocessing.scale).toBeCloseTo(1 / 255, 12);
    const {predictions} = await json<Predicted>(['predict', student, 'new']);
    expect(predictions.map(one => [one.id, one.class])).toEqual([
      ['a.png', 'red'],
      ['b.jpg', 'blue'],
      ['c.webp', 'red'],
    ]);
  });

  it('is served to every client: plain, chat, decisions, System One', async () => {
    await served(student, async url => {
      const shown = `data:image/png;base64,${picture('red', 100).toString('base64')}`;
      expect(await post(`${url}/classify`, {input: shown})).toMatchObject({label: 'red'});
      expect(await post(`${url}/classify`, {inputs: [shown, 'data:image/png;base64,iVBORw0KGgo=']})).toMatchObject({
        error: expect.any(String),
      });
      const content = [
        {type: 'text', text: 'Which?'},
        {type: 'image_url', image_url: {url: shown}},
      ];
      expect(await post(`${url}/v1/chat/completions`, {model: 'm', messages: [{role: 'user', content}]})).toMatchObject(
        {
          choices: [{message: {content: 'red'}}],
        },
      );
      const input = [{role: 'user', content: [{type: 'input_image', image_url: shown}]}];
      expect(await post(`${url}/v1/decisions`, {model: 'm', input, questions})).toMatchObject({
        answers: [{type: 'choice', choice: 'red'}],
      });
      const typed = {colour: {type: 'choice', criteria: {red: null, blue: null}}};
      const model = 'jev-latest';
      for (const state of [
        {state: [{type: 'image_url', image_url: {url: shown}}]},
        {state: '<image:1>', assets: {'<image:1>': {type: 'image', format: 'png', data_base64: shown.split(',')[1]}}},
        {state: '', images: [shown]},
      ]) {
        expect(await post(`${url}/v1/systemone`, {model, ...state, questions: typed})).toMatchObject({
          answers: {colour: {choice: 'red'}},
        });
      }
    });
  });
});

describe('a table of records', () => {
  const student = 'out/loans/students/soft/seed-1';

  beforeAll(async () => {
    const rows = Array.from({length: 400}, (_, index) => {
      const age = index % 17 === 0 ? '' : 18 + ((index * 7) % 50);
      return `L${index},${age},${['NL', 'DE', 'FR'][index % 3]},${(index * 997) % 10_000}`;
    });
    await writeFile(at('loans.csv'), `id,age,country,income\n${rows.join('\n')}\n`);
    await writeFile(
      at('loans.mjs'),
      `import {defineRecipe, mlp, softLabels} from 'limbeck';
import {recordDataset} from 'limbeck/data';
import {callable} from 'limbeck/adapters/callable';
const classes = ['no', 'yes'];
const answer = ({fields: {age, country}}) => {
  const yes = 1 / (1 + Math.exp(-((age ?? 40) - 40) / 4 - (country === 'NL' ? 4 : -4)));
  return [1 - yes, yes];
};
export default defineRecipe({
  name: 'loans',
  data: () => recordDataset({path: 'loans.csv', classes}),
  transfer: {size: 250},
  teachers: {'gray-box': () => callable({name: 'rule', version: '1', classes, scores: 'probabilities', answer})},
  student: mlp({units: [16]}),
  methods: [{level: 'gray-box', method: 'soft', losses: [softLabels()]}],
  seeds: [1],
  training: {steps: 300},
});
`,
    );
  });

  it('teaches a student that gives what its teacher gives, also without a value', async () => {
    await json(['label', 'loans.mjs']);
    expect(await run(['train', 'loans.mjs'])).toMatchObject({code: 0});
    await writeFile(at('few.csv'), 'id,country,age\nA,NL,60\nB,DE,20\nC,NL,\nD,FR,\n');
    const {predictions} = await json<Predicted>(['predict', student, 'few.csv']);
    expect(predictions.map(one => [one.id, one.class])).toEqual([
      ['A', 'yes'],
      ['B', 'no'],
      ['C', 'yes'],
      ['D', 'no'],
    ]);
    const refused = await run(['predict', student, 'few.csv', '--text', 'country']);
    expect(refused).toMatchObject({code: 1, stderr: expect.stringContaining('`--text` is for texts')});
  });

  it('is served as JSON objects', async () => {
    await served(student, async url => {
      const fields = {age: 60, country: 'NL'};
      expect(await post(`${url}/classify`, {input: fields})).toMatchObject({label: 'yes'});
      expect(await post(`${url}/classify`, {inputs: [fields, {age: null, country: 'DE'}]})).toMatchObject({
        results: [{label: 'yes'}, {label: 'no'}],
      });
      expect(await post(`${url}/classify`, {input: 'no JSON'})).toEqual({error: 'Input 0 is no JSON of a record.'});
      const questions = {good: {type: 'noul', instructions: 'Is it a good risk?'}};
      expect(await post(`${url}/v1/systemone`, {model: 'jev-latest', state: fields, questions})).toMatchObject({
        answers: {good: {type: 'noul', noul: expect.closeTo(1, 1)}},
      });
      const data = {shape: [1], datatype: 'BYTES', name: 'input', data: [JSON.stringify(fields)]};
      expect(await post(`${url}/v2/models/seed-1/infer`, {inputs: [data]})).toMatchObject({outputs: expect.any(Array)});
    });
  });
});
