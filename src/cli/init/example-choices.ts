import type {ReadDataset} from '../../data/examples.ts';
import {imageDataset} from '../../data/images.ts';
import {readRecords, recordDataset} from '../../data/records.ts';
import type {TextDataset} from '../../data/texts/dataset.ts';
import {InputError} from '../../errors.ts';
import {inputsOfKinds} from '../../input-kinds.ts';
import {classesOf, type Question} from '../../question.ts';
import type {Asked, InitFlags} from './choose.ts';
import {INIT_SEED, type InitTexts} from './recipe-parts.ts';
import {type LabelledSource, ownLabelsOf} from './text-choices.ts';

/** Inputs that were read on the way to a recipe. */
export type InitData = TextDataset | ReadDataset;

/** The number of different inputs. */
export function keptIn({card}: InitData): number {
  return 'kept' in card ? card.kept : card.read - card.duplicates;
}

/** Images or records that flags name. */
export interface NamedExamples {
  readonly kind: 'image' | 'record';
  readonly path: string;
}

/**
 * The images or records that flags name; undefined if the inputs are texts.
 *
 * @throws InputError if flags name several kinds of inputs, or one that goes with another kind
 */
export function examplesNamed(flags: InitFlags): NamedExamples | undefined {
  const named = (['texts', 'images', 'records'] as const).filter(flag => flags[flag] !== undefined);
  if (named.length > 1)
    throw new InputError(`\`--${named[0]}\` and \`--${named[1]}\` both name inputs. Leave one out.`);
  const {images, records} = flags;
  const found: NamedExamples | undefined =
    images === undefined
      ? records === undefined
        ? undefined
        : {kind: 'record', path: records}
      : {kind: 'image', path: images};
  if (found === undefined) return undefined;
  if (flags.questions === undefined) {
    throw new InputError(`\`--${named[0]}\` needs the questions about them. Give them with \`--questions FILE.json\`.`);
  }
  const idle = (['format', 'encoding', 'quotes', 'text'] as const).find(flag => flags[flag] !== undefined);
  if (idle !== undefined) throw new InputError(`\`--${idle}\` is for texts. Leave it out.`);
  return found;
}

/**
 * Reads images or records. The columns of a table that have the name of a question are its true labels, and no part of
 * the records.
 */
export async function readExamples(
  asked: Asked,
  {kind, path}: NamedExamples,
  questions: readonly Question[],
  {testPath, label}: {readonly testPath: string | undefined; readonly label: string | false | undefined},
): Promise<{readonly texts: InitTexts; readonly data: ReadDataset}> {
  const {note, signal} = asked;
  const classes = classesOf(questions[0]!);
  const source = {path: testPath === undefined ? path : {train: path, test: testPath}, seed: INIT_SEED};
  const reading = {...source, classes, onNote: note, signal};
  if (kind === 'image') {
    const data = await imageDataset({...reading, folderLabels: false});
    note(readText(data));
    return {texts: {kind, path, testPath}, data};
  }
  const [first] = await readRecords(path, {label: false, id: false});
  const names = Object.keys(first?.value ?? {});
  const columns = columnsApart(names, questions);
  const records: LabelledSource = (each, name) => readRecords(each, {label: name});
  const paths = [path, ...(testPath === undefined ? [] : [testPath])];
  const ownLabels = label !== false && (await ownLabelsOf(asked, names, questions, {paths, records}));
  const data = await recordDataset({
    ...reading,
    columns,
    ...(ownLabels ? {label: questions[0]!.name, stratify: false} : {label: false}),
  });
  note(readText(data));
  return {texts: {kind, path, testPath, label: false, columns, ...(ownLabels && {ownLabels})}, data};
}

/** The columns of the records, if some columns are named as questions; undefined if all but the id are. */
function columnsApart(names: readonly string[], questions: readonly Question[]): readonly string[] | undefined {
  const asked = new Set(questions.map(({name}) => name));
  if (!names.some(name => asked.has(name))) return undefined;
  return names.filter(name => !asked.has(name) && name !== 'id');
}

function readText({card: {sources, kind, read, duplicates}}: ReadDataset): string {
  const twice = duplicates === 0 ? '' : `, ${duplicates} of them twice`;
  return `${sources.join(', ')}: ${read} ${inputsOfKinds(kind)}${twice}.`;
}
