import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type PieceReading, pieceReader} from '../../src/data/piece-reading.ts';
import {readTexts} from '../../src/data/text-reading.ts';
import {readFolder} from '../../src/encoder/folder.ts';
import {openEncoder} from '../../src/encoder/open.ts';
import {openTokenizer} from '../../src/encoder/tokenizer.ts';
import {vocabularyOf} from '../../src/encoder/vocabulary.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {predicate} from '../../src/questions.ts';
import {loadStudent, saveStudent} from '../../src/student/files.ts';
import {withHeads} from '../../src/student/heads.ts';
import {fitTable} from '../../src/student/piece-table.ts';
import {predictActivations, predictLogits} from '../../src/student/predict.ts';
import {alongAxes, principalAxes} from '../../src/student/principal-axes.ts';
import {staticEmbedding} from '../../src/student/static-embedding.ts';
import type {StudentBuilder, Task} from '../../src/student/student.ts';
import {withVectors} from '../../src/student/vectors.ts';

const encoder = join(import.meta.dirname, '../fixtures/encoder/bert');
const task: Task = {classes: ['a', 'b', 'c'], kind: 'text', inputShape: [], preprocessing: {}};
const words = ['great', 'film', 'account', 'balance', 'money', 'transfer', 'friend', 'seven', 'eight', 'unbelievably'];
/** Texts of one to four words. */
const texts = Array.from({length: 200}, (_, index) =>
  Array.from({length: 1 + (index % 4)}, (_, place) => words[(index * 7 + place * (3 + (index % 5))) % 10]!).join(' '),
);
const inputsOf = (all: readonly string[]) => ({kind: 'text', count: all.length, texts: all}) as const;

/** What scikit-learn gives, see `make.py` beside it. */
const expected = JSON.parse(
  await readFile(join(import.meta.dirname, '../fixtures/static-embedding/expected.json'), 'utf8'),
) as {
  readonly [key in 'vectors' | 'alone' | 'table' | 'rows']: readonly number[];
} & {readonly [key in 'width' | 'columns' | 'axes' | 'variance']: number} & {readonly texts: readonly number[][]};

let folder: string;
let prepared: StudentBuilder;

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
  prepared = await staticEmbedding({encoder}).preparation!.prepare(texts);
});
afterAll(() => rm(folder, {recursive: true}));

describe('a reading by word pieces', () => {
  const vocabulary = vocabularyOf(readFolder(encoder));
  const reading: PieceReading = {kind: 'word-pieces', vocabulary: vocabulary.join(' '), length: 1000};
  const read = pieceReader(reading);

  it('finds the pieces that the tokenizer of Hugging Face finds', () => {
    const tokensOf = openTokenizer(readFolder(encoder, {tokens: 1000}));
    // The special tokens come first in the tokenizer, and are no pieces.
    const special = 5;
    for (const text of ['a great film', 'What is the balance of my account?', 'Ünïcödé and naïve café, 50% off!']) {
      const tokens = tokensOf(text).slice(1, -1);
      expect([...read(text)]).toEqual([...new Set(tokens)].map(token => token - special));
    }
    expect([...read('unbelievablyx 50%')].map(column => vocabulary[column])).toEqual([
      'unbelievably',
      '##x',
      '5',
      '##0',
      '%',
    ]);
  });

  it('splits words that are not in the vocabulary into pieces that are, and leaves out unknown characters', () => {
    const pieces = ['un', 'unable', '##believ', '##e', '##l', 'ble'];
    const read = pieceReader({kind: 'word-pieces', vocabulary: pieces.join(' '), length: 100});
    const found = (text: string): string[] => Array.from(read(text), column => pieces[column]!);
    expect(found('UNBELIEVABLE')).toEqual(['un', '##believ', '##l', '##e']);
    expect(found('unable 💥 zzble')).toEqual(['unable', '##l', '##e']);
    expect(found('Ünable')).toEqual(['unable']);
    expect(found('zzz')).toEqual([]);
  });

  it('gives each piece of a text 1 / sqrt(pieces held)', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words, 'x', '日', '💥'), {maxLength: 9}), some => {
        const text = some.join(' ');
        const held = read(text);
        const row = new Float32Array(vocabulary.length);
        for (const column of held) row[column] = 1 / Math.sqrt(held.length);
        expect(new Set(held).size).toBe(held.length);
        expect(readTexts([text], reading).data).toEqual(row);
      }),
    );
  });

  it('reads the pieces of tokenizers that mark the beginnings of words', async () => {
    const path = join(folder, 'sentencepiece');
    await mkdir(path);
    const vocab = [
      ['<s>', 0],
      ['▁the', -1],
      ['ing', -2],
      ['▁', -3],
    ];
    await writeFile(join(path, 'tokenizer.json'), JSON.stringify({model: {vocab}}));
    expect(vocabularyOf({path})).toEqual(['the', '##ing', '']);
    await writeFile(
      join(path, 'tokenizer.json'),
      JSON.stringify({model: {vocab: {ing: 1, Ġthe: 0, 'Ã©': 2, ĠcafÃ: 3}}}),
    );
    expect(vocabularyOf({path})).toEqual(['the', '##ing']);
  });
});

