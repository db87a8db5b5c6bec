import {describeTexts} from '../../data/texts/card.ts';
import {type TextDataset, textDataset} from '../../data/texts/dataset.ts';
import {readTexts} from '../../data/texts/read.ts';
import {locationOf, type TextRecord} from '../../data/texts/record.ts';
import {readFolder} from '../../encoder/folder.ts';
import {ENCODERS, installedEncoder} from '../../encoder/registry.ts';
import {InputError} from '../../errors.ts';
import {classesOf, type Question} from '../../question.ts';
import {type Asked, choose} from './choose.ts';
import {type Peek, shown} from './peek.ts';
import {askQuestions} from './question-choices.ts';
import {readClassNames, readOneOf} from './readers.ts';
import {INIT_SEED, type InitTexts} from './recipe-parts.ts';

/** Chooses the fields of texts and labels. */
export async function chooseFields(asked: Asked, path: string, peek: Peek): Promise<InitTexts> {
  const {flags, dialogue, note} = asked;
  const {format, isGuessed, fields, folders, hasHeader} = peek;
  const {encoding, quotes} = flags;
  const said = {
    ...((isGuessed || flags.format !== undefined) && {format}),
    encoding,
    quotes,
  };
  dialogue?.say(`${path}: ${format}${fields.length > 0 ? ', which holds' : ''}`);
  for (const {name, example} of fields) dialogue?.say(`  ${name.padEnd(16)} ${example}`);
  const isSorted = folders.length > 0 && flags.label === undefined;
  if (isSorted) {
    note(
      `The folders are read as classes: ${folders.slice(0, 12).join(', ')}. If they are not classes, add \`--no-label\`.`,
    );
  }
  const names = fields.map(({name}) => name);
  if (names.length === 0) {
    const flag = (['text', 'label'] as const).find(given => flags[given]);
    if (flag !== undefined) throw new InputError(`${path} holds texts without fields. Leave \`--${flag}\` out.`);
    return {path, ...said, ...(isSorted && {folderLabels: true})};
  }
  const text = await choose(asked, 'text', 'Which holds the text?', readOneOf('field', names), peek.text);
  const labelled = isSorted ? {folderLabels: true} : {label: await chooseLabel(asked, names, peek.label)};
  return {path, ...said, text, ...labelled, ...(hasHeader === false && {header: false})};
}

async function chooseLabel(
  {flags, dialogue}: Asked,
  names: readonly string[],
  guess: string | undefined,
): Promise<string | false> {
  const read = readOneOf('field', names);
  if (flags.label === false) return false;
  if (flags.label !== undefined) return read(flags.label);
  if (dialogue === undefined) return guess ?? false;
  const readAny = (line: string) => (line === '' || line === 'none' ? false : read(line));
  return dialogue.ask('Which holds its class, given by a person? (none: there is none)', readAny, guess ?? 'none');
}

/** What is asked about each text: which of some classes it is of, typed questions, or its vector. */
export interface InitTask {
  /** Undefined if labels name them, or if there are questions. */
  readonly classes?: readonly string[] | undefined;
  readonly questions?: readonly Question[] | undefined;
  readonly isVectors?: boolean | undefined;
}

/** What a person types in place of classes. */
const VECTORS = 'vectors';

export async function chooseTask({flags, dialogue}: Asked, {label, folderLabels}: InitTexts): Promise<InitTask> {
  if (flags.output === 'vector') return {classes: [], isVectors: true};
  if (flags.class !== undefined) return {classes: flags.class.map(({name}) => name)};
  if (label || folderLabels) return {};
  if (dialogue === undefined) {
    throw new InputError(
      'The texts have no labels that name the classes. Give each with `--class "NAME: what it is"`, or several ' +
        'questions with `--questions FILE.json`. For an embedding model, add `--output vector`.',
    );
  }
  const classes = await dialogue.ask(
    'Which classes are they sorted into? Names with commas between ' +
      `(Enter: ask several questions instead; ${VECTORS}: ask an embedding model):`,
    line => (line === '' || line === VECTORS ? line : readClassNames(line)),
  );
  if (classes === VECTORS) return {classes: [], isVectors: true};
  return typeof classes === 'string' ? {questions: await askQuestions(dialogue)} : {classes};
}

/** The texts, with the true labels of each question if they have them. */
export async function withOwnLabels(
  asked: Asked,
  texts: InitTexts,
  {fields}: Peek,
  questions: readonly Question[],
): Promise<InitTexts> {
  const {path, testPath, format, encoding, quotes, text, header} = texts;
  const reading = {format, encoding, quotes, text, header, signal: asked.signal};
  const records: LabelledSource = (each, label) => readTexts(each, {...reading, label});
  const names = fields.map(({name}) => name);
  const paths = [path, ...(testPath === undefined ? [] : [testPath])];
  return (await ownLabelsOf(asked, names, questions, {paths, records})) ? {...texts, ownLabels: true} : texts;
}

