import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseHTML} from 'linkedom';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {besideEarlier, readStudy} from '../../src/study/against.ts';
import type {Manifest} from '../../src/study/manifest.ts';
import {renderReport} from '../../src/study/report/page.ts';
import {resultsMarkdown} from '../../src/study/result-tables.ts';
import type {Results} from '../../src/study/results.ts';
import {resultsTable} from '../../src/study/table.ts';
import {withBudgets} from './sample-budgets.ts';
import {sampleResults, usualMethods} from './sample-results.ts';

const manifest: Manifest = {
  schema: 'limbeck.manifest/1',
  name: 'mnist',
  finishedAt: sampleResults().finishedAt,
  seeds: [1, 2, 3],
  data: {drawn: 'a', test: 'b'},
  teachers: [{level: 'gray-box', name: 'net', identity: 'c'}],
  answers: {},
  engine: {name: 'tensorflow', version: '4.22.0', threads: 1},
  versions: {limbeck: '0.1.0', node: '20.0.0'},
  machine: {platform: 'linux', architecture: 'x64', processor: 'unknown'},
};

/** The sample with another agreement of some methods. */
function studyWith(agreements: Readonly<Record<string, number>>): Results {
  return sampleResults({
    methods: usualMethods.map(method => ({...method, agreement: agreements[method.method] ?? method.agreement})),
  });
}

/** The earlier study beside the later one, both of them made of the same. */
function beside(now: Results, then: Results, changes: Partial<Manifest> = {}) {
  return besideEarlier({results: now, manifest: {...manifest, ...changes}}, {results: then, manifest});
}

describe('besideEarlier', () => {
  it('gives every number that both have, then and now, with the verdicts of a study on their differences', () => {
    const {changes, differences, name} = beside(sampleResults(), studyWith({labels: 0.87}));
    expect([name, differences]).toEqual([sampleResults().name, []]);
    expect(changes.map(({method, measure}) => `${method} ${measure}`)).toEqual(
      ['agreement', 'accuracy'].flatMap(measure => usualMethods.map(({method}) => `${method} ${measure}`)),
    );
    const labels = changes.find(({method}) => method === 'labels')!;
    expect(labels).toMatchObject({budget: 2_000, verdict: 'better', paired: true, seeds: [3, 3]});
    expect(labels.difference).toBeCloseTo(labels.after.mean - labels.before.mean, 12);
    for (const {mean, interval} of [labels.before, labels.after]) {
      expect(interval[0]).toBeLessThan(mean);
      expect(interval[1]).toBeGreaterThan(mean);
    }
    const others = changes.filter(change => change !== labels);
    expect(new Set(others.map(({verdict}) => verdict))).toEqual(new Set(['no difference shown']));
    expect(others.every(({difference}) => difference === 0)).toBe(true);
  });

  it('compares each budget that both have', () => {
    const now = withBudgets(sampleResults(), {sizes: [250, 500, 1_000, 2_000]});
    const {changes, differences} = beside(now, withBudgets(sampleResults(), {sizes: [500, 2_000, 4_000]}));
    const budgets = changes.filter(({method, measure}) => method === 'labels' && measure === 'agreement');
    expect(budgets.map(({budget}) => budget)).toEqual([500, 2_000]);
    expect(differences).toEqual([]);
    // Without budgets a study has the number of its inputs.
    expect(beside(now, sampleResults()).changes.map(({budget}) => budget)).toEqual(Array(10).fill(2_000));
    const none = beside(now, withBudgets(sampleResults(), {sizes: [100, 3_000]}));
    expect(none.changes).toEqual([]);
    expect(none.differences).toEqual([
      'The studies have no number of inputs in common for “true labels”, “labels (black-box)”, “top-3 with rest (gray-box)”, “log-probabilities, T=4 (gray-box)” and “logits + feature hint (white-box)”.',
    ]);
  });

  it('says what is not the same, by the hashes of the manifests', () => {
    const data = {drawn: 'a', test: 'other'};
    const teachers = [{...manifest.teachers[0]!, identity: 'other'}];
    const versions = {limbeck: '0.2.0', node: '22.0.0'};
    expect(beside(sampleResults(), sampleResults(), {data, teachers, versions}).differences).toEqual([
      'Not the same in both studies: the test split, the teachers and the version of limbeck.',
      'The studies were measured on other test inputs, which are part of every difference.',
      'Agreement is that with another teacher than in the earlier study.',
    ]);
  });

  it('says that nobody knows without a manifest, and what the results tell', () => {
    const results = sampleResults();
    const then = {...results, sizes: {...results.sizes, test: 5_000}, teacher: {...results.teacher, name: 'other'}};
    const {differences} = besideEarlier({results, manifest}, {results: then, manifest: undefined});
    expect(differences).toEqual([
      'There is no manifest of the earlier study: whether both have the same test split, training inputs and teachers is not known.',
      'The studies were measured on other test inputs, which are part of every difference.',
      'Agreement is that with another teacher than in the earlier study.',
    ]);
  });

  it('names the methods that one of them lacks', () => {
    const methods = usualMethods.map(method => (method.method === 'labels' ? {...method, method: 'hard'} : method));
    const {changes, differences} = beside(sampleResults(), sampleResults({methods: methods.slice(0, 4)}));
    expect(changes).toHaveLength(6);
    expect(differences).toEqual([
      'Only this study has “labels (black-box)” and “logits + feature hint (white-box)”.',
      'Only the earlier study has “hard (black-box)”.',
    ]);
  });

  it('compares nothing if the classes differ, and stands another order of them', () => {
    const results = sampleResults();
    const other = {...results, classes: ['0', '1', 'x']};
    const {changes, differences} = beside({...results, classes: ['0', '1', '2', '3']}, other);
    expect(changes).toEqual([]);
    expect(differences).toEqual([
      'The studies have other classes, so nothing is compared. Only this study has “2” and “3”. Only the earlier one has “x”.',
    ]);
    const turned = {...results, classes: [...results.classes].reverse()};
    expect(beside(results, turned).changes).toHaveLength(10);
  });

  it('leaves accuracy out if one of them has no true labels', () => {
    const results = sampleResults();
    const rows = results.rows.map(row => ({...row, accuracy: Number.NaN}));
    const {changes, differences} = beside(results, {...results, truth: 'teacher', rows});
    expect(new Set(changes.map(({measure}) => measure))).toEqual(new Set(['agreement']));
    expect(differences).toEqual(['Accuracy is not compared: one of the studies has no true labels.']);
  });
});