describe('a table of pieces', () => {
  it('is the ridge regression of scikit-learn', () => {
    const lesson = {
      texts: expected.texts.map(pieces => Int32Array.from(pieces)),
      vectors: Float32Array.from(expected.vectors),
      alone: Float32Array.from(expected.alone),
      width: expected.width,
    };
    const table = fitTable(lesson, 1e-7);
    for (const [index, value] of expected.table.entries()) expect(table[index]).toBeCloseTo(value, 4);
    // Near enough for training.
    const rough = fitTable(lesson);
    for (const [index, value] of expected.table.entries()) expect(Math.abs(rough[index]! - value)).toBeLessThan(0.05);
  });

  it('has axes that keep as much variance as principal components', () => {
    const rows = Float32Array.from(expected.rows);
    const {columns, axes: count} = expected;
    const axes = principalAxes(rows, columns, count);
    const everywhere = alongAxes(rows, principalAxes(rows, columns, columns));
    const square = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
    expect(square(alongAxes(rows, axes)) / square(everywhere)).toBeCloseTo(expected.variance, 2);
    for (let one = 0; one < count; one++) {
      for (let other = 0; other <= one; other++) {
        let dot = 0;
        for (let row = 0; row < columns; row++) dot += axes.axes[row * count + one]! * axes.axes[row * count + other]!;
        expect(dot).toBeCloseTo(one === other ? 1 : 0, 5);
      }
    }
  });
});

