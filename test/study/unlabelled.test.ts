import {beforeAll, describe, expect, it} from 'vitest';
import type {UnlabelledDataset} from '../../src/data/split.ts';
import {InputError} from '../../src/errors.ts';
import {mlp} from '../../src/student/mlp.ts';
import {compare} from '../../src/study/compare.ts';
import {renderReport} from '../../src/study/report/page.ts';
import type {Results} from '../../src/study/results.ts';
import {resultsTable} from '../../src/study/table.ts';
import {trainTeacher} from '../../src/study/train-teacher.ts';
import {
  callsOf,
  methods,
  startedTinyModel,
  studyPlaces,
  type TinyTeachers,
  tinyData,
  tinyRecipe,
  tinyTeachers,
} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

function unlabelled(): UnlabelledDataset {
  const {classes, train, test} = tinyData();
  return {classes, train: {role: 'train', inputs: train.inputs}, test: {role: 'test', inputs: test.inputs}};
}

describe('a study without true labels', () => {
  const taught = methods.slice(1);
  let teachers: TinyTeachers;
  let [known, unknown]: Results[] = [];

  beforeAll(async () => {
    teachers = tinyTeachers(model);
    known = await compare(tinyRecipe(teachers, {methods: taught}), await places());
    unknown = await compare(tinyRecipe(teachers, {methods: taught, data: unlabelled}), await places());
  });

  it('trains the same students, and measures their agreement as with labels', () => {
    const agreements = ({rows}: Results) => rows.map(({agreement, klToTeacher}) => [agreement, klToTeacher]);
    expect(agreements(unknown!)).toEqual(agreements(known!));
  });

  it('knows no accuracy, of the students and of the teacher', () => {
    expect(unknown!.truth).toBe('teacher');
    expect(known!.truth).toBe('labels');
    expect(unknown!.rows.every(({accuracy}) => Number.isNaN(accuracy))).toBe(true);
    expect(unknown!.teacher).toMatchObject({accuracy: Number.NaN, nll: Number.NaN, ece: Number.NaN});
    expect(known!.rows.every(({accuracy}) => accuracy > 0)).toBe(true);
  });

  it('says so in the table, which has no column of it', () => {
    const table = resultsTable(unknown!);
    expect(table).toContain('its own answers stand for the truth on 30 test inputs');
    expect(table).toContain('There are no true labels: NLL and ECE are against those of the teacher.');
    expect(table.toLowerCase()).not.toContain('accuracy');
    expect(resultsTable(known!)).toContain('accuracy');
  });

  it('says so in the report', () => {
    const page = renderReport(unknown!);
    expect(page).toContain('There are no true labels: all is measured by what the teacher says, which may be wrong.');
    expect(page).not.toMatch(/is right on|Accuracy and agreement|Validation split|NaN/);
    expect(renderReport(known!)).toContain('Accuracy and agreement');
  });

  it('refuses what needs labels before anything is asked', async () => {
    const fresh = tinyTeachers(model);
    const refused = async (changes: Parameters<typeof tinyRecipe>[1]) => {
      const error: unknown = await compare(tinyRecipe(fresh, {data: unlabelled, ...changes}), await places()).catch(
        error => error,
      );
      expect(error).toBeInstanceOf(InputError);
      return (error as InputError).message;
    };
    expect(await refused({})).toContain('Method `truth` learns from true labels, and the data have none.');
    const training = {epochs: 2, earlyStopping: {patience: 1}};
    expect(await refused({methods: taught, training})).toContain('`training.earlyStopping` needs a validation split');
    const {training: schedule} = tinyRecipe(fresh);
    const teacherModel = {directory: 'never', student: mlp(), losses: taught[0]!.losses, seed: 1, training: schedule};
    await expect(trainTeacher(tinyRecipe(fresh, {data: unlabelled, teacherModel}))).rejects.toThrow(
      'The data have no true labels to train a teacher from.',
    );
    expect(callsOf(fresh)).toBe(0);
  });
});
