import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import axe from 'axe-core';
import type {Browser, Page} from 'playwright-core';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import type {Question} from '../../src/question.ts';
import {choice, predicate} from '../../src/questions.ts';
import {jointDocument} from '../../src/study/joint/files.ts';
import {renderJointReport} from '../../src/study/report/joint-page.ts';
import {renderReport} from '../../src/study/report/page.ts';
import {launchChromium, NO_CHROMIUM} from '../chromium.ts';
import {withBudgets} from './sample-budgets.ts';
import {sampleQuestions} from './sample-questions.ts';
import {sampleResults, usualMethods} from './sample-results.ts';
import {drawnSamples} from './sample-samples.ts';

const hostile = '</script><script>document.title = "owned"</script><img src=x onerror="document.title=1">';

let browser: Browser | undefined;
let folder: string;
let page: Page;
let requests: string[];
let complaints: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-report-'));
  browser = await launchChromium();
  await writeFile(join(folder, 'usual.html'), renderReport(sampleResults()));
  await writeFile(join(folder, 'budgets.html'), await budgetsReport());
  await writeFile(join(folder, 'questions.html'), questionsReport());
  await writeFile(join(folder, 'hostile-questions.html'), questionsReport(hostileQuestions));
  await writeFile(join(folder, 'hostile.html'), renderReport(hostileResults()));
  await writeFile(join(folder, 'large.html'), renderReport(largeResults()));
});

afterAll(async () => {
  await browser?.close();
  await rm(folder, {recursive: true, force: true});
});

beforeEach(async context => {
  if (browser === undefined) context.skip(NO_CHROMIUM);
  page = await browser!.newPage({viewport: {width: 1280, height: 900}});
  requests = [];
  complaints = [];
  page.on('request', request => requests.push(request.url()));
  page.on('console', message => complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(error.message));
});

afterEach(async () => {
  await page?.close();
});

