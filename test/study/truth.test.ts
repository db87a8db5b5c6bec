import {describe, expect, it} from 'vitest';
import {KnowledgeError} from '../../src/errors.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {methodAt} from '../../src/recipe/settings.ts';
import {learn} from '../../src/study/run.ts';
import {tryOut} from '../../src/study/tune/trial.ts';
import {answered, methods, openRecipe, startedTinyModel, studyPlaces, tinyRecipe, tinyTeachers} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

describe('true labels', () => {
  // That they reach no student of a level by way of a study, to the bit, is tested in compare.test.ts.
  it('are refused where they are handed to a method of a level, and answers to one that learns from truth', async () => {
    const [truth = '', blackBox = ''] = methods.map(({method}) => method);
    const study = await openRecipe(tinyRecipe(tinyTeachers(model)), [], await places());
    const known = trueLabels(study.recipe.drawn, study.recipe.data.classes);
    const bought = {...known, source: {access: 'black-box', identity: {}}} as const;
    const handed = learn(study, answered(study, blackBox, known), 1);
    await expect(handed).rejects.toThrow(KnowledgeError);
    await expect(handed).rejects.toThrow(
      'Method `labels` learns from the answers of a black-box teacher, and the knowledge that it was given holds true labels.',
    );
    await expect(learn(study, answered(study, truth, bought), 1)).rejects.toThrow(
      'holds the answers of a black-box teacher',
    );
    const trial = methodAt(answered(study, blackBox, known), {weights: [1]});
    await expect(tryOut(study, trial, 1)).rejects.toThrow(KnowledgeError);
    await study.close();
  });
});
