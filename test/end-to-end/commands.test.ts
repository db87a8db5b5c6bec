import {existsSync} from 'node:fs';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {CascadeResult} from '../../src/evaluate/calibration.ts';
import type {Calibration} from '../../src/student/student.ts';
import {until} from '../built.ts';
import {fixture, type Running, workplace} from './limbeck.ts';

const {folder, start, run, json} = workplace();
const recipe = fixture('recipe.ts');
const student = 'out/mnist-small/students/true-labels/seed-1';

interface Labelled {
  readonly levels: readonly {
    readonly level: string;
    readonly answers: number;
    readonly detail: object;
    readonly path: string;
    readonly bought: number;
    readonly cached: number;
  }[];
}

interface Trained {
  readonly loss: number;
  readonly validationAccuracy: number;
  readonly curve: readonly object[];
}

let trained: Trained;

beforeAll(async () => {
  trained = await json<Trained>(['train', recipe, '--method', 'true labels']);
});

describe('limbeck label', () => {
  it('saves what every level knows and says what was bought', async () => {
    const {code, stdout, stderr} = await run(['label', recipe]);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual(
      ['black-box', 'gray-box', 'white-box'].map(
        level => `${level}: 300 answers (300 bought, 0 cached) in out/mnist-small/knowledge/${level}.safetensors`,
      ),
    );
    expect(stderr).toMatch(/✓ ask white-box · 300 bought/);
    expect(existsSync(join(folder(), 'out/mnist-small/knowledge/gray-box.safetensors'))).toBe(true);
    expect(existsSync(join(folder(), 'out/mnist-small/results.json'))).toBe(false);
  });

  it('asks one level alone, and with --json says the same in one document', async () => {
    const {levels} = await json<Labelled>(['label', recipe, '--level', 'gray-box', '--offline', '--out', 'again']);
    expect(levels).toMatchObject([
      {
        ...{level: 'gray-box', answers: 300, bought: 0, cached: 300, detail: {kind: 'log-probabilities'}},
        path: join('again', 'knowledge', 'gray-box.safetensors'),
      },
    ]);
  });
});

describe('limbeck train', () => {
  it('trains the last method from the first seed where nothing else is said', async () => {
    const {code, stdout} = await run(['train', recipe]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^logits \+ feature hint, seed 1: loss \d+\.\d{4}, validation accuracy \d+\.\d\d %\nlogits \+ feature hint may be underfitted: after 10 steps .* Raise `steps`.*\nStudent: out\/.*\/seed-1\n$/,
    );
  });

  it('trains the method and from the seed that are named, the same seed to the same end', async () => {
    const command = ['train', recipe, '--method', 'true labels'];
    expect(trained).toMatchObject({level: 'none', method: 'true labels', seed: 1, directory: student, curve: [{}, {}]});
    const again = await json<Trained>(command);
    const other = await json<Trained>([...command, '--seed', '-7']);
    expect(again.curve).toEqual(trained.curve);
    expect(other).toMatchObject({seed: -7, directory: student.replace('seed-1', 'seed--7')});
    expect(other.curve).not.toEqual(trained.curve);
  });

  it('says how to get the knowledge that it lacks', async () => {
    const {code, stdout, stderr} = await run(['train', recipe, '--out', 'nowhere']);
    expect({code, stdout}).toEqual({code: 1, stdout: ''});
    expect(stderr).toContain(`\`limbeck label ${recipe} --level white-box\``);
  });
});

