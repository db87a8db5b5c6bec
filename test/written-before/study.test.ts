import {cpSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {type Results, resultsTable} from 'limbeck';
import {describe, expect, it} from 'vitest';
import {drawnInputs, readDesign} from '../../src/study/audit/design.ts';
import {renderReport} from '../../src/study/report/page.ts';
import {workplace} from '../end-to-end/limbeck.ts';
import {auditedIds} from '../fixtures/written-before/training.ts';

const written = join(import.meta.dirname, '../fixtures/written-before');
const {folder, json} = workplace();

/** What the program says of a method that it trains out of a copy of the study's folder. */
function trainIn(study: string, method: string): Promise<{readonly tuning?: {readonly trials: readonly unknown[]}}> {
  const recipe = join(written, 'recipe.ts');
  const env = {LIMBECK_ENGINE: 'wasm'};
  return json(['train', recipe, '--method', method, '--out', study, '--cache', join(study, 'answers'), '--offline'], {
    env,
  });
}

describe('the folder of a study that was written before', () => {
  it('has results that the table and the report show, number by number', () => {
    const results = JSON.parse(readFileSync(join(written, 'study/results.json'), 'utf8')) as Results;
    const html = renderReport(results);
    const [, embedded] = /<script type="application\/json" id="results">(.*?)<\/script>/s.exec(html)!;
    expect(JSON.parse(embedded!)).toEqual(results);
    const shown = html.replace(/<(script|style)[\s\S]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ');
    expect(shown).not.toMatch(/undefined|NaN|\[object/);
    const rows = ['83.33', '0.484', '1.080', '31.05', '0.4093', '1.010'];
    const methods = ['75.00', '0.334', '43.98', '0.0097', '0.069', '78.31', '39.06', '328.42', '262.58', '98.3'];
    const cascades = ['60.70', '88.43', '0.7434', '16.7'];
    const run = ['39.27', '0.368', 'a wavering service', '82.35', 'T = 1', '27 parameters', '4.22.0', '20.20.2'];
    for (const value of [...rows, ...methods, ...cascades, ...run]) expect(shown).toContain(value);
    const table = resultsTable(results);
    for (const value of ['68.33', '0.370', '328.42', '0.368', '80.88', 'T = 1']) expect(table).toContain(value);
  });

  it('has knowledge that students are trained from, trials that are not made again, and what was learned of a service', async () => {
    const study = join(folder(), 'study');
    cpSync(join(written, 'study'), study, {recursive: true});
    const path = join(study, 'tuning/tuned.json');
    const kept = JSON.parse(readFileSync(path, 'utf8'));
    // No training comes to such a score.
    kept.trials[1].score = 0.123;
    writeFileSync(path, JSON.stringify(kept));
    const [tuned] = await Promise.all([trainIn(study, 'tuned'), trainIn(study, 'restless')]);
    expect(tuned.tuning!.trials).toEqual(kept.trials);
    const madeBy = (method: string) =>
      JSON.parse(readFileSync(join(study, 'students', method, 'seed-1/limbeck.json'), 'utf8')).madeBy;
    expect(madeBy('tuned')).toMatchObject({tuned: {temperature: 1, weights: [1], tried: 2}});
    expect(madeBy('restless')).toMatchObject({learnsLabels: true});
  });

  it('has the design of an audit, by which the same inputs are drawn', async () => {
    const design = await readDesign(join(written, 'study/audit.json'), auditedIds);
    const strata = Uint8Array.from(auditedIds, (_, index) => index % 2);
    expect(design).toMatchObject({seed: 11, strata, drawn: [5, 5, 0]});
    expect(drawnInputs(design!)).toEqual([19, 20, 1, 14, 6, 12, 0, 21, 13, 23]);
  });
});
