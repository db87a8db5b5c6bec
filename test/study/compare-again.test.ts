import {access} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {degrade} from '../../src/ask/compose/degrade.ts';
import {inputAt} from '../../src/data/inputs.ts';
import {drawExamples} from '../../src/data/split.ts';
import {KnowledgeError} from '../../src/errors.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {compare} from '../../src/study/compare.ts';
import {readResults} from '../../src/study/read-results.ts';
import type {StudyOptions, StudyProgress} from '../../src/study/study.ts';
import {
  callsOf,
  methods,
  spied,
  startedTinyModel,
  studentFolder,
  studyPlaces,
  tinyData,
  tinyRecipe,
  tinyTeachers,
  transferSize,
} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

describe('compare offline', () => {
  it('works from the cache, and after a deletion names what is missing and asks nobody', async () => {
    const where = await places();
    await compare(tinyRecipe(tinyTeachers(model), {seeds: [1]}), where);
    const again = {...where, directory: join(where.directory, 'again'), record: 'none' as const};
    const teachers = tinyTeachers(model);
    const recipe = tinyRecipe(teachers, {seeds: [1]});
    const {ledger} = await compare(recipe, again);
    expect(ledger).toMatchObject({bought: 0, calls: 0});

    const {inputs} = drawExamples(tinyData().train, recipe.transfer);
    const key = answerKey(teachers['gray-box'].identity, {input: inputAt(inputs, 11)});
    const store = openAnswerStore({path: where.cache});
    expect(await store.delete(key)).toBe(true);
    await store.close();
    const failing = compare(recipe, again);
    await expect(failing).rejects.toThrow(KnowledgeError);
    await expect(failing).rejects.toThrow(new RegExp(`left 1 of ${transferSize} .*\\n  input 11: .*${key}.*--offline`));
    expect(callsOf(teachers)).toBe(0);
  });

  it('fails from an empty cache before it trains anything', async () => {
    const where = await places();
    await expect(compare(tinyRecipe(tinyTeachers(model)), {...where, record: 'none' as const})).rejects.toThrow(
      KnowledgeError,
    );
    await expect(access(join(where.directory, 'students'))).rejects.toThrow('ENOENT');
  });
});

describe('compare against an earlier study', () => {
  it('lays it beside the new one, whose files may take its place', async () => {
    const where = await places();
    const few = methods.slice(0, 3);
    const first = await compare(tinyRecipe(tinyTeachers(model), {methods: few, seeds: [1]}), where);
    expect(first.earlier).toBeUndefined();
    const changes = {methods: methods.slice(1, 4), seeds: [1]};
    const {earlier} = await compare(tinyRecipe(tinyTeachers(model), changes), {...where, against: where.directory});
    expect(earlier).toMatchObject({name: 'tiny', finishedAt: first.finishedAt});
    // The students of both methods are the kept ones.
    expect(earlier!.changes.map(({method, difference}) => [method, difference])).toEqual([
      ...[
        ['labels', 0],
        ['top 2', 0],
      ],
      ...[
        ['labels', 0],
        ['top 2', 0],
      ],
    ]);
    expect(earlier!.differences).toEqual([
      'Not the same in both studies: the answers.',
      'Only this study has “all, T=2 (gray-box)”.',
      'Only the earlier study has “truth”.',
    ]);
    expect((await readResults(where.directory)).earlier).toMatchObject({name: 'tiny'});
  });

  it('asks nobody if it cannot be read', async () => {
    const teachers = tinyTeachers(model);
    const where = await places();
    const failing = compare(tinyRecipe(teachers), {...where, against: where.directory});
    await expect(failing).rejects.toThrow(
      /results\.json is not there|is not there\. Give the `results\.json` of a study/,
    );
    expect(callsOf(teachers)).toBe(0);
  });
});

describe('compare stopped in the middle', () => {
  it('keeps every answer that was bought, and the next run asks only for the others', async () => {
    const where = await places();
    const stop = new AbortController();
    const first = tinyTeachers(model);
    const gray = degrade(asTeacher(model, {maxBatch: 8}), {access: 'gray-box', detail: {kind: 'log-probabilities'}});
    const stopping = spied(gray, call => call === 3 && stop.abort());
    const recipe = tinyRecipe({...first, 'gray-box': stopping}, {seeds: [1]});
    await expect(compare(recipe, {...where, signal: stop.signal})).rejects.toThrow(/abort/);

    const store = openAnswerStore({path: where.cache});
    expect(await store.count()).toBe(first['black-box'].queried.length + stopping.queried.length);
    await store.close();

    const second = tinyTeachers(model);
    const {ledger} = await compare(tinyRecipe(second, {seeds: [1]}), where);
    // The ledger is that of the study, whichever of its processes bought an answer.
    expect(ledger.byLevel).toMatchObject({'black-box': {bought: 40, calls: 5}, 'gray-box': {bought: 40, cached: 0}});
    expect([second['black-box'].calls.count, second['gray-box'].calls.count]).toEqual([0, 2]);
    const asked = [...stopping.queried, ...second['gray-box'].queried];
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked).toHaveLength(transferSize);
  });

  it('stops between the batches of a teacher that computes in this very process', async () => {
    const stop = new AbortController();
    const teachers = tinyTeachers(model);
    const white = spied(asTeacher(model, {maxBatch: 1}));
    const recipe = tinyRecipe({...teachers, 'white-box': white}, {methods: methods.slice(4), seeds: [1]});
    let begun = false;
    const onProgress = ({task, done}: StudyProgress): void => {
      if (task !== 'ask white-box' || done === 0 || begun) return;
      begun = true;
      // As a signal comes: when the process has its turn, and not before.
      setImmediate(() => stop.abort());
    };
    const options = {...(await places()), signal: stop.signal, onProgress} satisfies StudyOptions;
    await expect(compare(recipe, options)).rejects.toThrow(/abort/);
    expect(white.queried.length).toBeLessThan(transferSize);
  });

  it('stops in the middle of training too', async () => {
    const stop = new AbortController();
    const where = await places();
    const onProgress = ({task, done}: StudyProgress): void => {
      // Two students are done, and the third is at work.
      if (task.startsWith('train') && done > 2.3) stop.abort();
    };
    const options = {...where, signal: stop.signal, onProgress};
    await expect(compare(tinyRecipe(tinyTeachers(model)), options)).rejects.toThrow(/abort/);
    await access(studentFolder(where.directory, 'truth', 2));
    await expect(access(studentFolder(where.directory, 'labels', 1))).rejects.toThrow('ENOENT');
    await expect(access(join(where.directory, 'results.json'))).rejects.toThrow('ENOENT');
  });
});