describe('limbeck evaluate', () => {
  it('measures a student against true labels and the teacher', async () => {
    const {code, stdout, stderr} = await run(['evaluate', student, recipe]);
    expect(code).toBe(0);
    const names = [...stdout.matchAll(/^([A-Z].*?) {2,}\d+\.\d+ (?:%|nats)$/gm)].map(([, name]) => name);
    expect(names.slice(0, 4)).toEqual(['Accuracy', 'Balanced accuracy', 'Macro F1', 'Agreement with the teacher']);
    expect(names).toContain('KL to the teacher');
    expect(stderr).toContain('✓ ask white-box about the test split · 500 bought');
    const measured = await json<Record<string, number>>(['evaluate', student, recipe, '--offline']);
    expect(stdout).toContain(`${(100 * measured['accuracy']!).toFixed(2)} %`);
    expect(stdout).toContain(`${(100 * measured['agreement']!).toFixed(2)} %`);
    expect(measured).toMatchObject({student, teacher: 'tfjs lenet', examples: 500});
  });

  it('refuses a student of other classes before it asks anybody', async () => {
    const path = join(folder(), student, 'limbeck.json');
    const description = await readFile(path, 'utf8');
    await writeFile(path, description.replace('"9"', '"nine"'));
    const refused = await run(['evaluate', student, recipe, '--cache', 'empty']);
    await writeFile(path, description);
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/classes .*nine.* are not those/),
    });
    expect(existsSync(join(folder(), 'empty'))).toBe(false);
  });
});

describe('a promise of a cascade', () => {
  it('is proven by `train`, kept with the student, and held against the test split by `evaluate`', async () => {
    const guaranteed = fixture('guaranteed.ts');
    await json(['label', guaranteed]);
    const {code, stdout} = await run(['train', guaranteed]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\nTarget: 80\s% agreement with the teacher over all requests, with 95\s% probability\. From a confidence of 0\.\d{4} on .*a point estimate/,
    );
    const directory = /^Student: (.+)$/m.exec(stdout)![1]!;
    const description = await readFile(join(folder(), directory, 'limbeck.json'), 'utf8');
    const {calibration} = JSON.parse(description) as {readonly calibration: Calibration};
    expect(calibration.guarantee).toMatchObject({agreement: 0.8, confidence: 0.95, answers: 44});
    const {cascade} = await json<{readonly cascade: CascadeResult}>(['evaluate', directory, guaranteed]);
    const {localShare, agreement, interval, ...rest} = cascade;
    expect(rest).toEqual({inputs: 500, threshold: calibration.threshold, guarantee: calibration.guarantee});
    expect(localShare).toBeGreaterThan(0);
    expect(agreement).toBeGreaterThan(interval[0]);
  });
});

describe('limbeck predict', () => {
  interface Predicted {
    readonly classes: readonly string[];
    readonly predictions: readonly {
      readonly class: string;
      readonly label: number;
      readonly confidence: number;
      readonly probabilities: readonly number[];
    }[];
  }

  const blank = JSON.stringify(new Array(784).fill(0));
  const line = JSON.stringify(Array.from({length: 784}, (_, place) => (place % 28 === 14 ? 255 : 0)));

  it('says what a student makes of JSON lines on stdin', async () => {
    const {code, stdout} = await run(['predict', student], {input: `${blank}\n${line}\n`});
    expect(code).toBe(0);
    expect(stdout).toMatch(/^(\d\t[01]\.\d{4}\n){2}$/);
    const {classes, predictions} = await json<Predicted>(['predict', student], {input: `${blank}\n${line}\n`});
    expect(classes).toHaveLength(10);
    expect(predictions.map(({class: name, confidence}) => `${name}\t${confidence.toFixed(4)}\n`).join('')).toBe(stdout);
    for (const {label, confidence, probabilities} of predictions) {
      expect(probabilities.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 6);
      expect(Math.max(...probabilities)).toBe(confidence);
      expect(probabilities[label]).toBe(confidence);
    }
  });

  it('reads an IDX file and makes of it what it makes of the same lines', async () => {
    const head = Buffer.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]);
    const pixels = [blank, line].flatMap(text => JSON.parse(text) as number[]);
    await writeFile(join(folder(), 'images-idx3-ubyte'), Buffer.concat([head, Buffer.from(pixels)]));
    await writeFile(join(folder(), 'images.jsonl'), `${blank}\n${line}\n`);
    const idx = await json<Predicted>(['predict', student, 'images-idx3-ubyte']);
    const lines = await json<Predicted>(['predict', student, 'images.jsonl']);
    expect(idx.predictions).toHaveLength(2);
    expect(idx.predictions).toEqual(lines.predictions);
  });

  it('says nothing of nothing', async () => {
    expect(await run(['predict', student], {input: ''})).toMatchObject({code: 0, stdout: ''});
  });

  it('refuses a line that is no input, and prints no half of the answers', async () => {
    const refused = await run(['predict', student], {input: `${blank}\n[1, 2]\n`});
    expect(refused).toMatchObject({code: 1, stdout: '', stderr: expect.stringContaining('stdin, line 2')});
  });
});

