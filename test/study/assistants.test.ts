import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {UnlabelledDataset} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {AssistantReading} from '../../src/study/assistant-reading.ts';
import {Assistants} from '../../src/study/assistants.ts';
import {compare} from '../../src/study/compare.ts';
import {assistantSentence, nextSentence} from '../../src/study/report/sentences.ts';
import {resultsTable} from '../../src/study/table.ts';
import {fakeTeacher} from '../ask/fake-teacher.ts';
import {asInputs, classes, filmTeacher} from './film-texts.ts';
import {studentFolder, studyPlaces} from './tiny.ts';

const encoder = join(import.meta.dirname, '../fixtures/encoder/bert');
const numbers = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** Texts about a film or about money. */
function texts(start: number, end: number): string[] {
  return Array.from({length: end - start}, (_, index) => {
    const [first, second] = [(start + index) % 10, Math.floor((start + index) / 10)];
    const about = index % 2 === 0 ? 'film film film film' : 'money money account money';
    return `${about} ${numbers[first]} ${numbers[second % 10]}`;
  });
}

/** 70 texts to train on, 20 to test, of which 5 are among the others. */
function data(): UnlabelledDataset {
  const train = texts(0, 70);
  const test = [...texts(80, 95), ...train.slice(65)];
  return {classes, train: {role: 'train', inputs: asInputs(train)}, test: {role: 'test', inputs: asInputs(test)}};
}

const asked = new Set<string>();
const teacher = filmTeacher(asked);

/** The texts of the training split that nobody was asked about. */
function unasked(): number {
  return texts(0, 70).filter(text => !asked.has(text)).length;
}

function recipe(changes: Partial<Recipe> = {}): Recipe {
  return {
    name: 'assisted',
    data,
    transfer: {size: 30},
    teachers: {'black-box': () => teacher},
    student: hashedNgrams({buckets: 256, units: [4]}),
    methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
    seeds: [1],
    training: {epochs: 3},
    assistant: {encoder},
    ...changes,
  };
}

beforeAll(startEngine);

describe('a study with an assistant', () => {
  const places = studyPlaces();

  it('learns from its labels of the texts that nobody was asked about, but not of the test split', async () => {
    const place = await places();
    const results = await compare(recipe(), place);
    const {assistant} = results.rows[0]!;
    expect(assistant).toMatchObject({answers: 30, further: unasked()});
    // Those of the test split were asked about, to measure.
    expect(unasked()).toBeLessThan(40);
    expect(assistant!.encoder).toBe(encoder);
    expect(assistant!.agreement).toBeGreaterThan(0.5);
    expect(results.ledger.bought).toBe(30);
    expect(resultsTable(results)).toContain(assistantSentence('labels', assistant!));
    const {next} = results.rows[0]!;
    expect(next).toMatchObject({answers: 30, confidence: 0.9, encoder});
    expect(resultsTable(results)).toContain(nextSentence('labels', next!));
    const saved = await readFile(join(studentFolder(place.directory, 'labels', 1), 'limbeck.json'), 'utf8');
    expect(JSON.parse(saved).madeBy.assistant).toEqual(assistant);
    expect(existsSync(join(dirname(place.cache), 'encodings'))).toBe(true);
  });

  it('has another student than without, and the same with the same seed', async () => {
    const agreements = async (changes: Partial<Recipe>) =>
      (await compare(recipe(changes), await places())).rows[0]!.nll;
    const [first, second, without] = [
      await agreements({}),
      await agreements({}),
      await agreements({assistant: undefined}),
    ];
    expect(second).toBe(first);
    expect(without).not.toBe(first);
  });

  it('trains nothing anew if nothing has changed, and all if the assistant has', async () => {
    const place = await places();
    const notes: string[] = [];
    const options = {...place, onNote: (note: string) => notes.push(note)};
    await compare(recipe(), options);
    await compare(recipe(), options);
    expect(notes.filter(note => note.includes('kept'))).toEqual(['Trains 0 students; 1 other of this study is kept.']);
    await compare(recipe({assistant: {encoder, unlabelled: 5}}), options);
    expect(notes.filter(note => note.includes('kept'))).toHaveLength(1);
  });

  it('labels no text whose answer calibrates, and at most as many as the recipe says', async () => {
    const calibration = {agreement: 0.6, folds: 2, share: 0.4};
    const {rows} = await compare(recipe({calibration}), await places());
    expect(rows[0]!.assistant).toMatchObject({answers: 18, further: unasked()});
    const few = await compare(recipe({assistant: {encoder, unlabelled: 10}}), await places());
    expect(few.rows[0]!.assistant).toMatchObject({answers: 30, further: 10});
  });

  it('refuses, before anything is asked, inputs that are no texts, and an encoder that is not there', async () => {
    const vectors = {kind: 'tensor', dtype: 'float32', shape: [1], count: 3, data: Float32Array.of(1, 2, 3)} as const;
    const numbers: Recipe['data'] = () => ({
      classes,
      train: {role: 'train', inputs: vectors},
      test: {role: 'test', inputs: vectors},
    });
    const teachers = {
      'black-box': () => fakeTeacher({access: 'black-box', detail: {kind: 'label'}, classes}, () => []),
    };
    await expect(
      compare(recipe({data: numbers, teachers, transfer: {size: 3}, student: mlp()}), await places()),
    ).rejects.toThrow('`assistant` reads texts, but the inputs are tensors. Give it `model` and `feature`.');
    await expect(compare(recipe({teachers, assistant: {encoder: 'nowhere'}}), await places())).rejects.toThrow(
      'nowhere',
    );
  });

  it('is fitted once for all students that learn from the same answers', async () => {
    const inputs = asInputs(texts(0, 20));
    const known: Knowledge = {
      source: {access: 'black-box', identity: {}},
      classes,
      detail: {kind: 'label'},
      inputs,
      answers: {kind: 'label', count: 20, labels: Int32Array.from({length: 20}, (_, row) => row % 2)},
    };
    const reading: AssistantReading = {
      name: 'parity',
      identity: {},
      encode: async ({count}) =>
        Float32Array.from({length: 2 * count}, (_, at) => (at % 4 === 0 || at % 4 === 3 ? 1 : 0)),
      namesOf: async () => undefined,
      plainOf: ({count}) => ({kind: 'words', texts: Array.from({length: count}, () => Int32Array.of(0)), buckets: 8}),
      vectorsOf: () => undefined,
      close: async () => {},
    };
    const assistants = new Assistants({}, {data: data(), transfer: {size: 20}}, reading);
    const taught = await assistants.teach(known, known, 1);
    expect(await assistants.teach(known, known, 1)).toBe(taught);
    expect(await assistants.teach(known, known, 2)).not.toBe(taught);
    const other = await assistants.teach({...known}, known, 1);
    expect(other).not.toBe(taught);
    expect(other.use).toEqual(taught.use);
  });
});
