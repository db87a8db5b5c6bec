import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {thresholdFor} from '../../src/evaluate/calibration.ts';
import {fitTemperature} from '../../src/knowledge/fit-temperature.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {trueLabels} from '../../src/knowledge/true-labels.ts';
import {loadStudent} from '../../src/student/files.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {calibrate} from '../../src/study/calibrate.ts';
import {compare} from '../../src/study/compare.ts';
import {studentPath} from '../../src/study/run.ts';
import {
  classes,
  methods,
  startedTinyModel,
  studyPlaces,
  tinyData,
  tinyModel,
  tinyRecipe,
  tinyTeachers,
} from './tiny.ts';

beforeAll(startEngine);

const knowledge: Knowledge = trueLabels(tinyData().train, classes);

describe('calibrate', () => {
  it('fits temperature and threshold to answers about what nothing was learned from', async () => {
    const logits = await predictLogits(await tinyModel(), knowledge.inputs);
    const {labels} = knowledge.answers as {readonly labels: Int32Array};
    const fit = {logits, labels: [...labels]};
    const temperature = fitTemperature(logits, labels, 3);
    const threshold = thresholdFor(logits, labels, 3, {temperature, agreement: 0.9});
    expect(calibrate(fit, 3, {agreement: 0.9})).toEqual({temperature, threshold});
    expect(calibrate(fit, 3)).toEqual({temperature});
  });
});

describe('a study with calibration', () => {
  const places = studyPlaces();

  it('trains the same students as without, and keeps with each how sure it may be', async () => {
    const teachers = tinyTeachers(await startedTinyModel());
    const [plain, sure] = [await places(), await places()];
    const shares: number[] = [];
    const changes = {methods: methods.slice(1, 3), seeds: [1]};
    const {rows: bare} = await compare(tinyRecipe(teachers, changes), plain);
    const {rows: measured} = await compare(
      tinyRecipe(teachers, {...changes, calibration: {folds: 2, agreement: 0.8}}),
      {
        ...sure,
        onProgress: ({task, done, total}) => task.startsWith('train') && shares.push(done / total),
      },
    );
    for (const method of changes.methods) {
      const [unsure, calibrated] = await Promise.all(
        [plain, sure].map(({directory}) => loadStudent(studentPath(directory, method, 1))),
      );
      expect(unsure!.calibration).toBeUndefined();
      expect(calibrated!.calibration).toEqual({temperature: expect.any(Number), threshold: expect.any(Number)});
      const {inputs} = tinyData().test;
      expect(await predictLogits(calibrated!, inputs)).toEqual(await predictLogits(unsure!, inputs));
    }
    for (const [index, {agreement, entropy}] of bare.entries()) {
      expect(measured[index]!.agreement).toBe(agreement);
      // Measured as they answer, with the temperature of their own.
      expect(measured[index]!.entropy).not.toBeCloseTo(entropy, 3);
    }
    expect([...shares].sort((a, b) => a - b)).toEqual(shares);
    expect(shares.at(-1)).toBe(1);
  });
});
