import {cp, mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeAll, beforeEach, describe, expect, it, vi} from 'vitest';
import {type Chosen, chooseAll} from '../../../src/cli/init/choices.ts';
import type {Dialogue, InitFlags} from '../../../src/cli/init/choose.ts';
import {keptIn} from '../../../src/cli/init/example-choices.ts';
import {recipeSource} from '../../../src/cli/init/recipe-source.ts';
import type {RecordInputs} from '../../../src/data/inputs.ts';
import {isLabelled} from '../../../src/data/split.ts';
import {encodePng} from '../../../src/study/samples.ts';
import {folders} from '../../study/tiny.ts';
import {person} from './person.ts';

const newFolder = folders();
let folder: string;
let notes: string[];

/** The folder of an encoder. */
const tiny = join(import.meta.dirname, '../../fixtures/encoder/bert');

const texts = Array.from({length: 50}, (_, index) => `${index % 2 ? 'Lovely' : 'Broken'} ${(index + 2) ** 9}`);

async function write(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), {recursive: true});
  await writeFile(path, content);
  return path;
}

beforeAll(async () => {
  folder = await newFolder('choices');
});

// No encoder is there, whatever the machine has.
beforeEach(() => void vi.stubEnv('LIMBECK_ENCODER_DIR', join(folder, 'encoders')));
afterEach(() => void vi.unstubAllEnvs());

function choose(flags: InitFlags, dialogue?: Dialogue): Promise<Chosen> {
  notes = [];
  return chooseAll({flags, dialogue, note: line => void notes.push(line), signal: new AbortController().signal});
}

const ollama = {service: 'ollama', model: 'qwen3:4b'};