type Labelled = Pick<TextRecord, 'label' | 'file' | 'line'>;

/** Reads a file with the labels of a column. */
export type LabelledSource = (path: string, label: string) => AsyncIterable<Labelled> | Promise<Iterable<Labelled>>;

interface LabelledFiles {
  readonly paths: readonly string[];
  readonly records: LabelledSource;
}

/**
 * True if every question has a column of its name that holds one of its classes in each row.
 *
 * @param names - the columns that there are
 */
export async function ownLabelsOf(
  {note}: Pick<Asked, 'note'>,
  names: readonly string[],
  questions: readonly Question[],
  files: LabelledFiles,
): Promise<boolean> {
  const found = questions.filter(({name}) => names.includes(name));
  if (found.length === 0) return false;
  const without = questions.find(question => !found.includes(question));
  const problem = without ? `there is no column \`${without.name}\`` : await problemWithLabels(questions, files);
  if (problem === undefined) return true;
  const columns = found.map(({name}) => `\`${name}\``).join(', ');
  note(`The labels in ${columns} are not read, because ${problem}. Each question needs a label in each row.`);
  return false;
}

/** The first row without a label that is one of the classes of its question; undefined if there is none. */
async function problemWithLabels(
  questions: readonly Question[],
  {paths, records}: LabelledFiles,
): Promise<string | undefined> {
  for (const question of questions) {
    const classes = classesOf(question);
    for (const path of paths) {
      for await (const record of await records(path, question.name)) {
        if (record.label !== undefined && classes.includes(record.label)) continue;
        const said = record.label === undefined ? 'is empty' : `is ${JSON.stringify(record.label)}`;
        return `\`${question.name}\` ${said} in ${locationOf(record)}, and its classes are ${classes.join(', ')}`;
      }
    }
  }
  return undefined;
}

/** Reads all texts, and shows a few. */
export async function readData(
  {dialogue, note, signal}: Asked,
  {ownLabels = false, kind: _, columns: __, ...texts}: InitTexts,
  {classes, questions}: InitTask,
): Promise<TextDataset> {
  const [first] = questions ?? [];
  dialogue?.say('Reading all texts …');
  const {path, testPath, ...fields} = texts;
  const paths = testPath === undefined ? path : {train: path, test: testPath};
  const data = await textDataset({
    ...fields,
    path: paths,
    classes: first ? classesOf(first) : classes,
    ...(ownLabels && {label: first!.name, stratify: false}),
    seed: INIT_SEED,
    onNote: note,
    signal,
  });
  note(describeTexts(data.card));
  const {inputs} = data.train;
  if (inputs.kind === 'text') for (const text of inputs.texts.slice(0, 3)) note(`  “${shown(text)}”`);
  return data;
}

/** Chooses a line on each class for the teacher. */
export async function chooseDescriptions(
  {flags, dialogue}: Asked,
  classes: readonly string[],
): Promise<Record<string, string>> {
  const given = new Map(flags.class?.flatMap(({name, description}) => (description ? [[name, description]] : [])));
  if (flags.class === undefined && dialogue !== undefined) {
    dialogue.say('A description of each class for the teacher, if its name is not clear enough (Enter: none).');
    for (const name of classes) {
      const description = await dialogue.ask(`  ${name}:`, line => line);
      if (description !== '') given.set(name, description);
    }
  }
  return Object.fromEntries(given);
}

/**
 * Chooses the encoder of an assistant: the one of the flags, else the first of the registry that was added.
 *
 * @param canAssist - whether a recipe of these inputs can have an assistant
 */
export function chooseEncoder(
  {flags: {encoder: given}, note}: Pick<Asked, 'flags' | 'note'>,
  canAssist: boolean,
): string | undefined {
  if (given && !canAssist) {
    throw new InputError('An assistant is for texts and one question. Leave `--encoder` out.');
  }
  if (given === false || !canAssist) return undefined;
  const encoder = given ?? installedEncoder();
  if (encoder === undefined) {
    note(withoutEncoderText());
    return undefined;
  }
  // Says now what a damaged folder would say after the answers were paid for.
  readFolder(encoder);
  note(
    `The recipe has an assistant: a head on the encoder ${encoder}, which labels the texts that the teacher is not asked about. ` +
      '`--no-encoder` leaves it out.',
  );
  return encoder;
}

function withoutEncoderText(): string {
  const [{name, bytes}] = ENCODERS as readonly [(typeof ENCODERS)[number]];
  return (
    `No text encoder is installed. With one (\`limbeck encoder add ${name}\`, ${Math.round(bytes / 1e6)} MB, English) and ` +
    'unlabelled texts, a student needs fewer answers: with 500 answers about 150 intents, its agreement with the labels rose ' +
    'from 52 to 80 % (CLINC150, one seed).'
  );
}
