import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {extname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import type {Browser, BrowserContext, Page} from 'playwright-core';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {softmaxRows} from '../../src/data/arrays.ts';
import type {Inputs, TensorInputs} from '../../src/data/inputs.ts';
import {recordReadingFor, recordWidth} from '../../src/data/record-reading.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {layers} from '../../src/engine/tf.ts';
import type {BrowserPrediction} from '../../src/export/browser/student.ts';
import {exportPage} from '../../src/export/web.ts';
import {choice, predicate} from '../../src/questions.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {columnsOf, headsOf, withHeads} from '../../src/student/heads.ts';
import {lenet} from '../../src/student/lenet.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import {withTable} from '../../src/student/static-embedding.ts';
import type {Student} from '../../src/student/student.ts';
import {subwordCnn} from '../../src/student/subword-cnn.ts';
import {launchChromium, NO_CHROMIUM} from '../chromium.ts';
import {images, imageTask} from '../student/examples.ts';
import {png} from './png.ts';

const hostile = '</script><img src=x onerror="document.title=1">';
const texts = [
  'Grüße aus Köln: 50 % off — call NOW!!!',
  'ﬁne print, ＦＵＬＬ width, 日本語のテキスト, İstanbul',
  `${'long '.repeat(300)}end`,
  '',
];

let browser: Browser | undefined;
let folder: string;
let students: Readonly<
  Record<'text' | 'subwords' | 'pieces' | 'digits' | 'colours' | 'numbers' | 'photos' | 'records' | 'tickets', Student>
>;
let context: BrowserContext;
let page: Page;
let requests: string[];
let complaints: string[];

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-page-'));
  browser = await launchChromium();
  students = {
    text: textStudent(),
    subwords: subwordCnn({buckets: 128, filters: 6, dimensions: 4, pieces: 40})(textTask, 2),
    pieces: withTable(
      {
        reading: {kind: 'word-pieces', vocabulary: 'call now long ##t n fine ##e print end % 日', length: 1000},
        table: Float32Array.from({length: 44}, (_, index) => Math.sin(index)),
        width: 4,
      },
      [3],
    )(textTask, 2),
    digits: {...lenet({filters: [4, 6], units: 12})(imageTask([28, 28, 1]), 3), calibration: {temperature: 0.1}},
    colours: resnetCifar({depth: 20})(imageTask([32, 32, 3]), 3),
    numbers: numbersStudent(),
    photos: lenet({filters: [4, 6], units: 12})({...imageTask([28, 28, 3]), reading: photoReading}, 3),
    records: mlp({units: [4]})(recordTask, 3),
    tickets: ticketsStudent(),
  };
  for (const [name, student] of Object.entries(students)) await exportPage(join(folder, name), student);
}, 60_000);

afterAll(async () => {
  await browser?.close();
  await rm(folder, {recursive: true, force: true});
});

beforeEach(async ({skip}) => {
  skip(browser === undefined, NO_CHROMIUM);
  context = await browser!.newContext({viewport: {width: 1280, height: 900}, offline: true});
  page = await context.newPage();
  requests = [];
  complaints = [];
  page.on('request', request => requests.push(request.url()));
  page.on('console', message => complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(error.message));
});

afterEach(async () => {
  await context?.close();
});