describe('limbeck serve', () => {
  const running: Running[] = [];

  /** Serves the student at a free port, and returns its address. */
  async function serve(args: readonly string[] = [], env: Record<string, string> = {}): Promise<string> {
    const service = start(['serve', student, '--port', '0', '--json', ...args], {env});
    running.push(service);
    await until('an address', () => service.stdout().includes('\n'));
    return (JSON.parse(service.stdout()) as {readonly url: string}).url;
  }

  const input = {name: 'input', datatype: 'UINT8', shape: [1, 28, 28, 1], data: new Array(784).fill(0)};

  async function infer(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<{status: number; outputs: string[]}> {
    const body = JSON.stringify({inputs: [input]});
    const type = {'content-type': 'application/json'};
    const reply = await fetch(`${url}/v2/models/seed-1/infer`, {method: 'POST', body, headers: {...type, ...headers}});
    const {outputs = []} = (await reply.json()) as {readonly outputs?: readonly {readonly name: string}[]};
    return {status: reply.status, outputs: outputs.map(({name}) => name)};
  }

  it('shows scores, the k best or labels alone, as it is told', async () => {
    const urls = await Promise.all([serve(), serve(['--top-k', '3']), serve(['--access', 'black-box'])]);
    expect(await Promise.all(urls.map(url => infer(url)))).toEqual([
      {status: 200, outputs: ['log_probabilities']},
      {status: 200, outputs: ['classes', 'log_probabilities']},
      {status: 200, outputs: ['label', 'class']},
    ]);
    const described = await fetch(`${urls[2]}/v2/models/seed-1`);
    expect(await described.text()).not.toMatch(/prob|logit/);
  });

  it('asks for the key in LIMBECK_SERVE_KEY and never prints it', async () => {
    const url = await serve(['--name', 'seed-1'], {LIMBECK_SERVE_KEY: 'sekret'});
    expect((await infer(url)).status).toBe(401);
    expect((await infer(url, {authorization: 'Bearer wrong'})).status).toBe(401);
    expect((await infer(url, {authorization: 'Bearer sekret'})).status).toBe(200);
    const service = running.at(-1)!;
    expect(service.stdout() + service.stderr()).not.toContain('sekret');
  });

  it('says where it is for people', async () => {
    const service = start(['serve', student, '--port', '0', '--access', 'black-box', '--name', 'digits']);
    running.push(service);
    await until('an address', () => service.stdout().includes('\n'));
    expect(service.stdout()).toMatch(/^digits \(black-box\) at http:\/\/127\.0\.0\.1:\d+\/v2\/models\/digits\n$/);
  });

  it('refuses a port that is taken', async () => {
    const {port} = new URL(JSON.parse(running[0]!.stdout()).url as string);
    const refused = await run(['serve', student, '--port', port]);
    expect(refused).toMatchObject({code: 1, stdout: ''});
    expect(refused.stderr).toMatch(
      new RegExp(`^limbeck: Cannot serve on 127\\.0\\.0\\.1:${port}: .*Choose another port`),
    );
  });

  it('ends at SIGTERM and at Ctrl-C with exit code 0', async () => {
    for (const [index, service] of running.entries()) service.kill(index % 2 === 0 ? 'SIGTERM' : 'SIGINT');
    const ends = await Promise.all(running.map(({finished}) => finished));
    expect(ends).toHaveLength(5);
    for (const end of ends) expect(end).toMatchObject({code: 0, signal: null, stderr: ''});
  });
});

describe('limbeck engine', () => {
  it('says which engine runs, and why', async () => {
    const facts = await json<Record<string, unknown>>(['engine'], {env: {LIMBECK_ENGINE: 'wasm'}});
    expect(facts).toMatchObject({
      ...{name: 'wasm', version: expect.stringMatching(/^\d/), reason: 'LIMBECK_ENGINE=wasm asks for it.'},
      node: process.versions.node,
      cores: expect.any(Number),
    });
    const {code, stdout, stderr} = await run(['engine'], {env: {LIMBECK_ENGINE: 'wasm'}});
    expect({code, stderr}).toEqual({code: 0, stderr: ''});
    expect(stdout).toMatch(/^Engine +wasm \d.*\nBecause +LIMBECK_ENGINE=wasm asks for it\.\nNode +\d.*\nProcessor +/);
  });

  it('refuses an engine that is none', async () => {
    const refused = await run(['engine'], {env: {LIMBECK_ENGINE: 'gpu'}});
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/LIMBECK_ENGINE is `gpu`\. Set it/),
    });
  });
});

