import {beforeAll, describe, expect, it, vi} from 'vitest';
import {type Inputs, inputAt} from '../../src/data/inputs.ts';
import {randomNormals, seededRandom} from '../../src/data/random.ts';
import type {UnlabelledDataset} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {mlp} from '../../src/student/mlp.ts';
import {Assistants} from '../../src/study/assistants.ts';
import {compare} from '../../src/study/compare.ts';
import {assistantSentence} from '../../src/study/report/sentences.ts';
import {Trainer} from '../../src/study/training.ts';
import type {Input, Query, Teacher} from '../../src/teacher.ts';
import {studyPlaces} from './tiny.ts';

const classes = ['same', 'different'];
const width = 4;

/** Numbers of which the first two have the same sign, or not: no line divides them. */
function inputs(count: number, seed: number): Inputs & {readonly kind: 'tensor'} {
  const data = Float32Array.from(randomNormals(seededRandom(seed, 'inputs'), count * width));
  return {kind: 'tensor', dtype: 'float32', shape: [width], count, data};
}

function classOf(input: Input): number {
  if (input.kind !== 'tensor') throw new TypeError(input.kind);
  return input.data[0]! * input.data[1]! > 0 ? 0 : 1;
}

function signOf(input: Input): number {
  return (input as {readonly data: Float32Array}).data[0]! > 0 ? 0 : 1;
}

function numbersOf(input: Input): string {
  return (input as {readonly data: Float32Array}).data.join();
}

const [train, test] = [inputs(200, 1), inputs(60, 2)];
// The first inputs of the test split are in the training split, too.
train.data.set(test.data.subarray(0, 10 * width));

function data(): UnlabelledDataset {
  return {classes, train: {role: 'train', inputs: train}, test: {role: 'test', inputs: test}};
}

const teacher: Teacher<'black-box'> = {
  name: 'a labeller',
  identity: {service: 'labeller'},
  access: 'black-box',
  classes,
  detail: {kind: 'label'},
  maxBatch: 100,
  ask: async queries => queries.map(({input}) => ({answer: {kind: 'label', label: classOf(input)}})),
};

/** A local model of another task. Its feature tells what the teacher goes by, among other things. */
function modelOf(asked: Query[] = []): Teacher<'white-box'> {
  return {
    name: 'a local model',
    identity: {weights: 'local'},
    access: 'white-box',
    classes: ['cat', 'dog'],
    detail: {kind: 'logits', features: ['pool']},
    maxBatch: 50,
    async ask(queries) {
      asked.push(...queries);
      return queries.map(({input}) => {
        const values = Float32Array.of(classOf(input) === 0 ? 1 : -1, 0.5, (input as {data: Float32Array}).data[2]!);
        return {answer: {kind: 'logits', logits: Float32Array.of(0, 0), features: {pool: {shape: [3], values}}}};
      });
    },
  };
}

function recipe(changes: Partial<Recipe> = {}): Recipe {
  return {
    name: 'features',
    data,
    transfer: {size: 40},
    teachers: {'black-box': () => teacher},
    student: mlp({units: [8]}),
    methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
    seeds: [1],
    training: {epochs: 4},
    assistant: {model: () => modelOf(), feature: 'pool'},
    ...changes,
  };
}

beforeAll(startEngine);