describe('an exported page in a browser without a network', () => {
  it.each(['text', 'subwords', 'pieces', 'digits', 'colours', 'numbers', 'photos', 'records'] as const)(
    'gives of the student of %s the probabilities that it gives here',
    async name => {
      await open(name);
      const inputs = inputsOf(name);
      const given = await classify(Array.from({length: inputs.count}, (_, row) => rowOf(inputs, row)));
      const expected = await probabilitiesOf(students[name], inputs);
      const width = students[name].classes.length;
      expect(given.length).toBeGreaterThan(0);
      for (const [row, {probabilities, label, confidence, class: named}] of given.entries()) {
        const wanted = expected.subarray(row * width, (row + 1) * width);
        for (const [index, probability] of probabilities.entries()) {
          expect(Math.abs(probability - wanted[index]!)).toBeLessThan(1e-5);
        }
        expect(probabilities).toHaveLength(width);
        expect(confidence).toBe(Math.max(...probabilities));
        expect(probabilities[label]).toBe(confidence);
        expect(named).toBe(students[name].classes[label]);
      }
    },
  );

  it.each(['text', 'digits'] as const)('asks for nothing but its own files: %s', async name => {
    await open(name);
    await pickFile(name === 'text' ? 'mail.txt' : 'digit.png', name === 'text' ? Buffer.from('hello') : digit());
    await page.locator('#verdict').waitFor();
    const own = pathToFileURL(join(folder, name)).href;
    const files = ['index.html', 'student-data.js', 'student.js', 'page.js'].map(file => `${own}/${file}`);
    // The engine's code is in the page as a data address.
    expect(requests.filter(url => !url.startsWith('data:') && !url.startsWith('blob:'))).toEqual(files);
    expect(complaints).toEqual([]);
  });

  it('takes a record as JSON, and says what is wrong with it', async () => {
    await open('records');
    const field = page.getByLabel('A record, as a JSON object');
    await field.fill('{"age":30,"land":"NL"}');
    await page.locator('#verdict').waitFor();
    await field.fill('{"age":');
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('The input is not JSON.');
    await field.fill('{"age":"old"}');
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('and the student takes a number.');
  });

  it('may fetch nothing from elsewhere', async () => {
    await open('text');
    expect(await page.evaluate('fetch("http://127.0.0.1:9/x").then(() => "fetched", () => "refused")')).toBe('refused');
    expect(complaints.join()).toMatch(/Content Security Policy/);
  });

  it('answers while somebody types, and has nothing to say of nothing', async () => {
    await open('text');
    expect(await page.locator('#answer').isVisible()).toBe(false);
    const field = page.getByLabel('The text');
    await field.pressSequentially('abc');
    expect(await page.locator('#bars tr').allTextContents()).toEqual(await barsFor(students.text, 'abc'));
    expect(await page.locator('#latency').textContent()).toMatch(/^Computed here in \d+\.\d ms; .* the last 3\.$/);
    await field.fill('');
    expect(await page.locator('#waiting').isVisible()).toBe(true);
    expect(await page.locator('#answer').isVisible()).toBe(false);
  });

  it('reads a text from a file that is picked or dropped', async () => {
    await open('text');
    await pickFile('mail.txt', Buffer.from(texts[0]!));
    await expect
      .poll(() => page.locator('#bars tr').allTextContents())
      .toEqual(await barsFor(students.text, texts[0]!));
    await dropFile('other.txt', texts[1]!);
    await expect.poll(() => page.getByLabel('The text').inputValue()).toBe(texts[1]!);
    await expect
      .poll(() => page.locator('#bars tr').allTextContents())
      .toEqual(await barsFor(students.text, texts[1]!));
  });

  it('abstains below the threshold and answers above it', async () => {
    await open('text');
    const sure = await sureOf(students.text);
    for (const [text, isSure] of sure) {
      await page.getByLabel('The text').fill(text);
      const verdict = page.locator('#verdict');
      await expect
        .poll(() => verdict.textContent())
        .toMatch(isSure ? /, \d.*\s% sure$/ : /^Abstains: .* is below 80\.0\s%$/);
    }
    expect(new Set(sure.values()).size).toBe(2);
  });

  it('answers each of several questions, with the calibration of each', async () => {
    await open('tickets');
    await page.getByLabel('The text').fill(texts[0]!);
    const logits = await predictLogits(students.tickets, {kind: 'text', count: 1, texts: [texts[0]!]});
    for (const [index, head] of headsOf(students.tickets).entries()) {
      const {classes, calibration} = head;
      const bars = page.locator(index === 0 ? '#bars tr' : `#bars-${index} tr`);
      const probabilities = softmaxRows(columnsOf(logits, 1, head), classes.length, calibration?.temperature);
      const sorted = classes.map((name, label) => ({name, value: probabilities[label]!}));
      sorted.sort((one, other) => other.value - one.value);
      await expect.poll(() => bars.allTextContents()).toEqual(sorted.map(({name, value}) => `${name}${shown(value)}`));
    }
    expect(await page.locator('h3').allTextContents()).toEqual(['topic', 'urgent']);
    expect(await page.locator('#verdict-1').textContent()).toMatch(/^Abstains: (yes|no) is likeliest/);
    expect(await page.title()).toBe('topic, urgent');
    expect(await page.locator('.setting').textContent()).toMatch(
      /2 questions\. How sure it is: topic: temperature 0\.1; urgent: temperature 2, abstains below 99 %\.$/,
    );
    const refused = page.evaluate('limbeck.openStudent().then(student => student.classify("x"))');
    await expect(refused).rejects.toThrow('The student answers several questions: topic, urgent. Call `classifyAll`.');
  });

  it('shows names as text, whatever they hold', async () => {
    await open('text');
    await page.getByLabel('The text').fill('abc');
    expect(await page.locator('#bars th').allTextContents()).toContain(hostile);
    expect(await page.title()).toBe(`ham, spam or ${hostile}?`);
    expect(await page.evaluate('document.images.length')).toBe(0);
  });

  it('sees of a picture of the right size exactly its pixels', async () => {
    await open('digits');
    await pickFile('digit.png', digit());
    await expect.poll(() => page.locator('#bars tr').count()).toBe(10);
    const {data} = images(1, [28, 28, 1]);
    expect(await seenPixels(28)).toEqual([...data]);
    expect(await page.locator('#bars tr').allTextContents()).toEqual(
      await barsFor(students.digits, images(1, [28, 28, 1])),
    );
    await page.getByLabel('Invert light and dark').check();
    expect(await seenPixels(28)).toEqual(Array.from(data, value => 255 - value));
  });

  it('reads colours', async () => {
    await open('colours');
    const inputs = images(1, [32, 32, 3]);
    await pickFile('photo.png', png(32, 32, 3, inputs.data as Uint8Array));
    await expect
      .poll(() => page.locator('#bars tr').allTextContents())
      .toEqual(await barsFor(students.colours, inputs));
  });

  it('tells that a file is not a picture', async () => {
    await open('digits');
    await pickFile('digit.png', Buffer.from('not a picture'));
    await expect
      .poll(() => page.getByRole('alert').textContent())
      .toBe('digit.png is not a picture that this browser can read.');
  });

  it('answers what is drawn by hand, until it is cleared', async () => {
    await open('digits');
    const {x, y, width, height} = (await page.locator('#drawn').boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 4);
    await page.mouse.down();
    await page.mouse.move(x + width / 2, y + (3 * height) / 4, {steps: 4});
    await page.mouse.up();
    await expect.poll(() => page.locator('#bars tr').count()).toBe(10);
    const seen = await seenPixels(28);
    const at = (row: number, column: number): number => seen[row * 28 + column]!;
    expect([at(14, 14), at(8, 13), at(20, 14)]).toEqual([255, 255, 255]);
    expect([at(14, 4), at(2, 14), at(26, 14)]).toEqual([0, 0, 0]);
    await page.getByRole('button', {name: 'Clear'}).click();
    expect(new Set(await seenPixels(28))).toEqual(new Set([0]));
    expect(await page.locator('#answer').isVisible()).toBe(false);
  });

  it('takes numbers, and says how many it needs', async () => {
    await open('numbers');
    const field = page.getByRole('textbox');
    await field.fill('[[1, -2.5e0, 3]]');
    const inputs = {kind: 'tensor', dtype: 'float32', shape: [3], count: 1, data: Float32Array.of(1, -2.5, 3)} as const;
    await expect
      .poll(() => page.locator('#bars tr').allTextContents())
      .toEqual(await barsFor(students.numbers, inputs));
    await field.fill('1 2');
    await expect.poll(() => page.getByRole('alert').textContent()).toBe('The student takes 3 numbers ([3]), got 2.');
    await field.fill('1 2 x');
    await expect.poll(() => page.getByRole('alert').textContent()).toBe('Value 3 of 3 is not a number.');
  });

  it('stays within the width of a desk, a phone and a small phone', async () => {
    for (const name of ['text', 'digits']) {
      for (const width of [1280, 390, 360]) {
        await page.setViewportSize({width, height: 800});
        await open(name);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      }
    }
  });

  it.each(['light', 'dark'] as const)('has enough contrast in the %s', async colorScheme => {
    await page.emulateMedia({colorScheme});
    await open('text');
    await page.getByLabel('The text').fill('abc');
    await page.locator('#verdict').waitFor();
    const contrasts = await page.evaluate<[string, number][]>(CONTRASTS);
    expect(contrasts.length).toBeGreaterThan(10);
    expect(contrasts.filter(([, contrast]) => contrast < 4.5)).toEqual([]);
  });
});

