import {beforeAll, describe, expect, it} from 'vitest';
import {degrade} from '../../src/ask/compose/degrade.ts';
import {randomNormals, seededRandom} from '../../src/data/random.ts';
import type {UnlabelledDataset} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {loadStudent} from '../../src/student/files.ts';
import {mlp} from '../../src/student/mlp.ts';
import {standardiseColumns} from '../../src/student/standardise-columns.ts';
import {compare} from '../../src/study/compare.ts';
import {planStudy} from '../../src/study/plan.ts';
import type {Teacher} from '../../src/teacher.ts';
import {studentFolder, studyPlaces} from './tiny.ts';

const newPlaces = studyPlaces();
const classes = ['low', 'high'];

/** Vectors of which the second column is a thousand times as wide as the first, and far from 0. */
function vectors(count: number, seed: number) {
  const noise = randomNormals(seededRandom(seed, 'vectors'), 2 * count);
  const data = Float32Array.from(noise, (value, at) => (at % 2 === 0 ? value : 1000 * value + 5000));
  return {kind: 'tensor', dtype: 'float32', shape: [2], count, data} as const;
}

const data = (): UnlabelledDataset => ({
  classes,
  train: {role: 'train', inputs: vectors(200, 1)},
  test: {role: 'test', inputs: vectors(200, 2)},
});

/** A linear model of both columns. */
let teacher: Teacher<'black-box'>;

beforeAll(async () => {
  await startEngine();
  const {inputs} = data().train;
  const model = mlp({units: []})({classes, inputShape: [2], preprocessing: standardiseColumns(inputs)}, 1);
  teacher = degrade(asTeacher(model), {access: 'black-box', detail: {kind: 'label'}});
});

function recipeWith(changes: Partial<Recipe>): Recipe {
  return {
    name: 'scales',
    data,
    transfer: {size: 200},
    teachers: {'black-box': () => teacher},
    student: mlp({units: []}),
    methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
    seeds: [1],
    training: {steps: 200},
    ...changes,
  };
}

describe('columns that differ in scale by far', () => {
  it('are told of once, at the start of a study and in its plan, until the recipe scales them', async () => {
    const notes: string[] = [];
    const {directory, cache} = await newPlaces();
    const onNote = (note: string): void => void notes.push(note);
    await compare(recipeWith({}), {directory, cache, onNote});
    expect(notes.filter(note => note.includes('differ in scale'))).toHaveLength(1);
    expect((await planStudy(recipeWith({}), {cache})).note).toBe(notes[0]);
    const scaled = recipeWith({preprocessing: 'standardise'});
    expect((await planStudy(scaled, {cache})).note).toBeUndefined();
  });

  it('are learned from once they are standardised, by a student that keeps how', async () => {
    const {directory, cache} = await newPlaces();
    const notes: string[] = [];
    const options = {directory, cache, onNote: (note: string) => void notes.push(note)};
    const {rows} = await compare(recipeWith({preprocessing: 'standardise'}), options);
    expect(notes).toEqual([]);
    expect(rows[0]!.agreement).toBeGreaterThan(0.95);
    const {preprocessing} = await loadStudent(studentFolder(directory, 'labels', 1));
    expect(preprocessing).toEqual(standardiseColumns(data().train.inputs));
  });

  it('are refused to be standardised if the inputs are no vectors', async () => {
    const inputs = {kind: 'text', count: 1, texts: ['one']} as const;
    const texts = {classes, train: {role: 'train', inputs}, test: {role: 'test', inputs}} as const;
    const recipe = recipeWith({data: () => texts, preprocessing: 'standardise', transfer: {size: 1}});
    await expect(planStudy(recipe, {cache: 'none'})).rejects.toThrow('Only the columns of vectors can be standardised');
  });
});
