import {describe, expect, it} from 'vitest';
import {
  type ConditionMeasure,
  conditionsOf,
  parseCondition,
  type RecipeConditions,
} from '../../src/recipe/conditions.ts';
import {defineRecipe} from '../../src/recipe/define.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';

describe('a condition', () => {
  it.each<[ConditionMeasure, string, string, number]>([
    ['agreement', '>= 0.97', '>=', 0.97],
    ['agreement', '>=97%', '>=', 0.97],
    ['ece', ' < 2.9 % ', '<', 0.029],
    ['nll', '<= .25', '<=', 0.25],
    ['cost', '< 5usd', '<', 5],
    ['cost', '< $4.35', '<', 4.35],
    ['cost', '< 5', '<', 5],
    ['calls', '<= 2000 calls', '<=', 2000],
    ['tokens', '> 10', '>', 10],
  ])('on %s is read from `%s`', (measure, text, operator, value) => {
    expect(parseCondition(measure, text)).toEqual({measure, operator, value});
  });

  it.each<[ConditionMeasure, string, RegExp]>([
    ['agreement', '0.97', /is not an operator \(>=, >, <=, <\) and a number\. Give it as '>= 0\.97' or '>= 97%'/],
    ['agreement', '=> 0.97', /is not an operator/],
    ['agreement', '>= -1', /is not an operator/],
    ['agreement', '>= NaN', /is not an operator/],
    ['agreement', '>= 97', /asks for a share above 1/],
    ['agreement', '>= 0.9usd', /has a unit that the measure has not/],
    ['cost', '< 5%', /has a unit that the measure has not\. Give it as '< 5usd' or '< \$5'/],
    ['cost', '< $5usd', /has a unit/],
    ['calls', '< 5 tokens', /has a unit/],
    ['nll', '< 5%', /has a unit/],
  ])('on %s is refused as `%s`', (measure, text, message) => {
    expect(() => parseCondition(measure, text)).toThrow(message);
  });
});

describe('the conditions of a recipe', () => {
  const define = (check: object) =>
    defineRecipe({
      name: 'mine',
      data: () => Promise.reject(new Error('not read')),
      transfer: {size: 10},
      teachers: {'black-box': () => Promise.reject(new Error('not made'))},
      student: () => {
        throw new Error('not built');
      },
      methods: [{level: 'black-box', method: 'labels', losses: [{name: 'loss', weight: 1, prepare: () => []}]}],
      seeds: [1],
      check,
    } as unknown as Recipe);

  it('are taken with what they are about', () => {
    const check = {cost: '< 5usd', agreement: '>= 97%', method: 'labels', confident: true} as const;
    expect(define(check).check).toEqual(check);
    const scope = {method: 'labels', confident: true};
    expect(conditionsOf(check)).toEqual([
      {measure: 'agreement', operator: '>=', value: 0.97, ...scope},
      {measure: 'cost', operator: '<', value: 5, ...scope},
    ]);
    expect(conditionsOf({} satisfies RecipeConditions)).toEqual([]);
  });

  it.each<[what: string, check: object, message: RegExp]>([
    ['an unknown measure', {agrement: '>= 97%'}, /check\.agrement: unknown key\. Did you mean `agreement`\?/],
    ['bad syntax', {agreement: '97%'}, /check\.agreement: The condition `97%` on agreement is not an operator/],
    ['a number', {agreement: 0.97}, /check\.agreement: .*expected string/],
    ['an unknown method', {agreement: '> 0.9', method: 'label'}, /check: no method has this name and level/],
    ['a level that no method is of', {agreement: '> 0.9', level: 'none'}, /check: no method has this name and level/],
  ])('with %s are refused when the recipe is defined', (_, check, message) => {
    expect(() => define(check)).toThrow(message);
  });
});