describe('a page whose weights are too many for a script', () => {
  let server: Server;

  beforeAll(async () => {
    await exportPage(join(folder, 'large'), students.digits, {mostInlineBytes: 100});
    const types: Readonly<Record<string, string>> = {'.html': 'text/html', '.js': 'text/javascript'};
    server = createServer(async ({url = '/'}, response) => {
      response.setHeader('content-type', types[extname(url)] ?? 'application/octet-stream');
      response.end(await readFile(join(folder, 'large', url.slice(1))));
    });
    await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready));
  });

  afterAll(() => {
    server.close();
  });

  it('fetches them from its own folder', async () => {
    await context.setOffline(false);
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await page.goto(`${address}/index.html`);
    await page.locator('body[data-ready]').waitFor();
    const inputs = images(1, [28, 28, 1]);
    const [given] = await classify([Array.from(inputs.data)]);
    const expected = await probabilitiesOf(students.digits, inputs);
    for (const [index, probability] of given!.probabilities.entries()) {
      expect(Math.abs(probability - expected[index]!)).toBeLessThan(1e-5);
    }
    expect(requests).toContain(`${address}/weights.bin`);
    expect(requests.filter(url => !url.startsWith(address) && !url.startsWith('data:'))).toEqual([]);
  });

  it('says from a file that it needs a web server', async () => {
    await page.goto(pathToFileURL(join(folder, 'large', 'index.html')).href);
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('needs a web server');
  });
});