describe('choices', () => {
  it('are made by flags and defaults where nobody can be asked', async () => {
    const path = await write('my tickets.jsonl', texts.map(body => `${JSON.stringify({body})}\n`).join(''));
    const classes = [
      {name: 'good', description: 'it pleases'},
      {name: 'bad', description: undefined},
    ];
    const {data, service, ...chosen} = await choose({texts: path, class: classes, ...ollama});
    expect(chosen).toEqual({
      name: 'my-tickets',
      texts: {path, text: 'body', label: false},
      classes: ['good', 'bad'],
      descriptions: {good: 'it pleases'},
      model: 'qwen3:4b',
      output: 'log-probabilities',
      isChosen: false,
      calls: 40,
      test: 10,
      budget: undefined,
    });
    expect([keptIn(data), service.name]).toEqual([50, 'ollama']);
    expect(notes.filter(note => note.startsWith('  “'))).toHaveLength(3);
  });

  it('take classes from folders, unless they are none', async () => {
    for (const [index, text] of texts.entries()) await write(`mails/${index % 2 ? 'ham' : 'spam'}/${index}.txt`, text);
    const path = join(folder, 'mails');
    const sorted = await choose({texts: path, ...ollama});
    expect(sorted).toMatchObject({classes: ['ham', 'spam'], texts: {path, folderLabels: true}});
    // A tenth of the labelled ones is for validation.
    expect([sorted.calls, sorted.test]).toEqual([35, 10]);
    expect(notes[0]).toContain('The folders are read as classes: ham, spam.');
    await expect(choose({texts: path, label: false, ...ollama})).rejects.toThrow('Give each with `--class');
  });

  it('take an encoder that is installed or named, and say what one is worth if there is none', async () => {
    const path = await write('encoded.txt', texts.join('\n'));
    const flags = {texts: path, class: [{name: 'a', description: 'it is so'}], ...ollama};
    expect((await choose(flags)).encoder).toBeUndefined();
    expect(notes).toContainEqual(expect.stringContaining('`limbeck encoder add all-minilm-l6-v2`, 83 MB'));

    const named = await choose({...flags, encoder: tiny});
    expect(named.encoder).toBe(tiny);
    expect(notes).toContainEqual(expect.stringContaining(`a head on the encoder ${tiny}`));
    expect(recipeSource(named)).toContain(`assistant: {encoder: '${tiny}', descriptions},`);
    await expect(choose({...flags, encoder: join(folder, 'nowhere')})).rejects.toThrow('There is no encoder in');

    vi.stubEnv('LIMBECK_ENCODER_DIR', join(folder, 'added'));
    await cp(tiny, join(folder, 'added/all-minilm-l6-v2'), {recursive: true});
    expect((await choose(flags)).encoder).toBe('all-minilm-l6-v2');
    expect((await choose({...flags, encoder: false})).encoder).toBeUndefined();
    expect(notes.join()).not.toMatch(/encoder/);
    const list = [{type: 'predicate', name: 'urgent', instructions: 'Is it urgent?'}];
    const questions = await write('one.json', JSON.stringify({model: 'm', input: '', questions: list}));
    expect((await choose({texts: path, questions})).encoder).toBeUndefined();
    await expect(choose({texts: path, questions, encoder: tiny})).rejects.toThrow('Leave `--encoder` out');
  });

  it('let medoids choose if there are many classes, and twice as many texts as calls', async () => {
    const path = await write(
      'many.txt',
      Array.from({length: 1200}, (_, index) => `text ${(index + 2) ** 5}`).join('\n'),
    );
    const named = (count: number) =>
      Array.from({length: count}, (_, index) => ({name: `k${index}`, description: undefined}));
    const flags = {texts: path, class: named(20), encoder: tiny, calls: 500, test: 100, ...ollama};
    expect((await choose(flags)).isChosen).toBe(true);
    for (const change of [{class: named(19)}, {calls: 499}, {calls: 600}, {encoder: false as const}]) {
      expect((await choose({...flags, ...change})).isChosen).toBe(false);
    }
  });

  it('are those of an embedding model if its vectors are read, with the length that is known', async () => {
    const path = await write(
      'embed.csv',
      `body,mood\n${texts.map((text, index) => `${text},${index % 2 ? 'good' : 'bad'}`).join('\n')}\n`,
    );
    const flags = {texts: path, output: 'vector'};
    const openai = {...flags, service: 'openai', model: 'text-embedding-3-small', price: '0.02'};
    expect(await choose(openai)).toMatchObject({
      texts: {path, label: false},
      classes: [],
      output: 'vector',
      vectors: {dimensions: 1536, isShortened: false},
      price: {perMillionInputTokens: 0.02},
      encoder: undefined,
      calls: 40,
    });
    expect((await choose({...openai, dimensions: '512'})).vectors).toEqual({dimensions: 512, isShortened: true});
    const tei = {...flags, service: 'tei', model: 'BAAI/bge-m3', url: 'http://127.0.0.1:8080'};
    await expect(choose(tei)).rejects.toThrow('Give `--dimensions`.');
    expect((await choose({...tei, dimensions: '1024'})).vectors).toEqual({dimensions: 1024, isShortened: false});

    const local = {...flags, service: 'encoder'};
    const {vectors, service} = await choose({...local, model: tiny});
    expect([vectors, service.isLocal]).toEqual([{dimensions: 32, isShortened: false}, true]);
    await expect(choose(local)).rejects.toThrow('Give `--model`.');
    await expect(choose({...local, model: tiny, dimensions: '4'})).rejects.toThrow('Leave `--dimensions` out.');
    const named = [{name: 'good', description: undefined}];
    await expect(choose({...local, model: tiny, class: named})).rejects.toThrow('Leave `--class` out.');
    await expect(choose({texts: path, service: 'cohere', model: 'm'})).rejects.toThrow('add `--output vector`');
    const mistaken = {texts: path, class: named, service: 'cohere', model: 'm'};
    await expect(choose(mistaken)).rejects.toThrow('`cohere` gives vectors. Ask for them with `--output vector`.');
  });

  it('let a person ask an embedding model in place of naming classes', async () => {
    const path = await write('said.txt', texts.join('\n'));
    const asked = person('vectors', 'compatible', 'http://127.0.0.1:9000/v1', 'bge-m3', 'many', '1024', '', '20', '');
    expect(await choose({texts: path}, asked)).toMatchObject({
      vectors: {dimensions: 1024, isShortened: false},
      url: 'http://127.0.0.1:9000/v1',
      calls: 20,
    });
    expect(asked.problems).toEqual(['Expected a whole number from 1 to 65536, got many.']);
  });

  it('take the classes of a file, and a file of texts to measure with', async () => {
    const [own, test] = [texts.slice(0, 40), texts.slice(40)];
    const path = await write('own.jsonl', own.map(text => `${JSON.stringify({text})}\n`).join(''));
    const measured = await write('measured.jsonl', test.map(text => `${JSON.stringify({text})}\n`).join(''));
    const file = await write('classes.txt', 'good: it pleases\nbad\n');
    const chosen = await choose({texts: path, test: measured, classes: file, ...ollama});
    expect(chosen).toMatchObject({
      texts: {path, testPath: measured},
      classes: ['good', 'bad'],
      descriptions: {good: 'it pleases'},
    });
    expect([chosen.calls, chosen.test]).toEqual([40, 10]);
    expect(chosen.data.test.inputs.count).toBe(10);
    const both = {classes: file, class: [{name: 'good', description: undefined}]};
    await expect(choose({texts: path, ...both, ...ollama})).rejects.toThrow('Leave `--class` out');
    await expect(choose({texts: path, test: 'nothing.csv', classes: file, ...ollama})).rejects.toThrow(
      'There is nothing at nothing.csv',
    );
  });

  it('take questions of a file with the service and the model that it names', async () => {
    const path = await write('asked.jsonl', texts.map(body => `${JSON.stringify({body, label: 'x'})}\n`).join(''));
    const question = {id: 'urgent', type: 'yes_no', question: 'Is it urgent?'};
    const questions = await write('request.json', JSON.stringify({model: 'm', input: '', questions: [question]}));
    const {service, data, ...chosen} = await choose({texts: path, questions});
    expect(chosen).toMatchObject({
      texts: {path, text: 'body', label: false},
      classes: [],
      questions: [{type: 'predicate', name: 'urgent', instructions: 'Is it urgent?'}],
      dialect: 'sglang',
      model: 'm',
      output: 'probabilities',
      calls: 40,
    });
    expect([service.name, data.classes]).toEqual(['decisions', ['no', 'yes']]);
    expect(notes[0]).toContain('\n  urgent: Is it urgent? (predicate: no, yes)');
    // Another service has other models.
    await expect(choose({texts: path, questions, service: 'openai'})).rejects.toThrow('Add `--model`');
    const other = await choose({texts: path, questions, service: 'openai', model: 'gpt'});
    expect([other.service.name, other.dialect, other.output]).toEqual(['openai', undefined, 'log-probabilities']);
    const classes = [{name: 'a', description: undefined}];
    await expect(choose({texts: path, questions, class: classes})).rejects.toThrow('Leave `--class` out');
    await expect(choose({texts: path, questions, label: 'label'})).rejects.toThrow('Leave `--label` out');
  });

  it('take questions of a JSON Schema for any service that answers some', async () => {
    const path = await write('form.jsonl', texts.map(body => `${JSON.stringify({body})}\n`).join(''));
    const schema = {properties: {rude: {type: 'boolean'}}};
    const questions = await write('form.json', JSON.stringify(schema));
    await expect(choose({texts: path, questions})).rejects.toThrow('Add `--service`, `--model`');
    const chosen = await choose({texts: path, questions, service: 'vllm', model: 'm'});
    expect([chosen.output, chosen.questions]).toMatchObject(['label', [{name: 'rude', instructions: 'rude'}]]);
    expect(notes).toContainEqual(expect.stringContaining('`rude` has no description'));
    await expect(choose({texts: path, questions, ...ollama, output: 'probabilities'})).rejects.toThrow('no output');
    const classes = ['a', 'b'].map(name => ({name, description: undefined}));
    await expect(choose({texts: path, class: classes, service: 'decisions', model: 'm'})).rejects.toThrow(
      '`decisions` answers typed questions. Give them with `--questions FILE.json`.',
    );
  });

  it('read a column of true labels for each question, if each has one that holds its classes', async () => {
    const rows = (urgent: (index: number) => string, mood = true) =>
      texts
        .map((body, index) => `${JSON.stringify({body, urgent: urgent(index), ...(mood && {mood: 'calm'})})}\n`)
        .join('');
    const right = await write(
      'labelled.jsonl',
      rows(index => (index % 3 === 0 ? 'yes' : 'no')),
    );
    const list = [
      {type: 'predicate', name: 'urgent', instructions: 'Is it urgent?'},
      {type: 'score', name: 'mood', instructions: 'How is it?', levels: [{label: 'angry'}, {label: 'calm'}]},
    ];
    const questions = await write('both.json', JSON.stringify({model: 'm', input: '', questions: list}));
    const {data, ...chosen} = await choose({texts: right, questions});
    expect(chosen.texts).toEqual({path: right, text: 'body', label: false, ownLabels: true});
    expect(isLabelled(data)).toBe(true);
    const source = recipeSource({...chosen, texts: {...chosen.texts, path: 'labelled.jsonl'}});
    expect(source).toContain(
      'label: question?.name,\n      stratify: false,\n      classes: question && classesOf(question),',
    );

    expect((await choose({texts: right, questions, label: false})).texts).not.toHaveProperty('ownLabels');
    const wrong = await write(
      'wrong.jsonl',
      rows(index => (index === 7 ? '1' : 'no')),
    );
    expect((await choose({texts: wrong, questions})).texts).not.toHaveProperty('ownLabels');
    expect(notes).toContainEqual(
      expect.stringMatching(/`urgent` is "1" in \S*wrong\.jsonl, line 8, and its classes are no, yes\./),
    );
    const half = await write(
      'half.jsonl',
      rows(() => 'no', false),
    );
    expect(isLabelled((await choose({texts: half, questions})).data)).toBe(false);
    expect(notes).toContainEqual(expect.stringContaining('`urgent` are not read, because there is no column `mood`'));
  });

  it('take the images of a folder, and the rows of a table, with questions about them', async () => {
    const list = [
      {type: 'predicate', name: 'urgent', instructions: 'Is it urgent?'},
      {type: 'choice', name: 'colour', instructions: 'Which?', choices: [{value: 'red'}, {value: 'blue'}]},
    ];
    const questions = await write('pair.json', JSON.stringify({model: 'm', input: '', questions: list}));
    for (let index = 0; index < 20; index++) {
      const data = Uint8Array.from({length: 3}, (_, at) => 10 * index + at);
      await write(`photos/${index}.png`, encodePng({width: 1, height: 1, channels: 3, data}));
    }
    const images = join(folder, 'photos');
    const {data: seen, ...photos} = await choose({images, questions});
    expect(photos).toMatchObject({name: 'photos', texts: {kind: 'image', path: images}, calls: 16, test: 4});
    expect([seen.train.inputs.kind, keptIn(seen)]).toEqual(['image', 20]);
    expect(recipeSource(photos)).toContain('imageDataset({\n      path:');

    const rows = Array.from({length: 30}, (_, row) => `${row},${row * 7},${row % 3},${row % 2 ? 'yes' : 'no'},red\n`);
    const records = await write('cases.csv', `id,price,kind,urgent,colour\n${rows.join('')}`);
    const {data, ...cases} = await choose({records, questions});
    expect(cases.texts).toMatchObject({kind: 'record', columns: ['price', 'kind'], ownLabels: true});
    expect(isLabelled(data)).toBe(true);
    expect(data.test.inputs).toMatchObject({kind: 'record', count: 6});
    expect(Object.keys((data.test.inputs as RecordInputs).records[0]!)).toEqual(['price', 'kind']);
    const {texts: bare} = await choose({records, questions, label: false});
    expect(bare).toMatchObject({columns: ['price', 'kind'], label: false});
    expect(bare).not.toHaveProperty('ownLabels');

    await expect(choose({records, images, questions})).rejects.toThrow('`--images` and `--records` both name inputs.');
    await expect(choose({records, ...ollama})).rejects.toThrow('`--records` needs the questions about them');
    await expect(choose({records, questions, text: 'kind'})).rejects.toThrow('`--text` is for texts. Leave it out.');
    await expect(choose({images: join(folder, 'nowhere'), questions})).rejects.toThrow('There is nothing at');
  });

  it('ask for several questions where no classes are given, then for the address of their service', async () => {
    const path = await write('open.txt', texts.join('\n'));
    const url = 'http://127.0.0.1:8080';
    const asked = person('', 'rude', 'Is it rude?', 'predicate', '', '', '', 'system-one', url, 'laya', '', '20');
    const chosen = await choose({texts: path}, asked);
    expect(chosen).toMatchObject({questions: [{name: 'rude'}], model: 'laya', url, output: 'probabilities', calls: 20});
    expect(asked.problems).toEqual([]);
  });

  it('refuse more calls than the texts give, and say why', async () => {
    const path = await write('few.jsonl', texts.map(text => `${JSON.stringify({text})}\n`).join(''));
    const classes = ['good', 'bad'].map(name => ({name, description: undefined}));
    const flags = {texts: path, class: classes, ...ollama};
    await expect(choose({...flags, calls: 400})).rejects.toThrow(
      '`--calls 400` is more than the texts give: of 50 that differ, 10 are kept for measurement, so 40 are left. ' +
        'Give `--calls 40` at most, more texts, or a smaller `--test`.',
    );
    await expect(choose({...flags, calls: 3})).rejects.toThrow('`--calls 3` is too few to learn from');
  });

  it('take the text of objects in folders by its field', async () => {
    for (const [index, body] of texts.entries()) {
      await write(`tickets/${index % 2 ? 'ham' : 'spam'}/${index}.jsonl`, JSON.stringify({body}));
    }
    const path = join(folder, 'tickets');
    const {texts: chosen} = await choose({texts: path, format: 'jsonl', ...ollama});
    expect(chosen).toEqual({path, format: 'jsonl', text: 'body', folderLabels: true});
  });

  it('refuse flags that would mean nothing', async () => {
    const path = await write('bare.txt', texts.join('\n'));
    const flags = {texts: path, class: [{name: 'a', description: undefined}], ...ollama};
    await expect(choose({...flags, text: 'body'})).rejects.toThrow(
      'bare.txt holds texts without fields. Leave `--text`',
    );
    await expect(choose({...flags, label: 'mood'})).rejects.toThrow('Leave `--label` out');
    await expect(choose({...flags, region: 'eu-central-1'})).rejects.toThrow('Leave `--region` out');
  });

  it('say how a table is read where it says nothing itself', async () => {
    const latin = Buffer.from(texts.map((text, index) => `${index}\t"Gr\u00fc\u00dfe ${text}`).join('\n'), 'latin1');
    const path = await write('old.tsv', latin);
    const flags = {
      texts: path,
      encoding: 'windows-1252',
      quotes: false,
      class: [{name: 'a', description: undefined}],
    } as const;
    const {texts: chosen, data} = await choose({...flags, ...ollama});
    expect(chosen).toEqual({path, encoding: 'windows-1252', quotes: false, text: '2', label: false, header: false});
    expect(data.train.inputs).toMatchObject({texts: expect.arrayContaining([expect.stringMatching(/^"Grüße /)])});
  });

  it('are asked for in the order in which they come up, and only where they matter', async () => {
    const path = await write(
      'moods.csv',
      `ticket,mood\n${texts.map((text, index) => `${text},${index % 2 ? 'good' : 'bad'}`).join('\n')}\n`,
    );
    vi.stubEnv('AWS_REGION', 'eu-central-1');
    const asked = person(path, 'ticket', 'mood', 'it pleases', '', 'bedrock', '', 'nova', '', '1,2', '20', '5usd');
    const chosen = await choose({}, asked);
    expect(chosen).toMatchObject({
      texts: {text: 'ticket', label: 'mood'},
      classes: ['bad', 'good'],
      descriptions: {bad: 'it pleases'},
      region: 'eu-central-1',
      output: 'label',
      price: {perMillionInputTokens: 1, perMillionOutputTokens: 2},
      calls: 20,
      budget: '5usd',
    });
    expect(
      asked.asked.map(
        question =>
          question
            .split('\n')
            .at(-1)!
            .split(/[?(,:]/)[0],
      ),
    ).toEqual([
      'Where are the texts',
      'Which holds the text',
      'Which holds its class',
      '  bad',
      '  good',
      'Which service',
      'Which region of AWS',
      'Which model',
      'What is read off its answers',
      'Its price in dollars for a million tokens',
      'How many texts shall the teacher label',
      'The most to spend ',
    ]);
  });

  it('take a line that is empty for no label, no description and no budget', async () => {
    const path = await write('plain.txt', texts.join('\n'));
    const {texts: chosen, ...others} = await choose({texts: path}, person('good, bad', '', '', 'openai', 'gpt'));
    expect(chosen).toEqual({path});
    expect(others).toMatchObject({descriptions: {}, budget: undefined, output: 'log-probabilities'});
    expect(others.price).toBeUndefined();
  });

  it('leave an address out that is the service’s own, and ask for one where there is none', async () => {
    const flags = {
      texts: await write('some.txt', texts.join('\n')),
      class: [{name: 'a', description: undefined}],
      model: 'm',
    };
    const own = await choose({...flags, service: 'vllm', url: 'http://127.0.0.1:8000'});
    expect(own).not.toHaveProperty('url');
    expect(await choose({...flags, service: 'openai', url: 'https://eu.test/v1'})).toMatchObject({
      url: 'https://eu.test/v1',
    });
    await expect(choose({...flags, service: 'compatible'})).rejects.toThrow('Give `--url`.');
  });

  it('are refused where too few texts are left to learn from', async () => {
    const path = await write('few.txt', texts.slice(0, 12).join('\n'));
    const flags = {texts: path, class: [{name: 'a', description: undefined}], ...ollama};
    await expect(choose({...flags, test: 5})).rejects.toThrow('Of 12 texts 5 are kept for measurement, so 7 are left');
    expect(await choose({...flags, test: 2})).toMatchObject({calls: 10, test: 2});
  });
});