describe('the report in a browser', () => {
  it('asks for nothing but its own file and has nothing to complain of', async () => {
    const url = await open('usual');
    expect(requests).toEqual([url]);
    expect(complaints).toEqual([]);
    expect(await page.title()).toBe('mnist-levels: what each level of access is worth');
  });

  it('shows every figure with a size, a caption, and drawings that have names', async () => {
    await open('usual');
    const figures = await page.evaluate<{id: string; height: number; caption: string; drawings: number}[]>(`
      [...document.querySelectorAll('figure')].map(figure => ({
        id: figure.id,
        height: figure.getBoundingClientRect().height,
        caption: figure.querySelector('figcaption').textContent,
        drawings: figure.querySelectorAll('svg[role=img][aria-label]').length,
      }))`);
    expect(figures.map(({id, drawings}) => [id, drawings])).toEqual([
      ['figure-differences', 1],
      ['figure-accuracy', 2],
      ['figure-learning', 10],
      ['figure-confusion', 5],
      ['figure-reliability', 12],
      ['figure-coverage', 5],
      ['figure-entropy', 6],
      ['figure-relation', 6],
    ]);
    expect(figures.every(({height, caption}) => height > 150 && caption.length > 40)).toBe(true);
    const sizes = await page.evaluate<number[]>(
      `[...document.querySelectorAll('svg')].flatMap(svg => { const {width, height} = svg.getBoundingClientRect(); return [width, height]; })`,
    );
    expect(Math.min(...sizes)).toBeGreaterThan(60);
  });

  it.each(['usual', 'budgets', 'questions', 'hostile', 'hostile-questions', 'large'])(
    'keeps the %s report within the width of a desk, a phone and a small phone',
    async name => {
      for (const width of [1280, 390, 380]) {
        await page.setViewportSize({width, height: 900});
        await open(name);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      }
    },
  );

  it('keeps the letters of a drawing inside of the page and off each other', async () => {
    for (const width of [1280, 390]) {
      await page.setViewportSize({width, height: 900});
      for (const name of ['usual', 'budgets', 'questions']) {
        await open(name);
        expect(await page.evaluate(OVERLAPPING)).toEqual([]);
      }
    }
  });

  it.each(['light', 'dark'] as const)('has enough contrast in the %s', async colorScheme => {
    await page.emulateMedia({colorScheme});
    for (const name of ['usual', 'questions']) {
      await open(name);
      const contrasts = await page.evaluate<[string, number][]>(CONTRASTS);
      expect(contrasts.length).toBeGreaterThan(7);
      expect(contrasts.filter(([, contrast]) => contrast < 4.5)).toEqual([]);
    }
  });

  it('prints dark on white, with the table of seeds unfolded', async () => {
    await page.emulateMedia({media: 'print', colorScheme: 'dark'});
    await open('usual');
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(27, 29, 33)');
    expect(
      await page.evaluate('document.querySelector("#numbers details").getBoundingClientRect().height'),
    ).toBeGreaterThan(100);
  });

  it('opens the table of seeds by the keyboard', async () => {
    await open('usual');
    await page.locator('#numbers summary').focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#numbers details').getAttribute('open')).not.toBeNull();
  });

  it('gives the data of a figure as a file without asking for anything', async () => {
    const url = await open('budgets');
    await page.locator('#figure-budgets summary').click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#figure-budgets a').click()]);
    expect(download.suggestedFilename()).toBe('budgets.csv');
    expect((await readFile(await download.path(), 'utf8')).split('\n')).toHaveLength(1 + 5 * 4 * 3);
    expect(requests.filter(request => !request.startsWith('data:'))).toEqual([url]);
    expect(complaints).toEqual([]);
  });

  it('leads from a method to the inputs on which its student differs, and from a class to its inputs', async () => {
    const url = await open('budgets');
    const seen = () =>
      page.evaluate<number>(`[...document.querySelectorAll('.sample')].filter(one => one.offsetHeight > 0).length`);
    expect(await seen()).toBe(40);
    await page.locator('#numbers a[href="#samples-4-all"]').click();
    expect(await seen()).toBe(7);
    await page.locator('#samples a[href="#samples-all-3"]').click();
    expect(await seen()).toBe(4);
    await page.locator('#samples a[href="#samples-all-all"]').click();
    expect(await seen()).toBe(40);
    expect(await page.evaluate('[...document.images].every(image => image.naturalWidth === 8)')).toBe(true);
    expect(requests.filter(request => !/^(data:|.*#)/.test(request))).toEqual([url]);
    expect(complaints).toEqual([]);
  });

  it.each(['light', 'dark'] as const)('has no serious fault of accessibility in the %s', async colorScheme => {
    await page.emulateMedia({colorScheme});
    for (const name of ['budgets', 'questions']) {
      await open(name);
      await page.evaluate(axe.source);
      expect(await page.evaluate<string[]>(FAULTS)).toEqual([]);
    }
  });

  it('shows all questions in one plot on the first screen, and leads to the report of each', async () => {
    const url = await open('questions');
    const place = await page.locator('#figure-questions').boundingBox();
    expect(place!.y).toBeLessThan(600);
    const links = await page.evaluate<string[]>(
      `[...document.querySelectorAll('main a')].map(link => link.getAttribute('href')).filter(href => href.endsWith('.html'))`,
    );
    const reports = ['topic', 'urgent', 'mood'].map(name => `questions/${name}/report.html`);
    expect(links).toEqual([...reports, ...reports]);
    const figures = await page.evaluate<[string, number][]>(
      `[...document.querySelectorAll('figure')].map(one => [one.id, one.querySelectorAll('.data').length])`,
    );
    expect(figures).toEqual([
      ['figure-questions', 1],
      ['figure-budgets', 1],
    ]);
    expect(requests).toEqual([url]);
    expect(complaints).toEqual([]);
  });

  it('runs no name as code', async () => {
    await open('hostile-questions');
    expect(await page.evaluate('[document.scripts.length, document.images.length]')).toEqual([1, 0]);
    expect(await page.title()).toBe('tickets: all questions together');
    requests = [];
    const url = await open('hostile');
    expect(requests).toEqual([url]);
    expect(await page.title()).toBe(`${hostile}: what each level of access is worth`);
    expect(await page.evaluate('document.scripts.length')).toBe(1);
    expect(await page.evaluate('document.images.length')).toBe(0);
    expect(await page.evaluate('JSON.parse(document.getElementById("results").textContent).name')).toBe(hostile);
  });
});

async function open(name: string): Promise<string> {
  const {href} = pathToFileURL(join(folder, `${name}.html`));
  await page.goto(href);
  return href;
}

const hostileQuestions = [
  choice(hostile, hostile, ['<b>', '&amp;', '"'.repeat(60)]),
  predicate('a very long name of a question that goes on and on, as some names do', ''),
];

/** Several questions at several budgets. */
function questionsReport(questions?: readonly Question[]): string {
  const results = sampleQuestions(folder, {...(questions && {questions}), sizes: [500, 1000, 2000]});
  return renderJointReport(results, {folder, document: jointDocument(folder, results)});
}

/** Several budgets of a service, with samples: on the first of 40 images only the last method's student differs. */
async function budgetsReport(): Promise<string> {
  const results = withBudgets(sampleResults(), {service: {callsAnInput: 1, usdACall: 0.0004}});
  const data = Uint8Array.from({length: 40 * 64}, (_, index) => (index * 37) % 256);
  const teacher = Array.from({length: 40}, (_, index) => index % 10);
  const named = teacher.map((label, index) =>
    results.methods.map((_, method) => ((index === 0 ? method === 4 : index < 7) ? 9 - label : label)),
  );
  const inputs = {kind: 'tensor', dtype: 'uint8', shape: [8, 8, 1], count: 40, data} as const;
  return renderReport(results, await drawnSamples({inputs, named, teacher, results}));
}

function hostileResults(): ReturnType<typeof sampleResults> {
  const classes = [hostile, '"><svg onload=alert(1)>', "'; drop", '&lt;b&gt;', 'ok'];
  const methods = usualMethods.map(method => ({
    ...method,
    method: `${hostile} ${method.method}`,
    description: hostile,
  }));
  const results = sampleResults({classes, methods});
  return {
    ...results,
    name: hostile,
    teacher: {...results.teacher, name: hostile},
    engine: {name: hostile, version: hostile, threads: 1},
  };
}

function largeResults(): ReturnType<typeof sampleResults> {
  const classes = Array.from({length: 100}, (_, index) => `a class with a long name ${index}`);
  const methods = Array.from({length: 20}, (_, index) => {
    const method = usualMethods[index % usualMethods.length]!;
    return {...method, method: `${method.method} in variant number ${index} of twenty`};
  });
  return withBudgets(sampleResults({classes, methods, seeds: [1]}), {sizes: [500, 2000]});
}

/** Pairs of words of one drawing whose boxes overlap by more than a pixel both ways, and words outside of the page. */
const OVERLAPPING = `[...document.querySelectorAll('svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].filter(text => text.textContent.trim() !== '');
  const boxes = texts.map(text => ({text: text.textContent, box: text.getBoundingClientRect()}));
  const overlap = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  return boxes.flatMap(({text, box}, index) => [
    ...(box.left < 0 || box.right > document.documentElement.clientWidth ? [text + ' leaves the page'] : []),
    ...boxes.slice(index + 1).filter(other => overlap(box, other.box)).map(other => text + ' over ' + other.text),
  ]);
})`;

/** Serious and critical faults that axe-core finds, each with its first element. */
const FAULTS = `axe.run(document, {resultTypes: ['violations']}).then(({violations}) => violations
  .filter(({impact}) => impact === 'serious' || impact === 'critical')
  .map(({id, help, nodes}) => id + ': ' + help + ': ' + nodes[0].html.slice(0, 200)))`;

/** Contrast of text with the page, by the formula of WCAG 2, a number a kind of text. */
const CONTRASTS = `(() => {
  const light = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(part => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const kinds = ['h1', 'h2', 'p', 'dt', 'dd', 'a', 'li', 'td', 'th', 'small', 'caption', 'figcaption', 'summary', '.panel-note', '.better', '.open', 'footer'];
  return kinds.flatMap(kind => {
    const element = document.querySelector('body ' + kind);
    if (element === null) return [];
    const ink = light(getComputedStyle(element).color);
    return [[kind, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)]];
  });
})()`;
