/** Texts with labels, which stand for the answers of a teacher. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {defineRecipe, hardLabels, type Input, type Method, type Recipe} from 'limbeck';
import {callable} from 'limbeck/adapters/callable';
import {shuffledIndices} from '../../../src/data/random.ts';

export interface Row {
  readonly text: string;
  /** Index of a class. */
  readonly label: number;
}

export interface TextSet {
  readonly name: string;
  readonly classes: readonly string[];
  readonly pool: readonly Row[];
  readonly test: readonly Row[];
}

/** The answers that are drawn. Those of a draw are among those of a larger one by the same seed. */
export interface Drawn {
  readonly answers: number;
  readonly seed: number;
}

/** What learns in a recipe. */
export type Taught = Pick<Recipe, 'student' | 'assistant' | 'calibration'>;

/**
 * A recipe whose teacher gives the labels of a set.
 *
 * @param select - how texts to ask about are chosen; at random by default
 */
export function recipeOf(
  {name, classes, pool, test}: TextSet,
  {answers, seed}: Drawn,
  taught: Taught,
  select?: Method['select'],
): Recipe {
  const labels = new Map([...pool, ...test].map(({text, label}) => [text, label]));
  const labelOf = (input: Input): number => labels.get(input.kind === 'text' ? input.text : '')!;
  return defineRecipe({
    name,
    data: () => ({
      classes,
      train: {role: 'train', inputs: inputsOf(pool)},
      test: {role: 'test', inputs: inputsOf(test)},
    }),
    transfer: {size: answers, seed},
    teachers: {
      'black-box': () =>
        // In batches, so that little is spent on asking, which is not what is measured.
        callable({name, version: '1', classes, batch: true, answer: inputs => inputs.map(labelOf)}),
    },
    methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()], ...(select && {select})}],
    seeds: [seed],
    ...taught,
  });
}

const inputsOf = (rows: readonly Row[]) =>
  ({kind: 'text', count: rows.length, texts: rows.map(({text}) => text)}) as const;

/** The most texts of a pool and of a test split, so that encoding takes minutes. */
const [POOL, TEST] = [8000, 3000];

/**
 * SpamAssassin's mails, lines in many languages, and a folder of texts if there is one.
 *
 * @param folder - with `train.jsonl` and `test.jsonl` of lines with `text` and `label`
 */
export async function textSets(folder: string | undefined, names?: readonly string[]): Promise<readonly TextSet[]> {
  const all = [mails, languages, ...(folder === undefined ? [] : [() => fromFolder(folder)])];
  const wanted = ['mails', 'languages', 'folder'].flatMap((name, index) =>
    all[index] && (names?.includes(name) ?? true) ? [all[index]] : [],
  );
  return Promise.all(wanted.map(read => read()));
}

async function mails(): Promise<TextSet> {
  const {classes, readMails} = await import('../../../examples/spam/mails.ts');
  // Half of them, because they are long. Those of one class stand together.
  return cut('mails', classes, readMails(), 3000);
}

/** The tables of the detectors are large, and whatever is in memory costs time at each garbage collection. */
async function languages(): Promise<TextSet> {
  const {detect, classes, languages} = await import('../../../examples/languages/detectors.ts');
  const texts = languages.flatMap(({lines}) => lines);
  return cut(
    'languages',
    classes,
    texts.map(text => ({text, label: detect(text)})),
  );
}

function cut(name: string, classes: readonly string[], all: readonly Row[], most = all.length): TextSet {
  const rows = Array.from(shuffledIndices(all.length, 1, name).subarray(0, most), index => all[index]!);
  const test = Math.min(TEST, Math.floor(rows.length / 4));
  return {name, classes, test: rows.slice(0, test), pool: rows.slice(test, test + POOL)};
}

function fromFolder(folder: string): TextSet {
  const read = (split: string): readonly {text: string; label: string | null}[] =>
    readFileSync(join(folder, `${split}.jsonl`), 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line));
  const named = (split: string) => read(split).filter(({label}) => label !== null && label !== '');
  const [pool, test] = [named('train'), named('test')];
  const classes = [...new Set(pool.map(({label}) => label!))].sort();
  const rowsOf = (part: typeof pool): readonly Row[] =>
    Array.from(shuffledIndices(part.length, 1, 'texts of a folder'), index => {
      const {text, label} = part[index]!;
      return {text, label: classes.indexOf(label!)};
    });
  return {name: 'folder', classes, pool: rowsOf(pool).slice(0, POOL), test: rowsOf(test).slice(0, TEST)};
}
