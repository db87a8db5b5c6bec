import {describe, expect, it} from 'vitest';
import {KnowledgeError} from '../../src/errors.ts';
import {trueLabels} from '../../src/knowledge/true-labels.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import {learn} from '../../src/study/run.ts';
import {openStudy} from '../../src/study/study.ts';
import {methodAt} from '../../src/study/tune/settings.ts';
import {tryOut} from '../../src/study/tune/trial.ts';
import {methods, startedTinyModel, studyPlaces, tinyRecipe, tinyTeachers} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

describe('true labels', () => {
  // That they reach no student of a level by way of a study, to the bit, is tested in compare.test.ts.
  it('are refused where they are handed to a method of a level, and answers to one that learns from truth', async () => {
    const [truth, blackBox] = methods as readonly [Method, Method, ...Method[]];
    const study = await openStudy(tinyRecipe(tinyTeachers(model)), [], await places());
    const known = trueLabels(study.drawn, study.data.classes);
    const answered = {...known, source: {access: 'black-box', identity: {}}} as const;
    const handed = learn(study, blackBox, known, 1);
    await expect(handed).rejects.toThrow(KnowledgeError);
    await expect(handed).rejects.toThrow(
      'Method `labels` learns from the answers of a black-box teacher, and the knowledge that it was given holds true labels.',
    );
    await expect(learn(study, truth, answered, 1)).rejects.toThrow('holds the answers of a black-box teacher');
    await expect(tryOut(study, methodAt(blackBox, {weights: [1]}), known, 1)).rejects.toThrow(KnowledgeError);
    await study.close();
  });
});
