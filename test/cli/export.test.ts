import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {beforeAll, describe, expect, it} from 'vitest';
import {bucketReader} from '../../src/data/hashed-reading.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {saveKnowledge} from '../../src/knowledge/files.ts';
import {saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {workplace} from '../end-to-end/limbeck.ts';
import {smallStudent} from '../student/examples.ts';

const {folder, run, json} = workplace();
const texts = ['buy now', 'see you'];
const ngrams = {kind: 'n-grams', buckets: 64, words: 1, characters: [3, 4], length: 10_000} as const;

beforeAll(async () => {
  await startEngine();
  await saveStudent(join(folder(), 'student'), smallStudent(), {recipe: 'digits'});
  await saveKnowledge(join(folder(), 'known.safetensors'), {
    source: {access: 'gray-box', identity: {}},
    classes: ['ham', 'spam'],
    detail: {kind: 'log-probabilities'},
    inputs: {kind: 'text', count: 2, texts},
    answers: {
      ...{kind: 'log-probabilities', count: 2},
      logProbabilities: Float32Array.of(Math.log(0.25), Math.log(0.75), 0, Number.NEGATIVE_INFINITY),
    },
  });
});

const linesIn = async (file: string): Promise<unknown[]> =>
  (await readFile(join(folder(), file), 'utf8'))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));

describe('limbeck export', () => {
  it('makes a page of a student by the package as it is built, and says where to look', async () => {
    const {code, stdout, stderr} = await run(['export', 'student', '--web', 'page', '--title', 'Digits']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Wrote a page of 1\.\d MB\. Open page\/index\.html in a browser\n$/);
    expect(await readFile(join(folder(), 'page', 'index.html'), 'utf8')).toContain('<h1>Digits</h1>');
    const description = JSON.parse(await readFile(join(folder(), 'page', 'limbeck.json'), 'utf8'));
    expect(description.madeBy).toEqual({recipe: 'digits'});
    expect(await json(['export', 'student', '--web', 'page'])).toMatchObject({
      ...{student: 'student', directory: 'page', form: 'image', opensFromFile: true},
    });
  });

  it('makes a model for ONNX Runtime, and says what 8 bits cost', async () => {
    const {code, stdout, stderr} = await run(['export', 'student', '--onnx', 'digits.onnx']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Wrote digits\.onnx of [\d.]+\s.B\. Beside it: digits\.test-vectors\.json\n$/);
    expect(await run(['export', 'student', '--card', 'alone.md'])).toMatchObject({
      code: 0,
      stdout: 'Wrote the card alone.md\n',
    });
    const small = await run(['export', 'student', '--onnx', 'small.onnx', '--int8', '--card', 'card.md']);
    expect(await readFile(join(folder(), 'card.md'), 'utf8')).toMatch(/^---\n.* as ONNX with weights in 8 bits/s);
    expect(small.stdout).toMatch(
      /^Wrote small\.onnx of [\d.]+\s.B, [\d.]+\s.B with weights in 32 bits\. Beside it: .*\nWith weights in 8 bits, a logit differs by 0\.\d+ at most on 16 test vectors, and \d+ have the same class\.\n$/,
    );
  });

  it('makes functions that read texts, by the package as it is built', async () => {
    await saveStudent(
      join(folder(), 'texts'),
      hashedNgrams({buckets: 64})({classes: ['ham', 'spam'], kind: 'text', inputShape: [], preprocessing: {}}, 1),
    );
    const {files} = await json<{files: string[]}>(['export', 'texts', '--onnx', 'texts.onnx']);
    const {readTexts} = await import(pathToFileURL(join(folder(), files[3]!)).href);
    expect([...readTexts(['buy now']).data]).toEqual([...bucketReader(ngrams)('buy now')]);
  });

  it('makes conversations of knowledge, with the prompt of whoever wants them', async () => {
    const flags = ['--chat', 'chat.jsonl', '--prompt', 'Sort: {text}', '--system', 'One word.'];
    const {code, stdout} = await run(['export', 'known.safetensors', ...flags]);
    expect([code, stdout]).toEqual([0, 'Wrote 2 texts to chat.jsonl\n']);
    expect((await linesIn('chat.jsonl'))[0]).toEqual({
      messages: [
        {role: 'system', content: 'One word.'},
        {role: 'user', content: 'Sort: buy now'},
        {role: 'assistant', content: 'spam'},
      ],
    });
  });

  it('makes records of knowledge', async () => {
    expect(await json(['export', 'known.safetensors', '--records', 'records.jsonl', '--top', '1'])).toEqual({
      ...{knowledge: 'known.safetensors', file: 'records.jsonl', count: 2},
    });
    expect(await linesIn('records.jsonl')).toEqual([
      {text: 'buy now', label: 'spam', probabilities: {spam: 0.75}, rest: 0.25},
      {text: 'see you', label: 'ham', probabilities: {ham: 1}, rest: 0},
    ]);
  });

  it.each([
    ['nothing to make', ['known.safetensors'], 'Say what to make'],
    ['two things at once', ['known.safetensors', '--chat', 'x.jsonl', '--records', 'y.jsonl'], 'cannot be used with'],
    ['a flag of a page for a model', ['student', '--onnx', 'x.onnx', '--title', 'Mine'], '`--title` is for `--web`'],
    ['a flag of a model for a page', ['student', '--web', 'x', '--int8'], '`--int8` is for `--onnx`'],
    ['a card of knowledge', ['known.safetensors', '--chat', 'x.jsonl', '--card', 'y.md'], 'cannot be used with'],
    ['a model of another name', ['student', '--onnx', 'x.bin'], 'End its name in .onnx'],
    [
      'a flag for another thing',
      ['known.safetensors', '--chat', 'x.jsonl', '--top', '1'],
      '`--top` is for `--records`',
    ],
    ['a student where knowledge is needed', ['student', '--chat', 'x.jsonl'], 'it holds no knowledge in shards'],
    ['knowledge where a student is needed', ['known.safetensors', '--web', 'x'], 'known.safetensors'],
    ['a file of an unknown format', ['known.safetensors', '--records', 'x.csv'], 'End its name in .jsonl'],
  ])('refuses %s and writes nothing', async (_, args, message) => {
    const {code, stderr} = await run(['export', ...args]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('unexpected failure');
    expect((await readdir(folder())).filter(name => /^[xy]/.test(name))).toEqual([]);
  });
});
