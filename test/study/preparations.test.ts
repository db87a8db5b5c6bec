import {join} from 'node:path';
import {beforeAll, describe, expect, it, vi} from 'vitest';
import type {UnlabelledDataset} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {choice} from '../../src/questions.ts';
import {defineRecipe} from '../../src/recipe/define.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {studentsOf} from '../../src/recipe/students.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {staticEmbedding} from '../../src/student/static-embedding.ts';
import type {StudentBuilder} from '../../src/student/student.ts';
import {compare} from '../../src/study/compare.ts';
import {choiceSentences} from '../../src/study/report/sentences.ts';
import {asInputs, classes, filmTeacher} from './film-texts.ts';
import {studyPlaces} from './tiny.ts';

const encoder = join(import.meta.dirname, '../fixtures/encoder/bert');
const texts = (start: number, end: number): string[] =>
  Array.from({length: end - start}, (_, index) => `${(start + index) % 2 ? 'money' : 'film'} ${start + index}`);
/** The first of the training texts are also in the test split. */
const test = [...texts(0, 10), ...texts(90_000, 90_010)];

function dataOf(count: number): UnlabelledDataset {
  return {
    classes,
    train: {role: 'train', inputs: asInputs(texts(0, count))},
    test: {role: 'test', inputs: asInputs(test)},
  };
}

const asked = new Set<string>();
const teacher = filmTeacher(asked);

/** Notes the texts of each preparation. */
function noting(preparations: (readonly string[])[]): StudentBuilder {
  const build = hashedNgrams({buckets: 64, units: []});
  const unprepared: StudentBuilder = () => {
    throw new Error('not prepared');
  };
  return Object.assign(unprepared, {
    preparation: {
      check: () => {},
      prepare: async (given: readonly string[]) => {
        preparations.push(given);
        return build;
      },
    },
  });
}

function recipe(student: Recipe['student'], count: number): Recipe {
  return {
    name: 'prepared',
    data: () => dataOf(count),
    transfer: {size: 40},
    teachers: {'black-box': () => teacher},
    student,
    methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
    seeds: [1],
    training: {epochs: 1},
    calibration: {folds: 4, agreement: 0.5},
  };
}

beforeAll(startEngine);

describe('students that are prepared by texts', () => {
  const places = studyPlaces();

  it('see many unlabelled texts once, none of them answered or in the test split', async () => {
    asked.clear();
    const preparations: (readonly string[])[] = [];
    await compare(recipe(noting(preparations), 4100), await places());
    expect(preparations).toHaveLength(1);
    const [given] = preparations as [readonly string[]];
    expect(given.filter(text => asked.has(text) || test.includes(text))).toEqual([]);
    expect(given.length).toBeGreaterThanOrEqual(4100 - 10 - 40);
  });

  it('see the texts that they learn from if few are unlabelled, but not those that judge or calibrate them', async () => {
    asked.clear();
    const preparations: (readonly string[])[] = [];
    await compare(recipe(noting(preparations), 60), await places());
    const unlabelled = texts(0, 60).filter(text => !asked.has(text));
    const answered = preparations.map(given => given.filter(text => !unlabelled.includes(text)));
    for (const given of preparations) expect(given).toEqual(expect.arrayContaining(unlabelled));
    // Some answered texts are in the test split as well.
    expect(preparations.flat().filter(text => test.includes(text))).toEqual([]);
    const sizes = answered.map(({length}) => length);
    const whole = Math.max(...sizes);
    // Half of the answers at most calibrate, and no student sees these.
    expect(whole).toBeLessThan(40);
    expect(new Set(answered.filter(({length}) => length === whole).flat()).size).toBe(whole);
    // Each fold is held out once.
    const folds = answered.filter(({length}) => length < whole);
    expect(folds).toHaveLength(4);
    const held = folds.map(own => answered.find(({length}) => length === whole)!.filter(text => !own.includes(text)));
    expect(new Set(held.flat()).size).toBe(whole);
  });

  it('are trained, chosen and measured as others are', async () => {
    const student = [hashedNgrams({buckets: 64, units: []}), staticEmbedding({encoder, dimensions: 8})] as const;
    const results = await compare(recipe(student, 60), await places());
    expect(results.students.map(({name}) => name)).toEqual(['hashed_ngrams', 'static_embedding']);
    expect(results.rows[0]!.choice?.candidates).toHaveLength(2);
  });

  it('are among those that `auto` chooses from if there is an encoder', async () => {
    const training = {steps: 20};
    const auto = await compare({...recipe('auto', 60), training, assistant: {encoder}}, await places());
    expect(auto.students.map(({name}) => name)).toEqual(['hashed_ngrams', 'static_embedding']);
    const {choice} = auto.rows[0]!;
    const best = Math.max(...choice!.candidates.map(({agreement}) => agreement));
    expect(choice!.candidates[choice!.chosen]!.agreement).toBe(best);
    expect(choiceSentences(auto).join()).toContain('static_embedding');
  });

  it('are not tried by `auto` without an encoder', async () => {
    vi.stubEnv('LIMBECK_ENCODER_DIR', join(import.meta.dirname, 'none'));
    const auto = studentsOf({student: 'auto'}, {kind: 'text'});
    expect(auto.map(build => build.preparation)).toEqual([undefined]);
    expect(() => studentsOf({student: 'auto'}, {kind: 'tensor'})).toThrow(/is for texts, but the inputs are tensors/);
    vi.unstubAllEnvs();
  });

  it('are refused early without their encoder, and in recipes with questions', async () => {
    const lost = recipe(staticEmbedding({encoder: 'nowhere'}), 60);
    await expect(compare(lost, await places())).rejects.toThrow(/no encoder in nowhere/);
    const questions = ['topic', 'tone'].map(name => choice(name, 'Which one?', classes));
    expect(() => defineRecipe({...recipe('auto', 60), questions})).toThrow(/'auto'/);
    expect(() => defineRecipe({...recipe('best' as 'auto', 60)})).toThrow(/or 'auto'/);
    expect(() => defineRecipe({...recipe(staticEmbedding({encoder}), 60), questions})).toThrow(/staticEmbedding/);
  });
});
