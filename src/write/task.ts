import {type Dataset, isLabelled, type UnlabelledDataset} from '../data/split.ts';
import {realTrainingRows} from '../data/texts/written.ts';
import {InputError} from '../errors.ts';
import type {WritingOptions} from '../recipe/writing.ts';

/** What texts are written about. */
export interface WritingTask {
  /** What the texts are. */
  readonly texts: string;
  /** In the order of the data, or else of the recipe. */
  readonly classes: readonly TaskClass[];
  readonly styles: readonly string[];
  readonly lengths: readonly string[];
  /** Texts of any class, which show what real ones look like; empty if each class has its own. */
  readonly samples: readonly string[];
  /** Texts that no written one may repeat: all real ones, and the examples. */
  readonly known: readonly string[];
}

interface TaskClass {
  readonly name: string;
  readonly description: string;
  readonly examples: readonly string[];
}

const STYLES: readonly string[] = [
  'plain and polite',
  'in a hurry, without capital letters',
  'formal, as in a letter',
  'informal, as to a friend',
  'annoyed',
  'unsure, with a question',
  'by someone who is still learning the language',
  'with one or two typing errors',
  'with a reason or a detail of what happened before',
  'with names, numbers, dates or places',
  'short of words, only what is needed',
  'with words that nobody else would choose',
];

const LENGTHS: readonly string[] = [
  '2 to 5 words',
  '5 to 10 words',
  '8 to 15 words',
  '15 to 30 words',
  '2 to 4 sentences',
];

/**
 * The task of a recipe. Examples come from the training split alone, so that no prompt shows a text of another one.
 *
 * @param data - undefined if there are no real inputs
 * @throws InputError if the recipe describes other classes than the data have
 */
export function taskOf(
  {texts, classes: described, styles = STYLES, lengths = LENGTHS}: WritingOptions,
  data: Dataset | UnlabelledDataset | undefined,
): WritingTask {
  const names = data?.classes ?? Object.keys(described);
  checkClasses(names, described);
  const real = data ? realOf(data) : {byClass: [], samples: [], all: []};
  const classes = names.map((name, label): TaskClass => {
    const own = described[name]!;
    const {description, examples = []} = typeof own === 'string' ? {description: own} : own;
    const ofData = real.byClass[label] ?? [];
    return {name, description, examples: ofData.length > 0 ? ofData : examples};
  });
  const given = Object.values(described).flatMap(own => (typeof own === 'string' ? [] : (own.examples ?? [])));
  return {texts, classes, styles, lengths, samples: real.samples, known: [...real.all, ...given]};
}

/** @throws InputError */
function checkClasses(names: readonly string[], described: WritingOptions['classes']): void {
  if (names.length < 2)
    throw new InputError('`writer.classes` describes fewer than two classes. Describe all of them.');
  const missing = names.find(name => !Object.hasOwn(described, name));
  if (missing !== undefined) {
    throw new InputError(`\`writer.classes\` does not describe \`${missing}\`. Say in a line what is of that class.`);
  }
  const unknown = Object.keys(described).find(name => !names.includes(name));
  if (unknown === undefined) return;
  throw new InputError(
    `\`writer.classes\` describes \`${unknown}\`, which is no class of the data: ${names.join(', ')}.`,
  );
}

interface RealTexts {
  /** By class, those of the training split; empty if nobody knows their classes. */
  readonly byClass: readonly (readonly string[])[];
  readonly samples: readonly string[];
  /** Of all splits. */
  readonly all: readonly string[];
}

function realOf(data: Dataset | UnlabelledDataset): RealTexts {
  const splits = isLabelled(data) ? [data.train, data.validation, data.test] : [data.train, data.test];
  const every = splits.flatMap(({inputs}) => (inputs.kind === 'text' ? inputs.texts : []));
  // Those that were written are in the file that is continued, or in another one that this one may replace.
  const all = every.filter(text => !data.written?.has(text));
  const rows = realTrainingRows(data);
  const textAt = (row: number) => (data.train.inputs.kind === 'text' ? data.train.inputs.texts[row]! : '');
  if (!isLabelled(data)) return {byClass: [], samples: rows.map(textAt), all};
  const {labels} = data.train;
  const byClass = data.classes.map((_, label) => rows.filter(row => labels[row] === label).map(textAt));
  return {byClass, samples: [], all};
}
