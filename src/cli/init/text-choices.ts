import {describeTexts} from '../../data/texts/card.ts';
import {type TextDataset, textDataset} from '../../data/texts/splits.ts';
import {InputError} from '../../errors.ts';
import {type Asked, choose} from './choose.ts';
import {type Peek, shown} from './peek.ts';
import {readClassNames, readOneOf} from './readers.ts';
import {INIT_SEED, type InitTexts} from './recipe-source.ts';

/** Chooses the fields of texts and labels. */
export async function chooseFields(asked: Asked, path: string, peek: Peek): Promise<InitTexts> {
  const {flags, questions, note} = asked;
  const {format, isGuessed, fields, folders, hasHeader} = peek;
  const {encoding, quotes} = flags;
  const said = {
    ...((isGuessed || flags.format !== undefined) && {format}),
    encoding,
    quotes,
  };
  questions?.say(`${path}: ${format}${fields.length > 0 ? ', which holds' : ''}`);
  for (const {name, example} of fields) questions?.say(`  ${name.padEnd(16)} ${example}`);
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
  {flags, questions}: Asked,
  names: readonly string[],
  guess: string | undefined,
): Promise<string | false> {
  const read = readOneOf('field', names);
  if (flags.label === false) return false;
  if (flags.label !== undefined) return read(flags.label);
  if (questions === undefined) return guess ?? false;
  const readAny = (line: string) => (line === '' || line === 'none' ? false : read(line));
  return questions.ask('Which holds its class, given by a person? (none: there is none)', readAny, guess ?? 'none');
}

/** Chooses the classes; undefined if the texts have labels that name them. */
export async function chooseClasses(
  {flags, questions}: Asked,
  {label, folderLabels}: InitTexts,
): Promise<string[] | undefined> {
  if (flags.class !== undefined) return flags.class.map(({name}) => name);
  if (label || folderLabels) return undefined;
  if (questions === undefined) {
    throw new InputError(
      'The texts have no labels that name the classes. Give each with `--class "NAME: what it is"`.',
    );
  }
  return questions.ask('Which classes are they sorted into? Names with commas between:', readClassNames);
}

/** Reads all texts, and shows a few. */
export async function readData(
  {questions, note, signal}: Asked,
  texts: InitTexts,
  classes: readonly string[] | undefined,
): Promise<TextDataset> {
  questions?.say('Reading all texts …');
  const {path, testPath, ...fields} = texts;
  const paths = testPath === undefined ? path : {train: path, test: testPath};
  const data = await textDataset({
    ...fields,
    path: paths,
    classes,
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
  {flags, questions}: Asked,
  classes: readonly string[],
): Promise<Record<string, string>> {
  const given = new Map(flags.class?.flatMap(({name, description}) => (description ? [[name, description]] : [])));
  if (flags.class === undefined && questions !== undefined) {
    questions.say('A description of each class for the teacher, if its name is not clear enough (Enter: none).');
    for (const name of classes) {
      const description = await questions.ask(`  ${name}:`, line => line);
      if (description !== '') given.set(name, description);
    }
  }
  return Object.fromEntries(given);
}