describe('an assistant that reads a feature of a local model', () => {
  const places = studyPlaces();

  it('labels the inputs that nobody was asked about, but none of the test split, and is better than the inputs alone', async () => {
    const asked: Query[] = [];
    const {rows, ledger} = await compare(
      recipe({assistant: {model: () => modelOf(asked), feature: 'pool'}}),
      await places(),
    );
    const {assistant, agreement} = rows[0]!;
    expect(assistant).toMatchObject({
      encoder: 'pool of a local model',
      answers: 40,
      plainly: 'numbers',
      knowsNames: false,
    });
    expect(assistant!.agreement).toBeGreaterThan(0.95);
    expect(assistant!.plainAgreement).toBeLessThan(0.75);
    // Inputs of the test split that were drawn to be asked about are learned from, as without an assistant.
    expect(assistant!.further).toBeGreaterThanOrEqual(150);
    expect(assistant!.further).toBeLessThanOrEqual(160);
    expect(ledger).toMatchObject({bought: 40, calls: 1});
    const measured = new Set(Array.from({length: 50}, (_, row) => numbersOf(inputAt(test, 10 + row))));
    expect(asked.filter(({input}) => measured.has(numbersOf(input)))).toEqual([]);
    expect(assistantSentence('labels', assistant!)).toContain('logistic regression on the inputs themselves');
    const without = await compare(recipe({assistant: undefined}), await places());
    expect(agreement).toBeGreaterThan(without.rows[0]!.agreement);
  });

  it('computes no feature twice, over all runs', async () => {
    const place = await places();
    const counts: number[] = [];
    for (const seed of [1, 2]) {
      const asked: Query[] = [];
      await compare(recipe({seeds: [seed], assistant: {model: () => modelOf(asked), feature: 'pool'}}), place);
      counts.push(asked.length);
    }
    // The first one tells how long the feature is.
    expect(counts[1]).toBe(1);
    expect(counts[0]).toBeLessThanOrEqual(201);
  });

  it('calibrates in three parts if it teaches, and in five if it is left out, and is fitted once for each set of answers', async () => {
    // The feature says nothing of the sign of one number, which logistic regression on the inputs themselves finds.
    const signs: typeof teacher = {
      ...teacher,
      ask: async queries => queries.map(({input}) => ({answer: {kind: 'label', label: signOf(input)}})),
    };
    const trained = vi.spyOn(Trainer.prototype, 'train');
    const taught = vi.spyOn(Assistants.prototype, 'teach');
    const trialsWith = async (teacher: Teacher<'black-box'>) => {
      trained.mockClear();
      taught.mockClear();
      const {rows} = await compare(recipe({teachers: {'black-box': () => teacher}, calibration: {}}), await places());
      const fits = new Set(taught.mock.results.map(({value}) => value));
      const teaches = rows[0]!.assistant!.weight > 0;
      return {teaches, trained: trained.mock.calls.length, fits: fits.size};
    };
    try {
      expect(await trialsWith(teacher)).toEqual({teaches: true, trained: 3 + 1, fits: 3 + 1});
      expect(await trialsWith(signs)).toEqual({teaches: false, trained: 5 + 1, fits: 5 + 1});
    } finally {
      vi.restoreAllMocks();
    }
  });

  it('is refused before anything is asked, if its inputs or its model do not fit', async () => {
    const refused = async (changes: Partial<Recipe>) => {
      const silent = {...teacher, ask: () => Promise.reject(new Error('asked'))};
      return compare(recipe({teachers: {'black-box': () => silent}, ...changes}), await places());
    };
    await expect(refused({assistant: {model: () => modelOf(), feature: 'head'}})).rejects.toThrow(
      'a local model shows no feature `head`, but pool',
    );
    await expect(refused({assistant: {encoder: 'all-minilm-l6-v2'}})).rejects.toThrow('Give it `model` and `feature`');
    const hosted = {...modelOf(), service: {account: 'a', reader: 1, read: () => []}};
    await expect(refused({assistant: {model: () => hosted, feature: 'pool'}})).rejects.toThrow(
      'must be a model in this process',
    );
    const texts = {kind: 'text', count: 3, texts: ['a', 'b', 'c']} as const;
    const ofTexts = () =>
      ({classes, train: {role: 'train', inputs: texts}, test: {role: 'test', inputs: texts}}) as const;
    await expect(refused({data: ofTexts, transfer: {size: 2}})).rejects.toThrow('Give it an `encoder`');
  });
});
