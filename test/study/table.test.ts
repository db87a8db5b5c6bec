import {stripVTControlCharacters} from 'node:util';
import {describe, expect, it} from 'vitest';
import {resultsTable} from '../../src/study/table.ts';
import {sampleResults, usualMethods, withUnderfitted} from './sample-results.ts';

const [, labels, , logProbabilities] = usualMethods;

describe('resultsTable', () => {
  it('writes the usual study in plain text within 100 columns', () => {
    const table = resultsTable(sampleResults());
    expect(table).toBe(
      [
        'Teacher mnist-mlp 784-512-512-10: accuracy 98.58 %, NLL 0.049, ECE 0.31 % on 10,000 test inputs',
        '',
        'level  method                   accuracy  agreement          KL         NLL       ECE  asked  bought',
        'none   true labels             91.15±.24  91.98±.13  0.269±.002  0.284±.001  2.39±.03      –       –',
        'black  labels                  91.57±.24  91.92±.17  0.270±.002  0.288±.001  2.42±.08  2,000       0',
        'gray   top-3 with rest         91.81±.27  92.36±.09  0.228±.001  0.242±.000  1.24±.04  2,000       0',
        'gray   log-probabilities, T=4  92.70±.08  93.23±.33  0.182±.001  0.190±.001  1.89±.04',
        'white  logits + feature hint   93.39±.07  93.90±.34  0.169±.002  0.176±.000  1.92±.04  2,000   2,000',
        '',
        'Agreement against labels in percentage points; all verdicts together hold at 95 % (Holm)',
        '                        points        interval      at      p  detectable  verdict',
        'true labels              −0.09  −0.45 to +0.27    95 %  0.610        0.41  no difference shown',
        'top-3 with rest          +0.50  +0.14 to +0.86  98.8 %  0.012        0.41  better',
        'log-probabilities, T=4   +1.43  +1.07 to +1.79  98.8 %  0.012        0.41  better',
        'logits + feature hint    +1.98  +1.62 to +2.34  98.8 %  0.012        0.41  better',
        'At: the confidence of that interval. Detectable: a difference that is found in 4 of 5 such studies.',
        '',
        'Mean ± sample standard deviation over 3 seeds; accuracy, agreement, ECE in %; KL, NLL in nats.',
        'KL is KL(teacher ‖ student). Answers asked and bought stand on the first row of their level.',
        'Learned from: 6,000 answers, 2,000 bought and 4,000 cached, 33 calls',
        'Measured by: 10,000 answers, 10,000 bought and 0 cached, 157 calls',
        'Engine: tensorflow native 2.15.1; 4 min 12 s',
      ].join('\n'),
    );
    expect(Math.max(...table.split('\n').map(line => line.length))).toBeLessThanOrEqual(100);
  });

  it('says beside the verdicts which methods are underfitted, and what to do', () => {
    const table = resultsTable(withUnderfitted(sampleResults(), ['labels', 'top-3 with rest']));
    expect(table.match(/(no difference shown|better), underfitted\?$/gm)).toHaveLength(4);
    expect(table.replaceAll('\u00a0', ' ')).toContain(
      'labels may be underfitted: after 2,048 steps its loss was still falling, and it gives 89.20 % of the answers that it learned from.\n' +
        'top-3 with rest may be underfitted:',
    );
    expect(table).toContain(
      '\nFigures of underfitted students are too low, and their differences say little. Raise `steps`',
    );
    const other = resultsTable(withUnderfitted(sampleResults(), ['top-3 with rest']));
    expect(other.match(/, underfitted\?$/gm)).toHaveLength(1);
    expect(resultsTable(withUnderfitted(sampleResults(), []))).toBe(resultsTable(sampleResults()));
  });

  it('calls a method underfitted if half of its students are', () => {
    const results = sampleResults({seeds: [1, 2, 3, 4]});
    const loose = {trainingAgreement: 0.8, fall: 0.5, pace: 0, underfitted: true};
    const some = (seeds: number) => ({
      ...results,
      rows: results.rows.map(row => ({...row, fit: {...loose, underfitted: row.seed <= seeds}})),
    });
    expect(resultsTable(some(1))).not.toContain('underfitted');
    expect(resultsTable(some(2))).toContain('labels may be underfitted');
  });

  it('says nothing by colour alone', () => {
    const coloured = resultsTable(sampleResults(), {colour: true});
    expect(coloured).toContain('\u001b[32mbetter\u001b[39m');
    expect(withoutTrailingBlanks(stripVTControlCharacters(coloured))).toBe(resultsTable(sampleResults()));
  });

  it('lines up wide and combining characters and obeys no control character', () => {
    const names = [
      '教師のラベル',
      'e\u0301tiquettes',
      '\u001b[2Jlabels\n\u0007',
      'a name that is much too long to fit',
    ];
    const results = sampleResults({methods: names.map(method => ({...labels!, method})), seeds: [1]});
    expect(rows(resultsTable(results), 4)).toEqual([
      'black  教師のラベル               91.44      91.81  0.270  0.289  2.42  2,000   2,000',
      'black  étiquettes                 91.44      91.81  0.269  0.289  2.50',
      'black  [2Jlabels                  91.44      91.81  0.273  0.287  2.42',
      'black  a name that is much t…     91.44      91.81  0.273  0.287  2.44',
    ]);
  });

  it('gives one seed no deviation, and one method no comparison', () => {
    const table = resultsTable(sampleResults({methods: [logProbabilities!], seeds: [5]}));
    expect(table).not.toContain('±');
    expect(table).not.toContain('interval');
    expect(table).toContain('One seed; accuracy');
  });

  it('counts what a level asked and bought once, and nothing where no teacher is asked', () => {
    const cells = rows(resultsTable(sampleResults()), 5).map(line => line.slice(85).trim().split(/ +/));
    expect(cells).toEqual([['–', '–'], ['2,000', '0'], ['2,000', '0'], [''], ['2,000', '2,000']]);
  });

  it('shows a dash for whatever is not known', () => {
    const results = sampleResults({methods: [labels!, logProbabilities!]});
    const lost = results.rows.map((row, index) => (index === 4 ? {...row, accuracy: Number.NaN} : row));
    // As a results.json holds it: JSON has no NaN.
    const teacher = JSON.parse(JSON.stringify({...results.teacher, ece: Number.NaN})) as typeof results.teacher;
    const table = resultsTable({...results, rows: lost, teacher, ledger: {...results.ledger, byLevel: {}}});
    expect(table).toContain('accuracy 98.58 %, NLL 0.049, ECE – %');
    expect(rows(table, 2)[1]).toMatch(/^gray +log-probabilities, T=4 +– +93\.\d+±\.\d+ .* +– +–$/);
  });
});

/** The rows of the methods. */
function rows(table: string, count: number): readonly string[] {
  return table.split('\n').slice(3, 3 + count);
}

function withoutTrailingBlanks(text: string): string {
  return text.replace(/ +$/gm, '');
}
