import {beforeAll, describe, expect, it} from 'vitest';
import {drawExamples} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {KnowledgeError} from '../../src/errors.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {trueLabels} from '../../src/knowledge/true-labels.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import type {Student} from '../../src/student/student.ts';
import {detailOfLevel, detailOfMethod, knowledgeFor, levelsOf, referenceLevel} from '../../src/study/methods.ts';
import {classes, methods, type TinyTeachers, tinyData, tinyModel, tinyRecipe, tinyTeachers} from './tiny.ts';

let model: Student;
let teachers: TinyTeachers;

beforeAll(async () => {
  await startEngine();
  model = await tinyModel();
  teachers = tinyTeachers(model);
});

const truth = drawExamples(tinyData().train, {size: 2});

/** What a gray-box level of two inputs knows. */
const gray: Knowledge = {
  source: {access: 'gray-box', identity: {of: 'test'}},
  classes,
  detail: {kind: 'log-probabilities'},
  inputs: truth.inputs,
  answers: {
    kind: 'log-probabilities',
    count: 2,
    logProbabilities: Float32Array.from([0.5, 0.3, 0.2, 0.1, 0.2, 0.7], Math.log),
  },
};

const byName = (name: string): Method => methods.find(({method}) => method === name)!;

describe('the levels of a recipe', () => {
  it('are those that its methods learn from, the one that shows least first', () => {
    const reversed = tinyRecipe(teachers, {methods: [...methods].reverse()});
    expect(levelsOf(reversed)).toEqual(['black-box', 'gray-box', 'white-box']);
    expect(levelsOf(tinyRecipe(teachers, {methods: methods.slice(0, 1)}))).toEqual([]);
  });

  it('are measured by the one that shows most, whether a method learns from it or not', () => {
    expect(referenceLevel(tinyRecipe(teachers, {methods: methods.slice(0, 2)}))).toBe('white-box');
    const {'black-box': blackBox, 'gray-box': grayBox} = teachers;
    expect(referenceLevel(tinyRecipe({'gray-box': grayBox, 'black-box': blackBox}))).toBe('gray-box');
  });

  it('are asked for the least that all their methods can be served from', () => {
    expect(detailOfLevel(tinyRecipe(teachers), 'gray-box')).toEqual({kind: 'log-probabilities'});
    const least = tinyRecipe(teachers, {methods: methods.slice(0, 3)});
    expect(detailOfLevel(least, 'gray-box')).toEqual({kind: 'top-k', k: 2});
    expect(detailOfLevel(least, 'white-box')).toEqual({kind: 'label'});
  });
});

describe('a method', () => {
  it('sees what it says, or else what its losses need and no more', () => {
    expect(detailOfMethod(byName('top 2'))).toEqual({kind: 'top-k', k: 2});
    expect(detailOfMethod(byName('all, T=2'))).toEqual({kind: 'log-probabilities'});
    expect(detailOfMethod(byName('hint'))).toEqual({kind: 'logits', features: ['dense_1']});
    const both = [hardLabels(), softLabels()];
    expect(detailOfMethod({level: 'gray-box', method: 'both', losses: both})).toEqual({kind: 'log-probabilities'});
  });

  it('learns from the answers of its level, coarsened to what it sees', () => {
    const top = knowledgeFor(byName('top 2'), gray, truth, classes);
    expect(top).toMatchObject({source: gray.source, detail: {kind: 'top-k', k: 2}, inputs: gray.inputs});
    expect(top.answers).toMatchObject({kind: 'top-k', count: 2, k: 2, classes: Int32Array.of(0, 1, 2, 1)});
    const label: Method = {level: 'gray-box', method: 'label', losses: [hardLabels()]};
    expect(knowledgeFor(label, gray, truth, classes).answers).toEqual({
      kind: 'label',
      count: 2,
      labels: Int32Array.of(0, 2),
    });
    expect(() => knowledgeFor({...byName('hint'), level: 'gray-box'}, gray, truth, classes)).toThrow(KnowledgeError);
  });

  it('without a teacher learns from the true labels of the very inputs that teachers are asked about', () => {
    const knowledge = knowledgeFor(byName('truth'), undefined, truth, classes);
    expect(knowledge).toEqual(trueLabels(truth, classes));
    expect(knowledge).toMatchObject({source: {access: 'truth'}, inputs: truth.inputs, answers: {labels: truth.labels}});
  });
});
