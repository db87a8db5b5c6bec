import {readFile} from 'node:fs/promises';
import {beforeAll, describe, expect, it} from 'vitest';
import {similarityKl, vectorCosine} from '../../../src/losses/vector-losses.ts';
import type {Recipe} from '../../../src/recipe/recipe.ts';
import {hashedNgrams} from '../../../src/student/hashed-ngrams.ts';
import {withVectors} from '../../../src/student/vectors.ts';
import {checkResults} from '../../../src/study/check.ts';
import {compare, resultFiles} from '../../../src/study/compare.ts';
import {readResults} from '../../../src/study/read-results.ts';
import {renderReport} from '../../../src/study/report/page.ts';
import type {Results} from '../../../src/study/results.ts';
import {resultsTable} from '../../../src/study/table.ts';
import type {Outcome, Teacher} from '../../../src/teacher.ts';
import {adam} from '../../../src/train/optimizer.ts';
import {dimensions, embeddingRecipe, embeddingTeacher} from '../embedded-texts.ts';
import {studyPlaces} from '../tiny.ts';

const newPlaces = studyPlaces();
const methods: Recipe['methods'] = [
  {level: 'gray-box', method: 'cosine', losses: [vectorCosine()]},
  {level: 'gray-box', method: 'neighbours', losses: [vectorCosine(), similarityKl({weight: 10})]},
];

describe('compare, of a teacher that gives vectors', () => {
  let [results, directory]: [Results | undefined, string] = [undefined, ''];
  const notes: string[] = [];
  const teacher = embeddingTeacher({perCall: 0.01});
  const training = {steps: 60, batchSize: 20, optimizer: adam({learningRate: 0.1})};
  const recipe = embeddingRecipe(teacher, {methods, seeds: [1, 2, 3], budgets: [30, 100], training});
  let again: () => Promise<Results>;

  beforeAll(async () => {
    const places = await newPlaces();
    directory = places.directory;
    again = () => compare(recipe, {...places, onNote: note => notes.push(note)});
    results = await again();
  });

  it('measures the vectors of every student, and nothing by classes', () => {
    const {vectors, rows, methods: found, classes, truth} = results!;
    expect({vectors, classes, truth}).toEqual({
      vectors: {teacherDimensions: dimensions, studentDimensions: dimensions, neighbours: 10},
      ...{classes: [], truth: 'teacher'},
    });
    expect(rows).toHaveLength(6);
    for (const {accuracy, agreement, vectors: own} of rows) {
      expect([accuracy, agreement]).toEqual([Number.NaN, Number.NaN]);
      expect(own!.recall).toBeGreaterThan(0.5);
    }
    for (const {method, vectors: own} of found) {
      const seeds = rows.filter(row => row.method === method).map(row => row.vectors!);
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(own!.recall.mean).toBeCloseTo(mean(seeds.map(({recall}) => recall)), 12);
      expect(own!.meanCosine!.mean).toBeCloseTo(mean(seeds.map(({meanCosine}) => meanCosine!)), 12);
      const [low, high] = own!.recall.interval!;
      expect(low).toBeLessThan(own!.recall.mean);
      expect(high).toBeGreaterThan(own!.recall.mean);
    }
  });

  it('says that the loss of cosines gives higher cosines, by verdicts that hold together', () => {
    const {verdicts} = results!;
    expect(verdicts!.map(({measure, budget}) => [measure, budget])).toEqual([
      ...[
        ['cosine', 'curve'],
        ['cosine', 30],
        ['cosine', 100],
      ],
      ...[
        ['recall', 'curve'],
        ['recall', 30],
        ['recall', 100],
      ],
    ]);
    const whole = verdicts!.find(({measure, budget}) => measure === 'cosine' && budget === 'curve')!;
    expect(whole).toMatchObject({a: 'cosine', b: 'neighbours', verdict: 'better'});
    expect(whole.adjustedP).toBeLessThanOrEqual(0.05);
    // Two measures share the error.
    expect(Math.min(...verdicts!.map(({confidence}) => confidence))).toBeGreaterThanOrEqual(0.975);
  });

  it('has every student at every budget, and what their answers cost', () => {
    const {sizes, rows, costs, exchangeRates} = results!.budgets!;
    expect({sizes, rows: rows.length, exchangeRates}).toEqual({sizes: [30, 100], rows: 12, exchangeRates: []});
    expect(rows.every(({vectors}) => vectors !== undefined)).toBe(true);
    expect(costs[0]).toMatchObject({budget: 30, calls: {expected: 3}});
  });

  it('writes what it found for programs and people, and reads it again', async () => {
    const files = resultFiles(directory);
    const read = await readResults(directory);
    expect(read.vectors).toEqual(results!.vectors);
    expect(read.methods.map(({vectors}) => vectors)).toEqual(results!.methods.map(({vectors}) => vectors));
    const csv = await readFile(files.csv, 'utf8');
    expect(csv.split('\n')[0]).toBe('level,method,seed,budget,answers,seconds,meanCosine,recall,spearman');
    expect(csv.trim().split('\n')).toHaveLength(13);
    expect(await readFile(files.markdown, 'utf8')).toMatch(/\| mean cosine \(95 %\) \| recall@10, % \(95 %\) \|/);
    const page = await readFile(files.report, 'utf8');
    expect(page).toContain('By the mean cosine');
    expect(page).toMatch(/finds \d+\.\d\u00a0% of the teacher’s 10 nearest neighbours/);
    expect(page).not.toMatch(/NaN|undefined|Calibration/);
    // The numbers that it carries may stand in another order.
    const [shown, rendered] = [page, renderReport(read)].map(html => html.split('<script')[0]);
    expect(rendered).toBe(shown);
    expect(resultsTable(results!)).toMatch(/recall@10, %.*\ncosine +0\.\d{4} +0\.\d{4} to 0\.\d{4} +\d\d\.\d\d/);
  });

  it('measures the size and speed of its students', () => {
    for (const {efficiency} of results!.methods) {
      expect(efficiency).toMatchObject({bytes: expect.any(Number), latency: {p50: expect.any(Number)}});
    }
  });

  it('trains and asks nothing again, and comes to the same numbers', async () => {
    const asked = teacher.asked.length;
    const second = await again();
    expect(teacher.asked).toHaveLength(asked);
    expect(notes).toContainEqual('Trains 0 students; 12 others of this study are kept.');
    expect(second.rows).toEqual(results!.rows);
    expect(second.verdicts).toEqual(results!.verdicts);
  });

  it('checks what the answers cost, by the method that finds most neighbours', () => {
    const {holds, conditions} = checkResults(results!, [{measure: 'calls', operator: '<=', value: 10}]);
    expect([holds, conditions.length]).toEqual([true, 1]);
  });
});

