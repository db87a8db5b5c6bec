import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {writeQuestions} from '../study/sample-questions.ts';
import {sampleResults} from '../study/sample-results.ts';
import {workplace} from './limbeck.ts';

const {folder, run} = workplace();

describe('limbeck report', () => {
  let [now, then] = ['', ''];

  beforeAll(() => {
    [now, then] = ['now', 'then'].map(name => join(folder(), name)) as [string, string];
    for (const study of [now, then]) mkdirSync(study);
    writeFileSync(join(now, 'results.json'), JSON.stringify(sampleResults()));
    writeFileSync(join(then, 'results.json'), JSON.stringify({...sampleResults(), name: 'before'}));
  });

  it('shows the results of a study beside those of an earlier one, and writes a page of both', async () => {
    const html = join(folder(), 'both.html');
    const {code, stdout, stderr} = await run(['report', now, '--against', join(then, 'results.json'), '--html', html]);
    expect({code, stderr}).toEqual({code: 0, stderr: ''});
    expect(stdout).toContain('Agreement in per cent beside the earlier study “before”');
    expect(stdout).toContain('There is no manifest of the earlier study');
    expect(stdout).toContain(`Report: ${html}`);
    expect(readFileSync(html, 'utf8')).toContain('id="figure-earlier"');
  });

  it('shows a study of several questions, beside an earlier one too', async () => {
    const [several, before] = ['several', 'several-before'].map(name => join(folder(), name)) as [string, string];
    writeQuestions(several, {methods: 3});
    writeQuestions(before, {methods: 2});
    const html = join(folder(), 'several.html');
    const {code, stdout, stderr} = await run(['report', several, '--against', before, '--html', html]);
    expect({code, stderr}).toEqual({code: 0, stderr: ''});
    for (const name of ['topic', 'urgent', 'mood']) expect(stdout).toContain(`Question ${name} (`);
    expect(stdout).toMatch(
      /All questions of an input together.*Agreement in per cent beside the earlier study “tickets”/s,
    );
    const page = readFileSync(html, 'utf8');
    expect(page).toContain('id="figure-earlier"');
    expect(page).toContain('href="several/questions/mood/report.html"');
  });

  it('refuses what it cannot read or write with a message and no stack trace', async () => {
    writeFileSync(join(folder(), 'later.json'), JSON.stringify({...sampleResults(), schema: 'limbeck.results/9'}));
    writeFileSync(join(folder(), 'other.json'), '{"name": "other"}');
    const refused = await Promise.all([
      run(['report', now, '--against', join(folder(), 'later.json')]),
      run(['report', now, '--against', join(folder(), 'other.json')]),
      run(['report', join(folder(), 'none')]),
      run(['report', now, '--html', now]),
    ]);
    expect(refused.map(({code}) => code)).toEqual([1, 1, 1, 1]);
    const [later, other, none, html] = refused.map(({stderr}) => stderr);
    expect(later).toMatch(/^limbeck: .*later\.json has the format limbeck\.results\/9, .*Update limbeck/);
    expect(other).toMatch(/^limbeck: .*other\.json holds no results\. Give the `results\.json`/);
    expect(none).toMatch(/^limbeck: .*none is not there\./);
    expect(html).toMatch(/^limbeck: .*now can't be written: .*Name another file with `--html`/);
    expect(refused.map(({stderr}) => stderr).join('')).not.toMatch(/\n {4}at /);
  });
});
