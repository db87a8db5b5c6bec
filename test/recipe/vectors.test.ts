import {beforeAll, describe, expect, it} from 'vitest';
import {asSplit} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {vectorCosine} from '../../src/losses/vector-losses.ts';
import {defineRecipe} from '../../src/recipe/define.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {refuseVectors} from '../../src/recipe/vectors.ts';
import {margin} from '../../src/select/margin.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {fakeTeacher, labelled} from '../ask/fake-teacher.ts';
import {dimensions, embeddingRecipe, embeddingTeacher} from '../study/embedded-texts.ts';
import {asInputs} from '../study/film-texts.ts';

const [method] = embeddingRecipe(embeddingTeacher()).methods as readonly [Recipe['methods'][number]];
const recipe = (changes: Partial<Recipe> = {}): Recipe => embeddingRecipe(embeddingTeacher(), changes);
const other = fakeTeacher({access: 'black-box', detail: {kind: 'label'}}, asked => asked.map(labelled));

beforeAll(startEngine);

describe('a recipe whose teacher gives vectors', () => {
  it('has no classes, and takes no labels from data that have them', async () => {
    const split = {inputs: asInputs(['a', 'b', 'c']), labels: Int32Array.of(0, 1, 0)};
    const data = {
      classes: ['one', 'two'],
      train: asSplit('train', split),
      validation: asSplit('validation', split),
      test: asSplit('test', split),
    };
    const resolved = await resolveRecipe(recipe({data: () => data, transfer: {size: 2}}));
    expect(resolved).toMatchObject({givesVectors: true, reference: 'gray-box', levels: ['gray-box'], trials: 0});
    expect(resolved.data).toEqual({
      classes: [],
      train: {role: 'train', inputs: data.train.inputs},
      test: {role: 'test', inputs: data.test.inputs},
    });
  });

  it('adds no method of labels to those that are compared at budgets', async () => {
    const {methods, budgets} = await resolveRecipe(recipe({budgets: [20, 60]}));
    expect(methods.map(one => one.method)).toEqual(['cosine']);
    expect(budgets?.sizes).toEqual([20, 60]);
  });

  it.each<[Partial<Recipe>, string]>([
    [{calibration: {}}, 'calibration: is about classes'],
    [{assistant: {encoder: 'x'}}, 'assistant: is about classes'],
    [{repeatability: {inputs: 3}}, 'repeatability: is about classes'],
    [{trustsScores: true}, 'trustsScores: is about classes'],
    [{student: 'auto'}, 'student: students of vectors are not chosen by classes'],
    [{training: {balance: 1}}, 'training.balance: is about classes'],
    [{training: {earlyStopping: {patience: 1}}}, 'training.earlyStopping: is about classes'],
    [{methods: [{...method, select: {by: margin()}}]}, 'methods.0.select: is about classes'],
    [{methods: [{...method, tune: true}]}, 'methods.0.tune: is about classes'],
    [{methods: [{...method, level: 'black-box'}]}, 'methods.0.level: vectors come from a `gray-box` teacher'],
    [
      {methods: [method, {level: 'gray-box', method: 'labels', losses: [hardLabels()]}]},
      'methods.1.losses: learn classes',
    ],
    [{teachers: {...recipe().teachers, 'black-box': () => other}}, 'teachers.black-box: vectors are learned of'],
    [{check: {agreement: '> 90%'}}, 'check.agreement: is about classes'],
    [{check: {class: 'spam', cost: '< 5usd'}}, 'check.class: is about classes'],
  ])('refuses %o', (changes, problem) => {
    expect(() => defineRecipe(recipe(changes))).toThrow(InputError);
    expect(() => defineRecipe(recipe(changes))).toThrow(problem);
  });

  it('takes conditions on what its answers cost', () => {
    expect(() => defineRecipe(recipe({check: {cost: '< 5usd', calls: '< 20'}}))).not.toThrow();
  });

  it('refuses a student of classes, and another recipe one of vectors', async () => {
    await expect(resolveRecipe(recipe({student: hashedNgrams()}))).rejects.toThrow(
      'student hashed_ngrams gives classes. Make it one of vectors',
    );
    const ofClasses = {
      teachers: {'black-box': () => other},
      methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}] as const,
    };
    await expect(resolveRecipe(recipe(ofClasses))).rejects.toThrow('gives vectors, and the methods learn classes');
  });

  it('learns as many numbers as the vector has, or fewer to which it can be cut', () => {
    const cut = {level: 'gray-box', method: 'cut', losses: [vectorCosine({cuts: [dimensions - 2]})]} as const;
    expect(() => defineRecipe(recipe({methods: [method, cut]}))).not.toThrow();
  });

  it('refuses what is about classes by one sentence', () => {
    expect(() => refuseVectors(recipe(), 'An audit')).toThrow(
      'An audit is about classes, and the teacher of recipe sums gives vectors, which name none.',
    );
    expect(() => refuseVectors({name: 'x', methods: [{...method, losses: [hardLabels()]}]}, 'An audit')).not.toThrow();
  });
});
