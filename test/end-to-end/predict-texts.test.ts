import {copyFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {mlp} from '../../src/student/mlp.ts';
import {until} from '../built.ts';
import {workplace} from './limbeck.ts';

const {folder, start, run, json} = workplace();
const classes = ['bug', 'praise', 'refund'];

const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/texts', name);

interface Predicted {
  readonly predictions: readonly {readonly id?: string; readonly confidence: number; readonly abstains?: boolean}[];
}

beforeAll(async () => {
  await startEngine();
  const task = {classes, kind: 'text', inputShape: [], preprocessing: {}} as const;
  const student = hashedNgrams({units: [], buckets: 512})(task, 1);
  await saveStudent(join(folder(), 'student'), student);
  await saveStudent(join(folder(), 'unsure'), {...student, calibration: {temperature: 100, threshold: 0.9}});
  await saveStudent(join(folder(), 'numbers'), mlp({units: [2]})({classes, inputShape: [2], preprocessing: {}}, 1));
});

describe('limbeck predict, of a student of texts', () => {
  it('reads texts in any format, and says the same of the same ones', async () => {
    const {predictions} = await json<Predicted>(['predict', 'student', fixture('tickets.csv')]);
    expect(predictions.map(({id}) => id)).toEqual(['T-1', 'T-2', 'T-3', 'T-4', 'T-5', 'T-6', 'T-7']);
    for (const [name, ...flags] of [
      ['tickets.jsonl.gz', '--text', 'ticket.body'],
      ['tickets-zstd.parquet', '--text', 'ticket.body'],
    ] as const) {
      expect((await json<Predicted>(['predict', 'student', fixture(name), ...flags])).predictions).toEqual(predictions);
    }
    const tsv = ['--no-quotes', '--no-header', '--text', '2'];
    const {stdout} = await run(['predict', 'student', fixture('tickets.tsv'), ...tsv]);
    expect(stdout).toBe(predictions.map(prediction => line({...prediction, id: undefined})).join(''));
    const files = await run(['predict', 'student', fixture('tickets')]);
    expect(files.stdout).toContain(line({...predictions[0]!, id: 'refund/T-1.txt'}));
  });

  it('answers a line for a line of stdin, empty ones too', async () => {
    const {code, stdout, stderr} = await run(['predict', 'student'], {input: 'It crashes\n\nLove it'});
    expect(code).toBe(0);
    expect(stdout).toMatch(/^((bug|praise|refund)\t0\.\d{4}\n){3}$/);
    expect(stderr).toContain('stdin: read as one text per line');
    expect((await run(['predict', 'student'], {input: ''})).stdout).toBe('');
  });

  it('abstains below the threshold of its calibration, and says how often', async () => {
    const flags = ['predict', 'unsure', fixture('tickets.txt')];
    const {stdout, stderr} = await run(flags);
    expect(stdout).toMatch(/^(abstains\t0\.3\d{3}\n){7}$/);
    expect(stderr).toContain('7 of 7 abstained: less sure than 0.9.');
    const lines = (await run([...flags, '--jsonl'])).stdout.trimEnd().split('\n');
    const {predictions} = await json<Predicted>(flags);
    expect(lines.map(text => JSON.parse(text) as object)).toEqual(predictions);
    expect(predictions.every(({abstains}) => abstains)).toBe(true);
  });

  it('prints what it knows before the file ends', async () => {
    await writeFile(join(folder(), 'long.txt'), `${'a text\n'.repeat(300_000)}`);
    const running = start(['predict', 'student', 'long.txt']);
    await until('some answers', () => running.stdout().includes('\n'));
    expect(running.stdout().split('\n').length).toBeLessThan(300_000);
    running.closeStdout();
    expect((await running.finished).code).toBe(0);
  });

  it('names the file and the line of what it can’t read', async () => {
    await copyFile(fixture('tickets-windows-1252.csv'), join(folder(), 'old.csv'));
    const refused = await run(['predict', 'student', 'old.csv']);
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('old.csv, line 5: not valid UTF-8'),
    });
    expect(await run(['predict', 'student', 'old.csv', '--encoding', 'windows-1252'])).toMatchObject({code: 0});
  });

  it('refuses flags of texts where the student takes numbers', async () => {
    const {code, stderr} = await run(['predict', 'numbers', '--no-quotes'], {input: '[1,2]\n'});
    expect(code).toBe(1);
    expect(stderr).toContain('The student takes numbers, and `--no-quotes` is for texts. Leave it out.');
    expect(await run(['predict', 'numbers'], {input: '[1,2]\n'})).toMatchObject({code: 0});
  });
});

/** As it is printed for people. */
function line({class: name, confidence, id}: {class?: string; confidence: number; id?: string | undefined}): string {
  return `${[name, confidence.toFixed(4), ...(id === undefined ? [] : [id])].join('\t')}\n`;
}