describe('staticEmbedding', () => {
  it('gives texts nearly the vectors of its encoder, up to a rotation', async () => {
    const opened = await openEncoder(encoder);
    const some = [...new Set(texts)].slice(0, 40);
    const vectors = await opened.encode(some);
    await opened.close();
    const student = prepared(task, 1);
    const own = await predictActivations(student, inputsOf(some), ['table']);
    const width = 32;
    const rows = some.map((_, row) => own.subarray(row * (width + 3) + 3, (row + 1) * (width + 3)));
    const mean = Float64Array.from(
      {length: width},
      (_, at) => vectors.filter((_, index) => index % width === at).reduce((a, b) => a + b, 0) / some.length,
    );
    const centred = some.map((_, row) => Float64Array.from(mean, (value, at) => vectors[row * width + at]! - value));
    // Rotations keep the cosines between texts.
    const [given, wanted] = [cosinesOf(rows), cosinesOf(centred)];
    expect(correlation(given, wanted)).toBeGreaterThan(0.8);
  });

  it('answers as before after it was saved and loaded, without the encoder', async () => {
    const student = prepared(task, 1);
    const path = join(folder, 'saved');
    await saveStudent(path, student);
    const loaded = await loadStudent(path);
    const some = inputsOf(['a great film', 'no such words', '', 'MONEY, money!']);
    expect(await predictLogits(loaded, some)).toEqual(await predictLogits(student, some));
    expect(JSON.stringify(loaded.reading)).not.toContain(encoder);
  });

  it('makes the same student from the same texts and seed', async () => {
    const again = await staticEmbedding({encoder}).preparation!.prepare(texts, {directory: folder});
    const [one, other] = [prepared, again].map(build =>
      build(task, 5)
        .model.getWeights()
        .map(each => each.dataSync()),
    );
    expect(other).toEqual(one);
  });

  it('has at most as many pieces and numbers as it is told, and layers behind its table', async () => {
    const small = await staticEmbedding({encoder, pieces: 12, dimensions: 6, units: [5]}).preparation!.prepare(texts);
    const {model} = small(task, 1);
    expect(model.layers.map(({name}) => name)).toEqual(['input', 'table', 'dense_1', 'logits']);
    expect(model.getLayer('table').getWeights()[0]!.shape).toEqual([12, 6]);
  });

  it('can be prepared by no texts, and answers several questions', async () => {
    const {preparation} = withHeads(staticEmbedding({encoder}), [
      predicate('urgent', 'Is it?'),
      predicate('sad', 'Is it?'),
    ]);
    const student = (await preparation!.prepare([]))(task, 1);
    expect(student.heads).toHaveLength(2);
    const logits = await predictLogits(student, inputsOf(['a film']));
    expect(logits.every(Number.isFinite)).toBe(true);
  });

  it('can be prepared, and then gives vectors', async () => {
    const builder = withVectors(staticEmbedding({encoder}), 5);
    expect(() => builder.preparation!.check({...task, kind: 'tensor', inputShape: [3]})).toThrow(/reads texts/);
    expect(() => builder({...task, classes: []}, 1)).toThrow(/preparation\.prepare/);
    const student = (await builder.preparation!.prepare(texts))({...task, classes: []}, 1);
    expect(student).toMatchObject({classes: [], output: 'vector'});
    const vectors = await predictLogits(student, inputsOf(['a film', 'the film']));
    expect(vectors).toHaveLength(10);
    // A student of five classes has the same layers.
    const own = prepared({...task, classes: ['0', '1', '2', '3', '4']}, 1);
    expect(vectors).toEqual(await predictLogits(own, inputsOf(['a film', 'the film'])));
    expect(withVectors(prepared, 5).preparation).toBeUndefined();
  });

  it('says what it needs', () => {
    expect(() => staticEmbedding({encoder})(task, 1)).toThrow(/preparation\.prepare/);
    const {preparation} = staticEmbedding({encoder});
    expect(() => preparation!.check({...task, kind: 'tensor', inputShape: [3]})).toThrow(/reads texts/);
    expect(() => staticEmbedding({encoder: 'nowhere'}).preparation!.check(task)).toThrow(/no encoder in nowhere/);
    expect(() => staticEmbedding({encoder, dimensions: 0})).toThrow(/`dimensions`/);
    expect(() => staticEmbedding({encoder, pieces: 1})).toThrow(/`pieces`/);
    expect(() => staticEmbedding({encoder, length: 0})).toThrow(/`length`/);
    expect(() => staticEmbedding({} as {encoder: string})).toThrow(/encoder/);
  });
});

function cosinesOf(rows: readonly (Float32Array | Float64Array)[]): number[] {
  return rows.flatMap((one, index) =>
    rows.slice(0, index).map(other => dotOf(one, other) / Math.sqrt(dotOf(one, one) * dotOf(other, other))),
  );
}

function dotOf(one: ArrayLike<number>, other: ArrayLike<number>): number {
  return Array.from(one).reduce((sum, value, index) => sum + value * other[index]!, 0);
}

function correlation(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [one, other].map(values => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.map(value => value - mean);
  }) as [number[], number[]];
  return dotOf(a, b) / Math.sqrt(dotOf(a, a) * dotOf(b, b));
}