describe('compare, of vectors of other lengths', () => {
  it('is by the neighbours alone, and leaves out the inputs that have no vector', async () => {
    const whole = embeddingTeacher();
    let refused = 0;
    const teacher: Teacher<'gray-box'> = {
      ...whole,
      ask: async queries => {
        const outcomes = await whole.ask(queries);
        const {test} = await data();
        return outcomes.map((outcome, index): Outcome<'gray-box'> => {
          const input = queries[index]!.input;
          const {texts} = test.inputs as {readonly texts: readonly string[]};
          if (input.kind !== 'text' || input.text !== texts[3]) return outcome;
          refused++;
          return {error: new Error('refused')};
        });
      },
    };
    const recipe = embeddingRecipe(teacher, {
      student: withVectors(hashedNgrams({units: [], buckets: 256, characters: [0, 0]}), 3),
      methods: [
        {level: 'gray-box', method: 'neighbours', losses: [similarityKl()]},
        {level: 'gray-box', method: 'mapped', losses: [vectorCosine()]},
      ],
    });
    const data = async () => recipe.data();
    const results = await compare(recipe, {...(await newPlaces()), allowMissing: 0.1});
    expect(refused).toBeGreaterThan(0);
    expect(results.missing?.test.count).toBe(1);
    expect(results.vectors).toMatchObject({teacherDimensions: dimensions, studentDimensions: 3});
    expect(results.rows.map(({vectors}) => vectors!.meanCosine)).toEqual([undefined, undefined]);
    expect(results.verdicts!.map(({measure, verdict}) => [measure, verdict])).toEqual([
      ['recall', 'too few seeds to say'],
    ]);
    expect(resultsTable(results)).toContain('vectors of 6 numbers');
  });
});