describe('limbeck cache', () => {
  interface Stats {
    readonly answers: number;
    readonly teachers: readonly {readonly teacher: string; readonly answers: number}[];
  }

  interface Listed {
    readonly answers: readonly {readonly key: string; readonly teacher: string; readonly storedAt: string}[];
  }

  it('counts the answers of each teacher', async () => {
    const stats = await json<Stats>(['cache', 'stats']);
    expect(stats.answers).toBe(1400);
    expect(stats.teachers.map(({answers}) => answers).sort()).toEqual([300, 300, 800]);
    const {stdout} = await run(['cache', 'stats']);
    expect(stdout).toContain('1400 answers of 3 teachers');
    for (const {teacher} of stats.teachers) expect(stdout).toContain(teacher);
  });

  it('lists answers, a line each, as many as are asked for', async () => {
    const {answers} = await json<Listed>(['cache', 'list', '--limit', '3']);
    const {stdout} = await run(['cache', 'list', '--limit', '3']);
    const keys = stdout
      .trimEnd()
      .split('\n')
      .map(row => row.split(' ')[0]);
    expect(keys).toEqual(answers.map(({key}) => key));
    expect(keys).toHaveLength(3);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('takes out what is named and nothing else', async () => {
    const {answers} = await json<Listed>(['cache', 'list', '--limit', '2']);
    const [one, two] = answers.map(({key}) => key) as [string, string];
    expect(await json(['cache', 'delete', one])).toEqual({cache: '.limbeck/answers', deleted: [one]});
    expect(await run(['cache', 'delete', two])).toMatchObject({code: 0, stdout: 'Deleted 1 from .limbeck/answers\n'});
    expect((await json<Stats>(['cache', 'stats'])).answers).toBe(1398);
    const gone = await run(['cache', 'delete', one]);
    expect(gone).toMatchObject({code: 1, stdout: '', stderr: expect.stringContaining(`no answer under ${one}`)});
  });

  it('looks where LIMBECK_CACHE or --cache says, and makes no cache of its own', async () => {
    const env = {LIMBECK_CACHE: join(folder(), '.limbeck/answers')};
    expect(await json(['cache', 'list', '--limit', '1'], {env})).toMatchObject({cache: env.LIMBECK_CACHE});
    const refused = await run(['cache', 'stats', '--cache', 'nothing/here'], {env});
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('There is no cache at nothing/here'),
    });
    expect(existsSync(join(folder(), 'nothing'))).toBe(false);
  });

  it('carries answers to another cache by one file', async () => {
    expect(await json(['cache', 'export', 'answers.jsonl.gz'])).toMatchObject({answers: 1398});
    const elsewhere = ['--cache', 'elsewhere/answers'];
    const imported = await run(['cache', 'import', 'answers.jsonl.gz', ...elsewhere]);
    expect(imported).toMatchObject({code: 0, stdout: 'Added 1398 of 1398 answers to elsewhere/answers\n'});
    expect((await json<Stats>(['cache', 'stats', ...elsewhere])).answers).toBe(1398);
    expect(await json(['cache', 'verify', ...elsewhere])).toMatchObject({answers: 1398, problems: []});
  });

  it('explains why an input is not served', async () => {
    const explain = ['cache', 'explain', recipe, '--level', 'gray-box'];
    expect((await run([...explain, '--input', '5'])).stdout).toMatch(
      /^Input 5 is kept: [0-9a-f]{64}, log-probabilities\n$/,
    );
    const outside = await run([...explain, '--input', '5000']);
    expect(outside).toMatchObject({code: 1, stderr: expect.stringContaining('has inputs 0 to 299, not 5000')});
  });
});
