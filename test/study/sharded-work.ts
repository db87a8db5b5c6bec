import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect} from 'vitest';
import {textShards} from '../../src/data/shards/dataset.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {withSavedKnowledge} from '../../src/study/knowledge.ts';
import {type LabelledInShards, labelInShards} from '../../src/study/label-shards.ts';
import {learn} from '../../src/study/run.ts';
import {openStudy, type Study, type StudyOptions} from '../../src/study/study.ts';
import type {Teacher} from '../../src/teacher.ts';
import {writeLines} from '../data/shards/shard-files.ts';

export const TEXTS = Array.from({length: 250}, (_, row) => `text ${row} of ${'many '.repeat(row % 7)}`);

export const rows = (count: number) => Array.from({length: count}, (_, row) => row);

export const PARITIES: readonly string[] = ['even', 'odd'];

interface ParityOptions {
  readonly maxBatch: number;
  /** @default every text is answered */
  readonly isBroken?: (text: string) => boolean;
}

/** A teacher in this process, which tells whether the length of a text is even. It notes each text in `asked`. */
export function parityTeacher(
  asked: string[],
  {maxBatch, isBroken = () => false}: ParityOptions,
): Teacher<'black-box'> {
  return {
    ...{name: 'parity', identity: {}, access: 'black-box', classes: PARITIES, detail: {kind: 'label'}, maxBatch},
    ask: async queries =>
      queries.map(({input}) => {
        const {text} = input as {readonly text: string};
        asked.push(text);
        return isBroken(text) ? {error: new Error('This one not.')} : {answer: {kind: 'label', label: text.length % 2}};
      }),
  };
}

/** A recipe about `TEXTS` in shards, in a folder of its own that is removed after the file's tests. */
export function shardedWork() {
  let folder: string;
  /** Texts that begin with it have no answer. */
  let broken: string | undefined;
  const at = (path: string) => join(folder, path);
  const asked: string[] = [];
  const parity = parityTeacher(asked, {
    maxBatch: 10,
    isBroken: text => broken !== undefined && text.startsWith(broken),
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-sharded-work-'));
    await writeLines(at('texts.jsonl'), TEXTS);
    await writeLines(at('test.jsonl'), ['to measure by', 'and another']);
  });
  afterAll(() => rm(folder, {recursive: true}));

  const recipe: Recipe = {
    name: 'sharded',
    data: () => textShards({path: at('texts.jsonl'), test: at('test.jsonl'), classes: PARITIES, index: at('index')}),
    transfer: {size: 250},
    teachers: {'black-box': () => parity},
    student: hashedNgrams({units: [4], buckets: 256}),
    methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
    seeds: [1],
    training: {epochs: 2, batchSize: 32},
  };

  async function inStudy<T>(
    options: StudyOptions,
    held: 'all' | 'sample',
    use: (study: Study) => Promise<T>,
  ): Promise<T> {
    asked.length = 0;
    const study = await openStudy(await resolveRecipe(recipe, held), ['black-box'], options);
    return use(study).finally(() => study.close());
  }

  return {
    at,
    recipe,
    /** The texts that the teacher was asked about in the latest study. */
    asked,
    /** The teacher can't answer texts that begin so. */
    breakAt(text: string | undefined) {
      broken = text;
    },
    inStudy,
    placesFor: (name: string) => ({directory: at(`${name}/out`), cache: at(`${name}/answers`)}),
    /** Labels the texts in shards of a hundred. */
    labelled: (options: StudyOptions) =>
      inStudy(options, 'sample', async study => {
        const found = await labelInShards(study, study.recipe.queryPlans[0]!, new Map(), 100);
        return found as LabelledInShards;
      }),
    /** The weights of the student that `train` makes. */
    trained: (options: StudyOptions) =>
      inStudy(options, 'sample', async study => {
        const [method] = study.recipe.methods;
        const {directory} = await withSavedKnowledge(study, method!, saved => learn(study, saved, 1, {}));
        const files = (await readdir(directory)).filter(file => file.endsWith('.bin')).sort();
        expect(files.length).toBeGreaterThan(0);
        return Promise.all(files.map(file => readFile(join(directory, file), 'base64')));
      }),
  };
}
