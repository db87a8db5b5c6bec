import {existsSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {selectInputs} from '../../src/data/inputs.ts';
import {evaluateVectors} from '../../src/evaluate/vectors.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {loadStudent} from '../../src/student/files.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {labelQueries} from '../../src/study/asking.ts';
import {withSavedKnowledge} from '../../src/study/knowledge.ts';
import {planStudy} from '../../src/study/plan.ts';
import {probeStudy} from '../../src/study/probe.ts';
import {askReference} from '../../src/study/reference.ts';
import {learn} from '../../src/study/run.ts';
import {openStudy} from '../../src/study/study.ts';
import {dimensions, embeddingRecipe, embeddingTeacher, vectorOf} from './embedded-texts.ts';
import {studyPlaces} from './tiny.ts';

const newPlaces = studyPlaces();

describe('a study whose teacher gives vectors', () => {
  it('plans what it asks: the transfer set and the test split, none of them twice', async () => {
    const {cache} = await newPlaces();
    const plan = await planStudy(embeddingRecipe(embeddingTeacher({perCall: 0.01})), {cache});
    expect(plan.levels.map(({about, inputs}) => [about, inputs])).toEqual([
      ['transfer set', 100],
      ['test split', expect.any(Number)],
    ]);
    expect(plan.levels[0]).toMatchObject({calls: {expected: 10}, usd: {expected: expect.closeTo(0.1)}});
  });

  it('probes its teacher', async () => {
    const {cache} = await newPlaces();
    const {levels} = await probeStudy(embeddingRecipe(embeddingTeacher()), {cache});
    expect(levels).toMatchObject([
      {
        asked: 5,
        needed: {kind: 'vector'},
        answers: {given: {kind: 'vector'}},
        repetition: {identical: 5},
        problems: [],
      },
    ]);
  });

  it('labels, trains, keeps and measures a student that stands for its teacher', async () => {
    const places = await newPlaces();
    const teacher = embeddingTeacher();
    const study = await openStudy(await resolveRecipe(embeddingRecipe(teacher)), ['gray-box'], places);
    try {
      const [plan] = study.recipe.queryPlans;
      const labelled = await labelQueries(study, plan!);
      expect(labelled).toMatchObject({knowledge: {detail: {kind: 'vector'}, classes: [], inputs: {count: 100}}});
      const [method] = study.recipe.methods;
      const learned = await withSavedKnowledge(study, method!, answered => learn(study, answered, 1));
      expect(learned).toMatchObject({choice: undefined, next: undefined, fit: undefined});
      expect(existsSync(`${learned.directory}/limbeck.json`)).toBe(true);
      const student = await loadStudent(learned.directory);
      expect(student).toMatchObject({output: 'vector', classes: []});

      const reference = await askReference(study);
      const {inputs} = study.recipe.data.test;
      expect(reference).toMatchObject({missing: {count: 0}, labels: new Int32Array(), vectors: {dimensions}});
      expect(reference.vectors!.vectors.subarray(0, dimensions)).toEqual(
        vectorOf((selectInputs(inputs, [0]) as {texts: readonly string[]}).texts[0]!),
      );
      const {meanCosine, recall, spearman} = evaluateVectors({
        count: inputs.count,
        student: await predictLogits(student, inputs),
        teacher: reference.vectors!.vectors,
      });
      expect(meanCosine).toBeGreaterThan(0.9);
      expect(recall).toBeGreaterThan(0.7);
      expect(spearman).toBeGreaterThan(0.8);
      expect(new Set(teacher.asked).size).toBe(teacher.asked.length);
    } finally {
      await study.close();
    }
  });
});