describe('an earlier study in what people read', () => {
  const earlier = beside(sampleResults(), studyWith({labels: 0.87, 'top-3 with rest': 0.96}));
  const results = {...sampleResults(), earlier};

  it('has a section in the report, with a plot, the data of it, and a table a measure', () => {
    const page = parseHTML(renderReport(results)).document;
    const section = page.querySelector('#earlier')!;
    expect(section.querySelector('p')!.textContent).toMatch(
      /^Beside the earlier study “.*” \(\d+ .* UTC\), made by limbeck .*\. Of 10 numbers that both have, shown to be better now: 1; worse: 1\.$/,
    );
    expect(section.querySelectorAll('#figure-earlier circle')).toHaveLength(5);
    const [data, agreement, accuracy] = [...section.querySelectorAll('table')];
    expect(data!.querySelectorAll('tbody tr')).toHaveLength(10);
    for (const table of [agreement!, accuracy!]) expect(table.querySelectorAll('tbody tr')).toHaveLength(5);
    const labels = agreement!.querySelectorAll('tbody tr')[1]!.textContent.replaceAll('\u00a0', ' ');
    expect(labels).toMatch(/^labelsblack-box2,00087\.\d\d\d\d\.\d\d to .*91\.92.*\+4\.\d\d.*at 99 %.*better$/);
    expect(page.querySelector('nav a[href="#earlier"]')).not.toBeNull();
  });

  it('has its changes in the terminal and in Markdown', () => {
    const table = resultsTable(results);
    expect(table).toMatch(/Agreement in per cent beside the earlier study “.*” \(.*\)\n/);
    expect(table).toMatch(/\ntop-3 with rest +2,000 +96\.\d\d +92\.\d\d +−3\.\d\d +−.* to −.* at 98\.8 % +worse\n/);
    expect(Math.max(...table.split('\n').map(line => line.length))).toBeLessThanOrEqual(100);
    expect(resultsMarkdown(results)).toMatch(/\| accuracy \| labels \| no difference shown \| 2,000 \|/);
  });

  it('leaves no trace in a study that has none', () => {
    expect(renderReport(sampleResults())).not.toContain('earlier study');
    expect(resultsTable(sampleResults())).not.toContain('earlier');
    expect(resultsMarkdown(sampleResults())).not.toContain('Beside');
  });
});

describe('readStudy', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-'));
    await writeFile(join(folder, 'results.json'), JSON.stringify(sampleResults()));
  });
  afterAll(() => rm(folder, {recursive: true}));

  it('takes the manifest beside the results, if it is of the same study', async () => {
    expect((await readStudy(folder)).manifest).toBeUndefined();
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    expect((await readStudy(folder)).manifest).toEqual(manifest);
    expect((await readStudy(join(folder, 'results.json'))).manifest).toEqual(manifest);
    await writeFile(join(folder, 'manifest.json'), JSON.stringify({...manifest, finishedAt: '2020-01-01'}));
    expect((await readStudy(folder)).manifest).toBeUndefined();
  });
});
