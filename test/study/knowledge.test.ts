import {describe, expect, it} from 'vitest';
import {drawExamples} from '../../src/data/split.ts';
import {KnowledgeError} from '../../src/errors.ts';
import {type Knowledge, trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {planMethods} from '../../src/recipe/methods.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import {answeredMethod} from '../../src/study/knowledge.ts';
import {openMethod} from '../../src/study/methods.ts';
import {classes, methods, settingApart, tinyData} from './tiny.ts';

const truth = drawExamples(tinyData().train, {size: 2});
const recipe = {drawn: truth, data: tinyData(), ...settingApart({})};

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

/** The knowledge of a method, from what its level was asked. */
const knowledgeFor = (method: Method, asked?: Knowledge): Knowledge =>
  answeredMethod(recipe, openMethod(planMethods([method]).methods[0]!, undefined), asked).knowledge;

const byName = (name: string): Method => methods.find(({method}) => method === name)!;

describe('a method', () => {
  it('learns from the answers of its level, coarsened to what it sees', () => {
    const top = knowledgeFor(byName('top 2'), gray);
    expect(top).toMatchObject({source: gray.source, detail: {kind: 'top-k', k: 2}, inputs: gray.inputs});
    expect(top.answers).toMatchObject({kind: 'top-k', count: 2, k: 2, classes: Int32Array.of(0, 1, 2, 1)});
    const label: Method = {level: 'gray-box', method: 'label', losses: [hardLabels()]};
    expect(knowledgeFor(label, gray).answers).toEqual({
      kind: 'label',
      count: 2,
      labels: Int32Array.of(0, 2),
    });
    expect(() => knowledgeFor({...byName('hint'), level: 'gray-box'}, gray)).toThrow(KnowledgeError);
  });

  it('without a teacher learns from the true labels of the very inputs that teachers are asked about', () => {
    const knowledge = knowledgeFor(byName('truth'));
    expect(knowledge).toEqual(trueLabels(truth, classes));
    expect(knowledge).toMatchObject({source: {access: 'truth'}, inputs: truth.inputs, answers: {labels: truth.labels}});
  });
});
