import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {callable} from '../../adapters/callable.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import type {Unlabelled} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {coarsen} from '../../src/knowledge/coarsen.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {expectedLabels} from '../../src/losses/score-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {classesOf} from '../../src/question.ts';
import {predicate, score} from '../../src/questions.ts';
import {defineRecipe} from '../../src/recipe/define.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {loadStudent} from '../../src/student/files.ts';
import {mlp} from '../../src/student/mlp.ts';
import {compareQuestions} from '../../src/study/joint/compare.ts';
import type {QuestionsResults} from '../../src/study/joint/results.ts';
import type {Input, Teacher, TensorInput} from '../../src/teacher.ts';
import {studyPlaces} from './tiny.ts';

beforeAll(startEngine);

const places = studyPlaces();
const isBright = predicate('bright', 'Is it bright?');
const light = score('light', 'How much light is there?', ['none', 'little', 'some', 'much']);
const questions = [isBright, light];

/** Two numbers between 0 and 1 each; the first says how much light there is. */
function unlabelled<R extends 'train' | 'test'>(role: R, count: number): Unlabelled<R> {
  const random = seededRandom(count, 'inputs');
  const values = Float32Array.from({length: count * 2}, () => randomFraction(random));
  return {role, inputs: {kind: 'tensor', dtype: 'float32', shape: [2], count, data: values}};
}
const [train, test] = [unlabelled('train', 60), unlabelled('test', 40)];
const shareOf = (input: Input) => (input as TensorInput).data[0]!;

/** It shows the probability of a bright input, and of how much light there is the expected level alone. */
function teacher(calls: Input[]): Teacher<'gray-box'> {
  const whole = callable({
    ...{name: 'made up', version: '1', questions, scores: 'probabilities'},
    answer(input) {
      calls.push(input);
      const share = shareOf(input);
      const levels = [0, 1, 2, 3].map(level => Math.max(0, 1 - Math.abs(3 * share - level)));
      return {bright: 0.05 + 0.9 * share, light: levels};
    },
  }) as Teacher<'gray-box'>;
  return {
    ...whole,
    details: {light: {kind: 'expected'}},
    async ask(queries, options) {
      const outcomes = await whole.ask(queries, options);
      return outcomes.map((outcome, row) =>
        'answer' in outcome && queries[row]!.question === light
          ? {answer: coarsen(outcome.answer, {kind: 'expected'})}
          : outcome,
      );
    },
  };
}

const recipeOf = (calls: Input[], changes: Partial<Recipe> = {}): Recipe =>
  defineRecipe({
    name: 'levels',
    questions,
    data: question => ({classes: classesOf(question!), train, test}),
    transfer: {size: 60},
    teachers: {'gray-box': () => teacher(calls)},
    student: mlp({units: []}),
    methods: [
      {
        ...{level: 'gray-box', method: 'all that is shown'},
        losses: {bright: [softLabels({temperature: 1})], light: [expectedLabels()]},
      },
      {
        ...{level: 'gray-box', method: 'labels and levels', detail: {bright: {kind: 'label'}}},
        losses: {bright: [hardLabels()], light: [expectedLabels()]},
      },
    ],
    seeds: [1],
    training: {steps: 300},
    ...changes,
  });

describe('a study whose teacher shows the expected level of a score alone', () => {
  const calls: Input[] = [];
  const notes: string[] = [];
  let where: {readonly directory: string; readonly cache: string};
  let results: QuestionsResults;

  beforeAll(async () => {
    where = await places();
    results = await compareQuestions(recipeOf(calls), {...where, onNote: note => notes.push(note)});
  });

  it('asks both questions about an input at once, and keeps each answer in its own kind', async () => {
    expect(calls).toHaveLength(60 + test.inputs.count);
    const [bright, levels] = await Promise.all(
      results.questions.map(({directory}) => loadKnowledge(join(directory, 'knowledge', 'gray-box.safetensors'))),
    );
    expect(bright!.detail).toEqual({kind: 'log-probabilities'});
    expect(levels!.detail).toEqual({kind: 'expected'});
  });

  it('measures students against the nearest level, and against the expected levels themselves', () => {
    const [bright, levels] = results.questions;
    expect(levels!.results.rows.map(({agreement}) => agreement)).toEqual(
      levels!.measures.map(() => expect.any(Number)),
    );
    for (const measures of levels!.measures) {
      expect(measures).toMatchObject({type: 'score', answered: test.inputs.count});
      if (measures.type !== 'score') continue;
      // The levels are half a level apart from the expected ones at most.
      expect(measures.expectedMae).toBeLessThan(measures.mae + 0.5);
      expect(measures.expectedMae).toBeLessThan(0.5);
      expect(measures.expectedSpearman).toBeGreaterThan(0.8);
    }
    expect(bright!.measures.every(measures => !('expectedMae' in measures))).toBe(true);
    expect(notes.filter(note => note.includes('expected levels alone'))).toEqual([
      expect.stringContaining('measured against the level that is nearest to each'),
    ]);
  });

  it('has a verdict and a report for each question, and what all of them come to', async () => {
    for (const {directory, results: own} of results.questions) {
      for (const {agreement} of own.rows) expect(agreement).toBeGreaterThan(0.3);
      expect(await readFile(join(directory, 'report.html'), 'utf8')).toContain('<html');
    }
    expect(results.joint.map(({method, inputs}) => [method, inputs])).toEqual([
      ['all that is shown', test.inputs.count],
      ['labels and levels', test.inputs.count],
    ]);
  });

  it('asks nothing again, and plans nothing more', async () => {
    const before = calls.length;
    await compareQuestions(recipeOf(calls), where);
    expect(calls).toHaveLength(before);
  });

  it('calibrates each head, the score by the nearest level and without a temperature', async () => {
    const calibration = {folds: 2, agreement: 0.5, confidence: 0.8};
    const place = await places();
    const methods = recipeOf([]).methods.slice(0, 1);
    const {questions: found} = await compareQuestions(recipeOf([], {calibration, methods}), place);
    for (const {results: own} of found) expect(own.rows[0]!.cascade).toBeDefined();
    const student = await loadStudent(join(place.directory, 'students', 'all-that-is-shown', 'seed-1'));
    const [bright, levels] = student.heads!.map(head => head.calibration!.temperature);
    expect(bright).not.toBe(1);
    expect(levels).toBe(1);
  });

  it('refuses a method that learns more of a question than is shown, before anything is asked', async () => {
    const asked: Input[] = [];
    const methods: Recipe['methods'] = [{level: 'gray-box', method: 'soft', losses: [softLabels({temperature: 1})]}];
    await expect(compareQuestions(recipeOf(asked, {methods}), await places())).rejects.toThrow(
      'Method `soft` learns from log-probabilities, but gray-box teacher made up about light gives expected',
    );
    expect(asked).toHaveLength(0);
  });
});