const photoReading = {kind: 'image', height: 28, width: 28, channels: 3} as const;

const records = [
  {age: 30, land: 'NL'},
  {age: null, land: 'DE'},
  {land: 'FR', shoe: 43},
];
const recordReading = recordReadingFor(records);
const recordTask = {
  ...{classes: ['no', 'yes'], reading: recordReading, preprocessing: {}},
  inputShape: [recordWidth(recordReading)],
};

const textTask = {classes: ['ham', 'spam', hostile], kind: 'text', inputShape: [], preprocessing: {}} as const;

function textStudent(): Student {
  const student = hashedNgrams({buckets: 512, units: [8], words: 2, length: 1000})(textTask, 5);
  return {...student, calibration: {temperature: 0.07, threshold: 0.8}};
}

function ticketsStudent(): Student {
  const questions = [choice('topic', 'About what?', ['billing', 'fault', 'other']), predicate('urgent', 'Today?')];
  const student = withHeads(hashedNgrams({buckets: 512, units: [8]}), questions)({...textTask, classes: []}, 5);
  const calibrations = [{temperature: 0.1}, {temperature: 2, threshold: 0.99}];
  const heads = student.heads!.map((head, index) => ({...head, calibration: calibrations[index]!}));
  return makeStudent({...student, heads});
}

/** One that gives probabilities, of numbers with a mean and a deviation each. */
function numbersStudent(): Student {
  const model = layers.sequential({
    layers: [
      layers.layers.dense({inputShape: [3], units: 8, activation: 'tanh'}),
      layers.layers.dense({units: 12, activation: 'softmax'}),
    ],
  });
  const preprocessing = {scale: 0.5, mean: [1, 2, 3], deviation: [1, 2, 4]};
  const classes = Array.from({length: 12}, (_, index) => `kind ${index}`);
  return makeStudent({model, classes, preprocessing, output: 'probabilities', dtype: 'float32'});
}

function inputsOf(name: keyof typeof students): Inputs {
  switch (name) {
    case 'text':
    case 'tickets':
    case 'subwords':
    case 'pieces':
      return {kind: 'text', count: texts.length, texts};
    case 'digits':
      return images(3, [28, 28, 1]);
    case 'colours':
      return images(2, [32, 32, 3]);
    case 'photos':
      return images(2, [28, 28, 3]);
    case 'records':
      return {kind: 'record', count: records.length, records};
    case 'numbers':
      return {kind: 'tensor', dtype: 'float32', shape: [3], count: 2, data: Float32Array.of(0.1, -5, 7, 100, 0, 3)};
  }
}

