import {rm} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {saveKnowledge} from '../../src/knowledge/files.ts';
import {
  answersAt,
  countOf,
  inputsAt,
  type Knowledge,
  type StoredKnowledge,
  trueLabels,
} from '../../src/knowledge/knowledge.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import {margin} from '../../src/select/margin.ts';
import {taught, withAnswers} from '../../src/study/divide.ts';
import {classes, folders, hashesOf, settingApart, tinyData} from './tiny.ts';

const newFolder = folders();
const knowledge: Knowledge = trueLabels(tinyData().train, classes);
const method: Method = {level: 'black-box', method: 'labels', losses: [hardLabels()]};
/** 9 answers without a disagreement prove it; 15 % of 60 are 9. */
const recipe = settingApart({agreement: 0.7});

/** What a method's answers are divided into. */
function divide(dividing: typeof recipe, own: Method, given: Knowledge | StoredKnowledge) {
  const answered = withAnswers(dividing, own, given);
  return {training: taught(answered).knowledge, ...answered.apart};
}

describe('the answers of a method', () => {
  it('sets some answers apart, and leaves all others to train', async () => {
    const {training, calibrationInputs} = divide(recipe, method, knowledge);
    expect(calibrationInputs).toHaveLength(9);
    const [all, kept] = [hashesOf(knowledge.inputs), hashesOf((training as Knowledge).inputs)];
    const apart = calibrationInputs.map(input => all[input]!);
    expect([...kept, ...apart].sort()).toEqual([...all].sort());
    const {labels} = knowledge.answers as {readonly labels: Int32Array};
    const others = [...all.keys()].filter(input => !calibrationInputs.includes(input));
    expect((training as Knowledge).answers).toMatchObject({labels: Int32Array.from(others, input => labels[input]!)});
  });

  it('sets none of those apart that may be asked about twice to find out what to learn from', () => {
    const {calibrationInputs} = divide(settingApart({agreement: 0.7, share: 0.5}), method, knowledge);
    expect(calibrationInputs).toHaveLength(30);
    expect(Math.min(...calibrationInputs)).toBeGreaterThanOrEqual(5);
  });

  it('divides the same answers in the same way, in memory and on disk', async () => {
    const path = join(await newFolder(), 'knowledge.safetensors');
    await saveKnowledge(path, knowledge);
    const stored = await openKnowledge(path);
    const [own, other] = [divide(recipe, method, knowledge), divide(recipe, method, stored)];
    expect(other.calibrationInputs).toEqual(own.calibrationInputs);
    expect(countOf(other.training)).toBe(countOf(own.training));
    const rows = [50, 0, 7];
    expect(await inputsAt(other.training, rows)).toEqual(await inputsAt(own.training, rows));
    expect(await answersAt(other.training, rows)).toEqual(await answersAt(own.training, rows));
    await stored.close();
    await rm(path);
  });

  it('keeps versions of one input together', () => {
    const {training, calibrationInputs} = divide(recipe, method, {...knowledge, versions: 3});
    expect(calibrationInputs.length).toBe(9);
    const all = hashesOf(knowledge.inputs);
    const kept = hashesOf((training as Knowledge).inputs).map(hash => all.indexOf(hash));
    expect(kept).toHaveLength(60 - 27);
    for (const input of calibrationInputs)
      for (const version of [0, 1, 2]) expect(kept).not.toContain(3 * input + version);
  });

  it('lets all train if nothing is promised, or if the answers are too few to prove it', () => {
    for (const calibration of [undefined, {}, {agreement: 0.97}]) {
      const divided = divide(settingApart(calibration), method, knowledge);
      expect(divided).toEqual({training: knowledge, calibrationInputs: [], unanswered: 0});
    }
  });

  it('takes those that were set apart when they were asked about, and no others', () => {
    const {training, calibrationInputs} = divide(recipe, method, {...knowledge, calibrationInputs: [3, 1, 59]});
    expect(calibrationInputs).toEqual([3, 1, 59]);
    expect(countOf(training)).toBe(57);
    expect(training.calibrationInputs).toBeUndefined();
  });

  it('draws inputs without an answer as often as those with one', () => {
    const {calibrationInputs, unanswered} = divide(recipe, method, {...knowledge, unanswered: 60});
    expect(calibrationInputs.length + unanswered).toBe(9);
    expect(unanswered).toBeGreaterThan(1);
    expect(unanswered).toBeLessThan(9);
    expect(divide(recipe, method, {...knowledge, unanswered: 0}).unanswered).toBe(0);
  });

  it('refuses to calibrate by inputs that were chosen', () => {
    const chosen = {...method, select: {by: margin()}};
    expect(() => divide(recipe, chosen, knowledge)).toThrow(InputError);
    expect(() => divide(recipe, chosen, knowledge)).toThrow('Run `limbeck label` again');
    expect(divide(settingApart({}), chosen, knowledge).calibrationInputs).toEqual([]);
  });
});
