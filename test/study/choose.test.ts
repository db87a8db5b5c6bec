import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {loadStudent} from '../../src/student/files.ts';
import {mlp} from '../../src/student/mlp.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {chooseAmong} from '../../src/study/choose.ts';
import {compare} from '../../src/study/compare.ts';
import {resultsTable} from '../../src/study/table.ts';
import {methods, startedTinyModel, studentFolder, studyPlaces, tinyRecipe, tinyTeachers} from './tiny.ts';

beforeAll(startEngine);

describe('chooseAmong', () => {
  const labels = [0, 1, 1, 0];
  /** One that names these classes, sure of them or not. */
  const tried = (name: string, named: readonly number[], sure = 1) => ({
    name,
    parameters: 3,
    fit: {labels, logits: Float32Array.from(named.flatMap(label => (label === 0 ? [sure, 0] : [0, sure])))},
  });

  it('chooses the one that agrees most often, whatever it is sure of', () => {
    expect(chooseAmong([tried('half', [0, 1, 0, 1], 9), tried('most', [0, 1, 1, 1], 0.1)], 2)).toEqual({
      chosen: 1,
      candidates: [
        {name: 'half', parameters: 3, agreement: 0.5},
        {name: 'most', parameters: 3, agreement: 0.75},
      ],
    });
  });

  it('chooses the first of those that agree as often', () => {
    const {chosen} = chooseAmong([tried('none', [1, 0, 0, 1]), tried('a', labels), tried('b', labels)], 2);
    expect(chosen).toBe(1);
  });
});

describe('a study of several students', () => {
  const places = studyPlaces();
  const hopeless = mlp({units: [1]});
  const able = mlp({units: [24]});
  const changes = {methods: methods.slice(1, 2), seeds: [1, 2]};

  it('trains in each run the one chosen, as a study of that one alone, and says which and by what', async () => {
    const teachers = tinyTeachers(await startedTinyModel());
    const [both, alone] = [await places(), await places()];
    const calibration = {folds: 3};
    const shares: number[] = [];
    const results = await compare(tinyRecipe(teachers, {...changes, student: [hopeless, able], calibration}), {
      ...both,
      onProgress: ({task, done, total}) => task.startsWith('train') && shares.push(done / total),
    });
    const single = await compare(tinyRecipe(teachers, {...changes, student: able, calibration}), alone);
    for (const [index, {choice, agreement}] of results.rows.entries()) {
      expect(choice!.chosen).toBe(1);
      expect(choice!.candidates.map(({parameters}) => parameters)).toEqual([16 + 1 + 3 + 3, 16 * 24 + 24 + 24 * 3 + 3]);
      expect(choice!.candidates[1]!.agreement).toBeGreaterThan(choice!.candidates[0]!.agreement);
      expect(agreement).toBe(single.rows[index]!.agreement);
      expect(single.rows[index]!.choice).toBeUndefined();
    }
    const [chosen, same] = await Promise.all(
      [both, alone].map(({directory}) => loadStudent(studentFolder(directory, changes.methods[0]!.method, 1))),
    );
    expect(weightsHash(chosen!)).toBe(weightsHash(same!));
    // Its own answers calibrate it, not those of the other.
    expect(chosen!.calibration).toEqual(same!.calibration);
    expect(results.students).toHaveLength(2);
    expect([...shares].sort((a, b) => a - b)).toEqual(shares);
    expect(resultsTable(results)).toMatch(
      /chose its student by agreement in cross-validation: mlp \(23 parameters\) [\d.]+\s%, chosen by 0 of 2 runs; mlp \(483/,
    );
    expect(resultsTable(single)).not.toContain('cross-validation');
  });

  it('chooses without a calibration, too, in five parts, and keeps the choice with the student', async () => {
    const teachers = tinyTeachers(await startedTinyModel());
    const place = await places();
    const {rows} = await compare(tinyRecipe(teachers, {...changes, seeds: [1], student: [able, hopeless]}), place);
    expect(rows[0]!.choice!.chosen).toBe(0);
    const folder = studentFolder(place.directory, changes.methods[0]!.method, 1);
    expect((await loadStudent(folder)).calibration).toBeUndefined();
    const {madeBy} = JSON.parse(await readFile(join(folder, 'limbeck.json'), 'utf8'));
    expect(madeBy.choice).toEqual(rows[0]!.choice);
  });

  it('refuses, before anything is asked, several of which one does not fit', async () => {
    const teachers = tinyTeachers(await startedTinyModel());
    const image = (): never => {
      throw new Error('It does not fit.');
    };
    await expect(compare(tinyRecipe(teachers, {...changes, student: [able, image]}), await places())).rejects.toThrow(
      'It does not fit.',
    );
    expect(teachers['black-box'].queried).toEqual([]);
  });
});