function rowOf(inputs: Inputs, row: number): string | number[] {
  if (inputs.kind === 'text') return inputs.texts[row]!;
  if (inputs.kind === 'record') return JSON.stringify(inputs.records[row]);
  const {data, count} = inputs as TensorInputs;
  const size = data.length / count;
  return Array.from(data.subarray(row * size, (row + 1) * size));
}

async function probabilitiesOf(student: Student, inputs: Inputs): Promise<Float64Array> {
  return softmaxRows(await predictLogits(student, inputs), student.classes.length, student.calibration?.temperature);
}

const shown = (value: number): string => `${(100 * value).toFixed(1)}\u00a0%`;

/** The rows of the table as it shows this program's own numbers: ten classes, and the others together. */
async function barsFor(student: Student, input: string | Inputs): Promise<string[]> {
  const inputs = typeof input === 'string' ? ({kind: 'text', count: 1, texts: [input]} as const) : input;
  const probabilities = Array.from(await probabilitiesOf(student, inputs), (value, label) => ({label, value}));
  const sorted = probabilities.sort((a, b) => b.value - a.value);
  const rest = sorted.slice(10);
  const mass = rest.reduce((sum, {value}) => sum + value, 0);
  return [
    ...sorted.slice(0, 10).map(({label, value}) => `${student.classes[label]}${shown(value)}`),
    ...(rest.length > 0 ? [`${rest.length} others${shown(mass)}`] : []),
  ];
}

/** Texts of which the student is sure enough, or not. */
async function sureOf(student: Student): Promise<Map<string, boolean>> {
  const words = Array.from({length: 60}, (_, index) => String.fromCodePoint(97 + (index % 26)).repeat(index + 1));
  const probabilities = await probabilitiesOf(student, {kind: 'text', count: words.length, texts: words});
  const width = student.classes.length;
  const isSure = (row: number): boolean => Math.max(...probabilities.subarray(row * width, (row + 1) * width)) >= 0.8;
  const rows = [words.findIndex((_, row) => isSure(row)), words.findIndex((_, row) => !isSure(row))];
  return new Map(rows.map(row => [words[row]!, isSure(row)]));
}

function digit(): Buffer {
  return png(28, 28, 1, images(1, [28, 28, 1]).data as Uint8Array);
}

async function open(name: string): Promise<void> {
  await page.goto(pathToFileURL(join(folder, name, 'index.html')).href);
  await page.locator('body[data-ready]').waitFor();
}

/** Asks as any page can that loads the scripts. */
async function classify(given: readonly (string | number[])[]): Promise<BrowserPrediction[]> {
  return page.evaluate(async inputs => {
    const {limbeck} = globalThis as unknown as {
      limbeck: {openStudent(): Promise<{classify(input: string | number[]): Promise<BrowserPrediction>}>};
    };
    const student = await limbeck.openStudent();
    const answers = [];
    for (const input of inputs) answers.push(await student.classify(input));
    return answers;
  }, given);
}

async function pickFile(name: string, buffer: Buffer): Promise<void> {
  const mimeType = name.endsWith('.png') ? 'image/png' : 'text/plain';
  await page.getByLabel('Or a file').setInputFiles({name, mimeType, buffer});
}

async function dropFile(name: string, text: string): Promise<void> {
  await page.evaluate(`{
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}, {type: 'text/plain'}));
    document.querySelector('h1').dispatchEvent(new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true}));
  }`);
}

/** The pixels that the student sees, one number each. */
async function seenPixels(size: number): Promise<number[]> {
  return page.evaluate(`[...document.getElementById('seen').getContext('2d').getImageData(0, 0, ${size}, ${size}).data]
    .filter((_, index) => index % 4 === 0)`);
}

/** Contrast of text with its ground, by the formula of WCAG 2, a number a kind of text. */
const CONTRASTS = `(() => {
  const light = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(part => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = element => {
    const {backgroundColor} = getComputedStyle(element);
    return backgroundColor === 'rgba(0, 0, 0, 0)' ? groundOf(element.parentElement) : backgroundColor;
  };
  const kinds = ['h1', 'h2', '.eyebrow', '.setting', 'label', 'textarea', '.note', '.verdict', 'caption', 'th', 'td', '.latency', '.failure', 'footer'];
  return kinds.map(kind => {
    const element = document.querySelector(kind);
    const [ink, paper] = [light(getComputedStyle(element).color), light(groundOf(element))];
    return [kind, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)];
  });
})()`;
