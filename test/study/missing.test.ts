import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {drawExamples} from '../../src/data/split.ts';
import {noise} from '../../src/data/view.ts';
import {BudgetError, InputError, KnowledgeError, TeacherError} from '../../src/errors.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import type {Method} from '../../src/recipe/recipe.ts';
import {compare} from '../../src/study/compare.ts';
import {withSavedKnowledge} from '../../src/study/knowledge.ts';
import {type AnsweredMethod, changed} from '../../src/study/methods.ts';
import {renderReport} from '../../src/study/report/page.ts';
import type {Results} from '../../src/study/results.ts';
import {resultsTable} from '../../src/study/table.ts';
import type {Access, Outcome, Teacher} from '../../src/teacher.ts';
import {
  hashesOf,
  hashOf,
  methods,
  openRecipe,
  startedTinyModel,
  studyPlaces,
  type TinyTeachers,
  tinyData,
  tinyRecipe,
  tinyTeachers,
  transferSize,
} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();
const {train, test} = tinyData();
/** In the order in which they are drawn. */
const drawn = drawExamples(train, {size: transferSize});
const hashes = {drawn: hashesOf(drawn.inputs), test: hashesOf(test.inputs)};

/** The same teacher, which answers nothing to some inputs. */
function silentOn<A extends Access>(teacher: Teacher<A>, silent: readonly string[], error?: Error): Teacher<A> {
  const wrong = error ?? new TeacherError(teacher.name, 'It says "rihgt".', {unreadable: true});
  return {
    ...teacher,
    async ask(queried, options) {
      const outcomes = await teacher.ask(queried, options);
      return outcomes.map(
        (outcome, row): Outcome<A> => (silent.includes(hashOf(queried[row]!.input)) ? {error: wrong} : outcome),
      );
    },
  };
}

const allowMissing = 0.1;

describe('a study whose teachers leave inputs without an answer', () => {
  const [blackLacks, grayLacks] = [hashes.drawn.slice(3, 5), hashes.drawn.slice(4, 6)];
  const lacking = hashes.drawn.slice(3, 6);
  const left = hashes.drawn.filter(hash => !lacking.includes(hash));

  function teachers(): TinyTeachers {
    const all = tinyTeachers(model);
    return {
      'black-box': {...all['black-box'], ...silentOn(all['black-box'], blackLacks)},
      'gray-box': {...all['gray-box'], ...silentOn(all['gray-box'], grayLacks)},
      'white-box': {...all['white-box'], ...silentOn(all['white-box'], hashes.test.slice(0, 2))},
    };
  }

  it('teaches every method from the same inputs, true labels too, and says how many are left out', async () => {
    const where = await places();
    const notes: string[] = [];
    const options = {...where, allowMissing, onNote: (note: string) => void notes.push(note)};
    const results = await compare(tinyRecipe(teachers()), options);
    expect(new Set(results.rows.map(({budget}) => budget))).toEqual(new Set([37]));
    for (const level of ['black-box', 'gray-box', 'white-box']) {
      const {inputs} = await loadKnowledge(join(where.directory, 'knowledge', `${level}.safetensors`));
      expect(hashesOf(inputs)).toEqual(left);
    }
    expect(results.missing).toEqual({
      transfer: {count: 3, total: 40, share: 0.075},
      test: {count: 2, total: 30, share: 2 / 30},
    });
    expect(notes.filter(note => note.includes('without an answer'))).toMatchObject(
      [
        /left 2 of 40 inputs without an answer:\n {2}input 3: .*"rihgt".*\n.*\nThat is 5\.00 %; `--allow-missing` allows 10\.00 %\./,
        /left 2 of 40/,
        /left 2 of 30 inputs.*\n.*\n.*\nThat is 6\.67 %; .* Nothing is measured on them\./,
      ].map(pattern => expect.stringMatching(pattern)),
    );
  });

  it('gives a worker process the same true labels', async () => {
    const study = await openRecipe(tinyRecipe(tinyTeachers(model)), [], await places());
    const use = async ({knowledge}: AnsweredMethod) => hashesOf((knowledge as Knowledge).inputs);
    const [method] = study.recipe.methods;
    expect(await withSavedKnowledge(study, changed(method!, {leftOut: [3, 4, 5]}), use)).toEqual(left);
    expect(await withSavedKnowledge(study, method!, use)).toEqual(hashes.drawn);
    await study.close();
  });

  it('measures on what was answered, and gives the bounds of every agreement', async () => {
    const one = {methods: methods.slice(1, 2), seeds: [1]};
    const measured = await compare(tinyRecipe(teachers(), one), {...(await places()), allowMissing});
    const [{agreement, agreementBounds}] = measured.rows as [Results['rows'][number]];
    expect(agreement * 28).toBeCloseTo(Math.round(agreement * 28), 9);
    expect(agreementBounds).toEqual([expect.closeTo((agreement * 28) / 30), expect.closeTo((agreement * 28 + 2) / 30)]);
    const sentence = '2 of 30 test inputs were left without an answer, and nothing is measured on them.';
    expect(resultsTable(measured)).toContain(sentence);
    expect(renderReport(measured)).toContain(sentence);
  });

  it('fails if a level lacks more than is allowed, and names inputs and a way on', async () => {
    const failing = compare(tinyRecipe(teachers()), {...(await places()), allowMissing: 0.04});
    await expect(failing).rejects.toThrow(
      /left 2 of 40 inputs without an answer:\n {2}input 3: .*\n.*\nThat is 5\.00 %; `--allow-missing` allows 4\.00 %\./,
    );
    await expect(compare(tinyRecipe(teachers()), await places())).rejects.toThrow(KnowledgeError);
  });

  it('fails if the levels together lack more than is allowed', async () => {
    const failing = compare(tinyRecipe(teachers()), {...(await places()), allowMissing: 0.06});
    await expect(failing).rejects.toThrow('Together the levels left 3 of 40 inputs without an answer (7.50 %)');
  });

  it('fails at the end of a budget, however much may be missing', async () => {
    const all = tinyTeachers(model);
    const spent = silentOn(all['black-box'], hashes.drawn.slice(0, 1), new BudgetError('The budget is spent.'));
    const recipe = tinyRecipe({...all, 'black-box': {...all['black-box'], ...spent}});
    await expect(compare(recipe, {...(await places()), allowMissing: 1})).rejects.toThrow('The budget is spent.');
  });

  it('leaves out all versions of an input', async () => {
    const all = tinyTeachers(model);
    const views: Method = {
      level: 'gray-box',
      method: 'views',
      views: {view: noise({deviation: 20}), count: 2},
      losses: [softLabels()],
    };
    const labels: Method = {level: 'black-box', method: 'labels', losses: [hardLabels()]};
    const truth = methods[0]!;
    const black = silentOn(all['black-box'], blackLacks);
    const recipe = tinyRecipe(
      {...all, 'black-box': {...all['black-box'], ...black}},
      {
        methods: [truth, labels, views],
        seeds: [1],
      },
    );
    const results = await compare(recipe, {...(await places()), allowMissing});
    expect(results.rows.map(({budget}) => budget)).toEqual([38, 38, 3 * 38]);
  });

  it('refuses a share that is none before anybody is asked', async () => {
    const failing = compare(tinyRecipe(tinyTeachers(model)), {...(await places()), allowMissing: 2});
    await expect(failing).rejects.toThrow(InputError);
  });
});
