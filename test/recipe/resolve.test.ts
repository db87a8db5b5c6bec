import {describe, expect, it} from 'vitest';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {detailOf, detailOfLevel, planMethods} from '../../src/recipe/methods.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {methods, startedTinyModel, tinyRecipe, tinyTeachers} from '../study/tiny.ts';

const teachers = tinyTeachers(await startedTinyModel());
const detailNamed = (name: string) => detailOf(methods.find(({method}) => method === name)!);

describe('the levels of a recipe', () => {
  it('are those that its methods learn from, the one that shows least first', async () => {
    const reversed = tinyRecipe(teachers, {methods: [...methods].reverse()});
    expect((await resolveRecipe(reversed)).levels).toEqual(['black-box', 'gray-box', 'white-box']);
    const untaught = await resolveRecipe(tinyRecipe(teachers, {methods: methods.slice(0, 1)}));
    expect(untaught.levels).toEqual([]);
  });

  it('are measured by the one that shows most, whether a method learns from it or not', async () => {
    const least = await resolveRecipe(tinyRecipe(teachers, {methods: methods.slice(0, 2)}));
    expect(least.reference).toBe('white-box');
    const {'black-box': blackBox, 'gray-box': grayBox} = teachers;
    const without = await resolveRecipe(
      tinyRecipe({'gray-box': grayBox, 'black-box': blackBox}, {methods: methods.slice(0, 4)}),
    );
    expect(without.reference).toBe('gray-box');
  });

  it('are asked for the least that all their methods can be served from', () => {
    expect(detailOfLevel(planMethods(methods).methods, 'gray-box')).toEqual({kind: 'log-probabilities'});
    const least = planMethods(methods.slice(0, 3)).methods;
    expect(detailOfLevel(least, 'gray-box')).toEqual({kind: 'top-k', k: 2});
    expect(detailOfLevel(least, 'white-box')).toEqual({kind: 'label'});
  });
});

describe('the parts of cross-fitting', () => {
  it('are five, three if an assistant teaches, or as many as the recipe says, which are then all tried', async () => {
    const partsOf = async (changes: Parameters<typeof tinyRecipe>[1]) => {
      const {folds, assistedFolds, mostTried} = await resolveRecipe(tinyRecipe(teachers, changes));
      return {folds, assistedFolds, mostTried};
    };
    expect(await partsOf({calibration: {}})).toEqual({folds: 5, assistedFolds: 3, mostTried: 1000});
    expect(await partsOf({calibration: {folds: 4}})).toEqual({folds: 4, assistedFolds: 4, mostTried: undefined});
  });
});

describe('a planned method', () => {
  it('sees what it says, or else what its losses need and no more', () => {
    expect(detailNamed('top 2')).toEqual({kind: 'top-k', k: 2});
    expect(detailNamed('all, T=2')).toEqual({kind: 'log-probabilities'});
    expect(detailNamed('hint')).toEqual({kind: 'logits', features: ['dense_1']});
    const both = [hardLabels(), softLabels()];
    expect(detailOf({level: 'gray-box', method: 'both', losses: both})).toEqual({kind: 'log-probabilities'});
  });

  it('has its index, its folder and the plan that its answers come from', () => {
    const {queryPlans, methods: planned} = planMethods(methods);
    expect(planned.map(({index}) => index)).toEqual([...methods.keys()]);
    expect(planned.map(({level, queryPlan}) => [level, queryPlan?.level ?? 'none'])).toEqual(
      methods.map(({level}) => [level, level]),
    );
    expect(planned.find(({method}) => method === 'all, T=2')!.folder).toBe('all-T=2');
    expect(queryPlans.every(plan => planned.some(({queryPlan}) => queryPlan === plan))).toBe(true);
  });
});
