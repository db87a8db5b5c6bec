import {execFile, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {jsonServer} from '../adapters/json-server.ts';
import {cli, until} from '../built.ts';
import {workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
const SECRET = 'sk-not-to-be-seen-4711';
const service = ['--service', 'openai', '--model', 'gpt-6-luna'];
const classes = ['--class', 'bug: something does not work', '--class', 'praise'];

/** Texts of which no two are alike. */
function tickets(count: number): readonly string[] {
  return Array.from({length: count}, (_, index) => `${index % 3 ? 'It crashes' : 'I love it'} ${(index + 1) ** 7}`);
}

async function write(name: string, content: string): Promise<void> {
  await mkdir(dirname(join(folder(), name)), {recursive: true});
  await writeFile(join(folder(), name), content);
}

const lines = (texts: readonly string[]): string => texts.map(body => `${JSON.stringify({body})}\n`).join('');
const names = async (inner = ''): Promise<string[]> => (await readdir(join(folder(), inner))).sort();

const closing: Server[] = [];
afterAll(() => {
  for (const server of closing) server.close();
});

beforeAll(async () => {
  await mkdir(join(folder(), 'node_modules'));
  await symlink(join(dirname(cli), '../../..'), join(folder(), 'node_modules/limbeck'));
  await write('tickets.jsonl', lines(tickets(60)));
  const labelled = tickets(60).map((text, index) => `${text},${index % 3 ? 'bug' : 'praise'}`);
  const levels = [{name: 'mood', type: 'score', instructions: 'How?', levels: ['2', '1']}];
  await write('levels.json', JSON.stringify(levels));
  await write('labelled.csv', `ticket,category\n${labelled.join('\n')}\n`);
});

interface Initialised {
  readonly classes: readonly string[];
  readonly calls: number;
  readonly test: number;
  readonly isLoaded: boolean;
  readonly key: object;
  readonly next: readonly string[];
}

describe('limbeck init with flags', () => {
  it('writes a recipe that the next command reads, and no key', async () => {
    const flags = ['--texts', 'tickets.jsonl', ...classes, ...service, '--price', '0.4,1.6', '--budget', '5usd'];
    const {code, stdout, stderr} = await run(['init', ...flags], {env: {OPENAI_API_KEY: SECRET}});
    expect({code, stderr}).toMatchObject({code: 0, stderr: expect.stringContaining('OPENAI_API_KEY, which is set.')});
    expect(stdout).toContain('limbeck label recipe.ts --budget 5usd');
    expect(stderr.match(/The terms of OpenAI restrict/g)).toHaveLength(1);
    const source = await readFile(join(folder(), 'recipe.ts'), 'utf8');
    expect(source).toContain("text: 'body'");
    expect(stdout + stderr + source).not.toContain(SECRET);
    const plan = await json<{levels: readonly object[]}>(['plan', 'recipe.ts', '--offline']);
    expect(JSON.stringify(plan)).toContain('"inputs":48');
  });

  it('takes the classes and the measure from labels, where there are some', async () => {
    const flags = ['labels.mjs', '--texts', 'labelled.csv', ...service, '--calls', '20', '--test', '10'];
    const made = await json<Initialised>(['init', ...flags]);
    expect(made).toMatchObject({classes: ['bug', 'praise'], calls: 20, test: 10, isLoaded: true});
    expect(await readFile(join(folder(), 'labels.mjs'), 'utf8')).toContain("label: 'category'");
  });

  it.each(['bedrock', 'vllm', 'compatible'])('writes one for %s that makes its teacher', async name => {
    const place = {bedrock: ['--region', 'eu-central-1'], compatible: ['--url', 'https://host.test/v1']}[name] ?? [];
    const flags = ['--texts', 'tickets.jsonl', ...classes, '--service', name, '--model', 'm', ...place];
    expect(await json<Initialised>(['init', `services/${name}.ts`, ...flags])).toMatchObject({isLoaded: true});
    expect(await names('services')).toContain(`${name}.ts`);
  });

  it('writes one with the questions of a request, for the service and the model that it names', async () => {
    const questions = {
      urgent: {type: 'noul', instructions: 'Is it urgent?', criteria: {true: 'money is at stake'}},
      topic: {type: 'choice', instructions: 'What is it about?', criteria: {bug: 'something is broken', praise: null}},
      mood: {type: 'score', instructions: 'How content is the writer?', criteria: ['angry', 'calm', 'happy']},
    };
    await write('request.json', JSON.stringify({model: 'jev-1.13.0', state: 'It crashes', questions}));
    const flags = ['--texts', 'tickets.jsonl', '--questions', 'request.json', '--url', 'http://127.0.0.1:9'];
    const made = await json<Initialised & {readonly questions: readonly {readonly name: string}[]}>([
      ...['init', 'several.ts', ...flags],
    ]);
    expect(made).toMatchObject({isLoaded: true, service: 'system-one', model: 'jev-1.13.0', level: 'gray-box'});
    expect(made.questions.map(({name}) => name)).toEqual(['urgent', 'topic', 'mood']);
    expect(await readFile(join(folder(), 'several.ts'), 'utf8')).toContain("url: 'http://127.0.0.1:9',");
  });

  it('keeps the texts of stdin in a file, once', async () => {
    const flags = ['piped/recipe.ts', '--texts', '-', ...classes, ...service];
    const piped = {input: lines(tickets(60))};
    expect(await run(['init', ...flags], piped)).toMatchObject({code: 0});
    expect(await readFile(join(folder(), 'piped/texts.jsonl'), 'utf8')).toBe(piped.input);
    expect(await readFile(join(folder(), 'piped/recipe.ts'), 'utf8')).toContain("path: 'piped/texts.jsonl'");
    const again = await run(['init', 'piped/other.ts', ...flags.slice(1)], piped);
    expect(again).toMatchObject({code: 1, stderr: expect.stringContaining('piped/texts.jsonl already exists')});
    expect(await names('piped')).toEqual(['recipe.ts', 'texts.jsonl']);
  });

  it('says what to install where limbeck is not beside the recipe', async () => {
    const far = await mkdtemp(join(tmpdir(), 'limbeck-far-'));
    const flags = [join(far, 'recipe.ts'), '--texts', 'tickets.jsonl', ...classes, ...service, '--force'];
    expect(await json<Initialised>(['init', ...flags])).toMatchObject({isLoaded: false});
    const {stderr} = await run(['init', ...flags]);
    const [, pack, file] = /^ {2}(npm pack .*)\n {2}npm install \.\/(limbeck-\S+\.tgz)$/m.exec(stderr) ?? [];
    await promisify(execFile)('sh', ['-c', pack!], {cwd: far});
    expect(existsSync(join(far, file!))).toBe(true);
    await rm(far, {recursive: true});
  });
});

describe('the recipe that limbeck init writes', () => {
  it('is one that all commands just work with: plan, probe, label, train, evaluate and audit', async () => {
    const url = await chatService(text => (text.startsWith('It crashes') ? 'bug' : 'praise'));
    const place = ['--service', 'compatible', '--url', url, '--model', 'sorter', '--output', 'label'];
    const {next} = await json<Initialised>(['init', 'whole.ts', '--texts', 'tickets.jsonl', ...classes, ...place]);
    // So few texts are learned in fewer steps than the default.
    const path = join(folder(), 'whole.ts');
    const source = await readFile(path, 'utf8');
    await writeFile(path, source.replace('  seeds: [1, 2, 3],\n', '  seeds: [1, 2, 3],\n  training: {steps: 60},\n'));
    const commands = next.map(command => command.split(' ').slice(1));
    expect(commands.map(([name]) => name)).toEqual(['plan', 'probe', 'label', 'train', 'evaluate', 'audit', 'serve']);
    const said: string[] = [];
    for (const command of commands.slice(0, -1)) {
      const {code, stdout, stderr} = await run(command);
      expect({command, code, stderr}).toEqual({command, code: 0, stderr: expect.anything()});
      said.push(stdout);
    }
    expect(said[2]).toContain('48 answers (');
    expect(said[4]).toMatch(/Agreement with the teacher +100\.00 %/);
    expect(said[5]).toContain('out/tickets/audit.csv has 12 texts for you to check.');
  });

  it('is one for the rows of a table with several questions, whose true labels nobody is shown', async () => {
    const questions = [
      {type: 'predicate', name: 'urgent', instructions: 'Is it urgent?'},
      {type: 'choice', name: 'colour', instructions: 'Which?', choices: [{value: 'red'}, {value: 'blue'}]},
    ];
    const shown: string[] = [];
    const url = await jsonServer((body: {readonly input: unknown}) => {
      shown.push(JSON.stringify(body.input));
      const isDear = Number(/\\?"price\\?":(\d+)/.exec(shown.at(-1)!)?.[1]) >= 100;
      const [red, blue] = isDear ? [0.9, 0.1] : [0.1, 0.9];
      const probabilities = [
        {value: 'red', probability: red},
        {value: 'blue', probability: blue},
      ];
      const choice = isDear ? 'red' : 'blue';
      return {
        body: {
          model: 'm-1',
          answers: [
            {type: 'predicate', name: 'urgent', probability: red},
            {type: 'choice', name: 'colour', choice, probabilities},
          ],
        },
      };
    });
    const rows = Array.from(
      {length: 60},
      (_, row) => `${row},${20 + row * 3},${row % 3},${row > 26 ? 'yes' : 'no'},red\n`,
    );
    await write('cases.csv', `id,price,kind,urgent,colour\n${rows.join('')}`);
    await write('cases.json', JSON.stringify({model: 'm', input: '', questions}));
    const flags = ['--records', 'cases.csv', '--questions', 'cases.json', '--url', url];
    const {next} = await json<Initialised>(['init', 'cases.ts', ...flags]);
    const path = join(folder(), 'cases.ts');
    const source = await readFile(path, 'utf8');
    await writeFile(path, source.replace('  seeds: [1, 2, 3],\n', '  seeds: [1, 2, 3],\n  training: {steps: 60},\n'));
    const commands = next.map(command => command.split(' ').slice(1));
    expect(commands.map(([name]) => name)).toEqual(['plan', 'probe', 'label', 'train', 'evaluate', 'serve']);
    const said: string[] = [];
    for (const command of commands.slice(2, -1)) {
      const {code, stdout, stderr} = await run(command);
      expect({command, code, stderr}).toEqual({command, code: 0, stderr: expect.anything()});
      said.push(stdout);
    }
    expect(said[2]).toMatch(/^urgent\nAccuracy [\s\S]*\ncolour\nAccuracy /);
    expect(shown.join()).not.toMatch(/urgent|colour/);
    expect(new Set(shown).size).toBe(shown.length);
  });
});

/** A service that speaks as much of OpenAI's protocol as labels take. */
async function chatService(labelOf: (text: string) => string): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const {messages} = JSON.parse(body) as {readonly messages: readonly {readonly content: string}[]};
    const content = JSON.stringify({label: labelOf(messages.at(-1)!.content)});
    const choices = [{index: 0, message: {role: 'assistant', content}, finish_reason: 'stop'}];
    const usage = {prompt_tokens: 20, completion_tokens: 5, total_tokens: 25};
    response
      .writeHead(200, {'content-type': 'application/json'})
      .end(JSON.stringify({model: 'sorter', choices, usage}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

describe('limbeck init refuses', () => {
  const texts = ['--texts', 'tickets.jsonl'];

  it.each([
    ['to wait where nobody answers', [], 'Add `--texts`, `--service`, `--model`'],
    ['a service that it does not know', [...texts, ...classes, '--service', 'x', '--model', 'm'], 'no service `x`'],
    ['more calls than texts', [...texts, ...classes, ...service, '--calls', '49'], 'Give `--calls 48` at most'],
    ['money without a price', [...texts, ...classes, ...service, '--budget', '5usd'], 'needs the price'],
    [
      'an output that the service lacks',
      [...texts, ...classes, ...service, '--output', 'logits'],
      'no output `logits`',
    ],
    [
      'questions that cannot be asked',
      [...texts, '--questions', 'levels.json'],
      'levels.json, [0].levels: The levels are 2, 1. Order them',
    ],
    ['a field that is not there', [...texts, '--text', 'x', ...classes, ...service], 'no field `x`'],
  ])('%s, and writes nothing', async (_, flags, problem) => {
    const before = await names();
    const {code, stdout, stderr} = await run(['init', 'refused.ts', ...flags]);
    expect({code, stdout}).toEqual({code: 1, stdout: ''});
    expect(stderr).toContain(problem);
    expect(await names()).toEqual(before);
  });

  it('to replace a file, but for --force', async () => {
    await write('mine.ts', 'mine');
    const flags = ['mine.ts', ...texts, ...classes, ...service];
    const {code, stderr} = await run(['init', ...flags]);
    expect({code, stderr}).toMatchObject({code: 1, stderr: expect.stringContaining('mine.ts already exists')});
    expect(await readFile(join(folder(), 'mine.ts'), 'utf8')).toBe('mine');
    expect(await run(['init', ...flags, '--force'])).toMatchObject({code: 0});
    expect(await readFile(join(folder(), 'mine.ts'), 'utf8')).toContain('defineRecipe');
  });

  it('what is no module', async () => {
    expect(await run(['init', 'recipe.json'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('so recipe.json must end in'),
    });
  });

  it('to leave half of stdin at Ctrl-C', async () => {
    const child = spawn(process.execPath, [cli, 'init', 'stopped/recipe.ts', '--texts', '-', ...classes, ...service], {
      cwd: folder(),
    });
    // It stays open: there may be more to come.
    child.stdin.write(lines(tickets(1000)));
    await until(
      'a part of the copy',
      async () => existsSync(join(folder(), 'stopped')) && (await names('stopped')).length > 0,
    );
    child.kill('SIGINT');
    expect((await once(child, 'close'))[0]).toBe(130);
    expect(await names('stopped')).toEqual([]);
  });
});

describe('limbeck init at a terminal', () => {
  /** Types at a terminal, each line once the screen shows what it answers. */
  async function atTerminal(args: readonly string[], answers: readonly (readonly [string, string])[]) {
    const command = [process.execPath, cli, 'init', ...args].map(word => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: folder(),
      env: {...process.env, NO_COLOR: '1'},
    });
    let screen = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
    });
    let read = 0;
    for (const [question, answer] of answers) {
      await until(`“${question}” on the screen: ${screen.slice(-300)}`, () => screen.includes(question, read));
      read = screen.indexOf(question, read) + question.length;
      child.stdin.write(answer);
    }
    const [code] = (await once(child, 'close')) as [number | null];
    return {code, screen};
  }

  it('asks for all that it needs, again where an answer can’t be read, and writes the recipe', async () => {
    const {code, screen} = await atTerminal(
      ['asked.ts'],
      [
        ['Where are the texts?', 'nowhere.csv\r'],
        ['There is nothing at nowhere.csv', 'tickets.jsonl\r'],
        ['Which holds the text? [body]', '\r'],
        ['Which holds its class', '\r'],
        ['Which classes', 'bug, praise\r'],
        ['bug:', 'something does not work\r'],
        ['praise:', '\r'],
        ['Which service?', 'openai\r'],
        ['Which model', 'gpt-6-luna\r'],
        ['[log-probabilities]', '\r'],
        ['Its price', '0.4,1.6\r'],
        ['How many texts shall the teacher label, of 48? [48]', '30\r'],
        ['The most to spend', '200calls\r'],
      ],
    );
    expect({code, screen}).toMatchObject({
      code: 0,
      screen: expect.stringContaining('label asked.ts --budget 200calls'),
    });
    const source = await readFile(join(folder(), 'asked.ts'), 'utf8');
    expect(source).toContain("bug: 'something does not work'");
    expect(source).toContain('transfer: {size: 30, seed: 1}');
  });

  it('stops at Ctrl-C, and nothing is written', async () => {
    const before = await names();
    const {code, screen} = await atTerminal(
      ['half.ts'],
      [
        ['Where are the texts?', 'tickets.jsonl\r'],
        ['Which holds the text?', '\u0003'],
      ],
    );
    expect({code, screen}).toMatchObject({
      code: 130,
      screen: expect.stringContaining('Stopped. No recipe was written.'),
    });
    expect(await names()).toEqual(before);
  });
});
