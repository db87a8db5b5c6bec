import type {ReadTextsOptions} from '../../data/texts/record.ts';
import type {Question} from '../../question.ts';
import type {Price} from '../../teacher.ts';
import {list, quoted} from './literals.ts';
import type {InitOutput, InitService} from './services.ts';

/** The choices from which a recipe for texts is written. */
export interface InitChoices {
  readonly name: string;
  readonly texts: InitTexts;
  /** Those that one question is about; empty if there are `questions`. */
  readonly classes: readonly string[];
  readonly questions?: readonly Question[] | undefined;
  /** The form of the protocol of `decisions`, if it is not OpenAI's. */
  readonly dialect?: 'sglang' | undefined;
  /** Descriptions of classes, by name. */
  readonly descriptions: Readonly<Record<string, string>>;
  /** The encoder of its assistant: a name, or a folder. Undefined if it has none. */
  readonly encoder?: string | undefined;
  /** True if the texts to ask about are chosen in the space of that encoder. */
  readonly isChosen?: boolean | undefined;
  readonly service: InitService;
  readonly model: string;
  readonly output: InitOutput;
  /** Address of the service, if it isn't the usual one. */
  readonly url?: string | undefined;
  readonly region?: string | undefined;
  readonly price?: Price | undefined;
  /** Of an embedding model; undefined if classes or questions are asked. */
  readonly vectors?: VectorChoices | undefined;
  /** Number of texts that are put to the teacher. */
  readonly calls: number;
  /** Number of texts that are kept for measurement. */
  readonly test: number;
}

/** Options for `textDataset`. */
export type InitTexts = Pick<
  ReadTextsOptions,
  'format' | 'encoding' | 'quotes' | 'text' | 'label' | 'header' | 'folderLabels'
> & {
  readonly path: string;
  /**
   * The kind of inputs that are read in place of texts.
   *
   * @default texts
   */
  readonly kind?: 'image' | 'record' | undefined;
  /** The columns of records; undefined if all but the id are. */
  readonly columns?: readonly string[] | undefined;
  /** True if each question has a column of true labels, under its name. */
  readonly ownLabels?: boolean | undefined;
  /** The path of the texts that are kept for measurement; undefined if they are drawn. */
  readonly testPath?: string | undefined;
};

/** What is known of the vectors of an embedding model. */
export interface VectorChoices {
  /** Their length. */
  readonly dimensions: number;
  /** True if the model is asked for this length, which is not its own. */
  readonly isShortened: boolean;
}

/** The seed of every draw in a recipe, so that it gives the same result everywhere. */
export const INIT_SEED = 1;

/** The options of the inputs, a line each. */
export function datasetFields({texts, test, questions, vectors}: InitChoices): readonly string[] {
  const {kind, path, testPath, columns, format, encoding, quotes, text, label, ownLabels, header, folderLabels} = texts;
  return [
    testPath === undefined ? `path: ${quoted(path)}` : `path: {train: ${quoted(path)}, test: ${quoted(testPath)}}`,
    ...(format === undefined ? [] : [`format: ${quoted(format)}`]),
    ...(encoding === undefined ? [] : [`encoding: ${quoted(encoding)}`]),
    ...(quotes === undefined ? [] : [`quotes: ${quotes}`]),
    ...(text === undefined ? [] : [`text: ${quoted(text)}`]),
    ...(label === undefined || ownLabels ? [] : [`label: ${label === false ? 'false' : quoted(label)}`]),
    // All questions are about the same splits, however their labels are shared out.
    ...(ownLabels ? ['label: question?.name', 'stratify: false'] : []),
    ...(columns === undefined ? [] : [`columns: ${list(columns, 6)}`]),
    ...(header === undefined ? [] : [`header: ${header}`]),
    ...(folderLabels || kind === 'image' ? [`folderLabels: ${folderLabels ?? false}`] : []),
    classesField(vectors !== undefined, questions),
    ...(testPath === undefined ? [`test: ${test}`] : []),
    `seed: ${INIT_SEED}`,
  ];
}

function classesField(isVectors: boolean, questions: InitChoices['questions']): string {
  if (isVectors) return 'classes: []';
  return questions === undefined ? 'classes' : 'classes: question && classesOf(question)';
}

/** Writes a price. */
export function priceSource(price: Price): string {
  return `{${Object.entries(price)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')}}`;
}

/** Orders names as the formatter of this project orders imports. */
export function byLetters(one: string, other: string): number {
  return one.toLowerCase() < other.toLowerCase() ? -1 : 1;
}
