import {existsSync} from 'node:fs';
import {basename, extname} from 'node:path';
import {parseBudget} from '../../ask/budget/limit.ts';
import {isLabelled} from '../../data/split.ts';
import {describeTexts} from '../../data/texts/card.ts';
import type {TextFormat} from '../../data/texts/record.ts';
import {type TextDataset, textDataset} from '../../data/texts/splits.ts';
import {InputError} from '../../errors.ts';
import type {Terminal} from '../terminal.ts';
import {type Peek, peekTexts, shown} from './peek.ts';
import type {Questions} from './questions.ts';
import {
  type Described,
  readClassNames,
  readCount,
  readName,
  readOneOf,
  readPrice,
  readService,
  readUrl,
  serviceMenu,
} from './readers.ts';
import {INIT_SEED, type InitChoices, type InitTexts} from './recipe-source.ts';
import type {InitService} from './services.ts';

/** What the command line says already. */
export interface InitFlags {
  readonly texts?: string;
  readonly format?: TextFormat;
  readonly encoding?: string;
  readonly quotes?: false;
  readonly text?: string;
  readonly label?: string | false;
  readonly class?: readonly Described[];
  readonly service?: string;
  readonly url?: string;
  readonly region?: string;
  readonly model?: string;
  readonly output?: string;
  readonly price?: string;
  readonly calls?: number;
  readonly test?: number;
  readonly budget?: string;
  readonly name?: string;
}

/** All that was chosen, with the texts that were read on the way. */
export interface Chosen extends InitChoices {
  readonly data: TextDataset;
  /** As it was written. */
  readonly budget: string | undefined;
}

/** Who is asked for what the flags leave open: a person, or where there is none, nobody. */
interface Asked {
  readonly flags: InitFlags;
  readonly questions: Questions | undefined;
  readonly note: Terminal['note'];
  readonly signal: AbortSignal;
}

/**
 * Takes each choice from its flag, else from a person, else from its default.
 *
 * @throws InputError if a flag is wrong, or is missing and has no default
 */
export async function chooseAll(asked: Asked): Promise<Chosen> {
  const {flags, questions} = asked;
  if (questions === undefined) checkComplete(flags);
  const path = await choose(asked, 'texts', 'Where are the texts? A file or a folder:', readPath);
  const name = readName(flags.name ?? nameOf(path));
  const peek = await peekTexts(path, flags);
  const texts = await chooseFields(asked, path, peek);
  const named = await chooseClasses(asked, texts);
  const data = await readData(asked, texts, named);
  const descriptions = await chooseDescriptions(asked, data.classes);
  const service = await choose(asked, 'service', `${serviceMenu()}\nWhich service?`, readService);
  const location = await choosePlace(asked, service);
  const model = await choose(
    asked,
    'model',
    `Which model, as the service calls it? (such as ${service.example})`,
    some,
  );
  const output = await choose(
    asked,
    'output',
    `What is read off its answers: ${service.outputs.join(', ')}?`,
    readOneOf('output', service.outputs),
    service.outputs[0],
  );
  const price = await choosePrice(asked, service);
  const sizes = await chooseSizes(asked, data);
  const budget = await choose(
    asked,
    'budget',
    'The most to spend (5usd, 2000calls; Enter: no limit)?',
    budgetReader(price !== undefined),
    '',
  );
  return {
    ...{name, texts, classes: data.classes, descriptions, service, ...location, model, output, ...sizes},
    ...(price && {price}),
    ...{data, budget},
  };
}

type TextFlag = 'texts' | 'text' | 'service' | 'url' | 'region' | 'model' | 'output' | 'price' | 'budget';

/** @param fallback - what nothing stands for; undefined if there must be something */
async function choose<T>(
  {flags, questions}: Asked,
  flag: TextFlag,
  question: string,
  read: (text: string) => T,
  fallback?: string,
): Promise<T> {
  const given = flags[flag] ?? (questions === undefined ? fallback : undefined);
  if (given !== undefined) return read(given);
  if (questions === undefined) throw new InputError(`Give \`--${flag}\`.`);
  return questions.ask(question, read, fallback);
}

function checkComplete(flags: InitFlags): void {
  const missing = (['texts', 'service', 'model'] as const).filter(flag => flags[flag] === undefined);
  if (missing.length === 0) return;
  throw new InputError(
    `Nobody can be asked here, so flags must say it all. Add ${missing.map(flag => `\`--${flag}\``).join(', ')}, or run ` +
      '`limbeck init` in a terminal without `--yes`.',
  );
}

function readPath(path: string): string {
  if (path !== '' && existsSync(path)) return path;
  throw new InputError(path === '' ? 'Name a file or a folder.' : `There is nothing at ${path}. Give another path.`);
}

async function chooseFields(asked: Asked, path: string, peek: Peek): Promise<InitTexts> {
  const {flags, questions, note} = asked;
  const {format, isGuessed, fields, folders, hasHeader} = peek;
  const {encoding, quotes} = flags;
  const said = {
    ...((isGuessed || flags.format !== undefined) && {format}),
    ...(encoding !== undefined && {encoding}),
    ...(quotes !== undefined && {quotes}),
  };
  questions?.say(`${path}: ${format}${fields.length > 0 ? ', which holds' : ''}`);
  for (const {name, example} of fields) questions?.say(`  ${name.padEnd(16)} ${example}`);
  const isSorted = folders.length > 0 && flags.label === undefined;
  if (isSorted) {
    note(`The folders are taken for classes: ${folders.slice(0, 12).join(', ')}. If they are none: \`--no-label\`.`);
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
  return questions.ask(
    'Which holds its class, as a person gave it? (none: there are no such)',
    readAny,
    guess ?? 'none',
  );
}

/** Undefined if the texts have labels that say it. */
async function chooseClasses(
  {flags, questions}: Asked,
  {label, folderLabels}: InitTexts,
): Promise<string[] | undefined> {
  if (flags.class !== undefined) return flags.class.map(({name}) => name);
  if (label || folderLabels) return undefined;
  if (questions === undefined) {
    throw new InputError('The texts have no labels that name the classes. Give each by `--class "NAME: what it is"`.');
  }
  return questions.ask('Which classes are they sorted into? Names with commas between:', readClassNames);
}

async function readData(
  {questions, note, signal}: Asked,
  texts: InitTexts,
  classes: readonly string[] | undefined,
): Promise<TextDataset> {
  questions?.say('Reading all texts …');
  const data = await textDataset({...texts, ...(classes && {classes}), seed: INIT_SEED, onNote: note, signal});
  note(describeTexts(data.card));
  const {inputs} = data.train;
  if (inputs.kind === 'text') for (const text of inputs.texts.slice(0, 3)) note(`  “${shown(text)}”`);
  return data;
}

async function chooseDescriptions(
  {flags, questions}: Asked,
  classes: readonly string[],
): Promise<Record<string, string>> {
  const given = new Map(flags.class?.flatMap(({name, description}) => (description ? [[name, description]] : [])));
  if (flags.class === undefined && questions !== undefined) {
    questions.say('A line on each class for the teacher, where its name does not say it all (Enter: none).');
    for (const name of classes) {
      const description = await questions.ask(`  ${name}:`, line => line);
      if (description !== '') given.set(name, description);
    }
  }
  return Object.fromEntries(given);
}

async function choosePlace(asked: Asked, service: InitService): Promise<{url?: string; region?: string}> {
  if (asked.flags.region !== undefined && !service.regional) {
    throw new InputError(`${service.title} has no regions. Leave \`--region\` out.`);
  }
  const region = service.regional
    ? await choose(
        asked,
        'region',
        'Which region of AWS?',
        some,
        process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'],
      )
    : undefined;
  const url =
    service.keyless || asked.flags.url !== undefined
      ? await choose(asked, 'url', 'At which address?', readUrl, service.url)
      : undefined;
  return {
    ...(region !== undefined && {region}),
    ...(url !== undefined && url !== service.url && {url}),
  };
}

async function choosePrice(asked: Asked, {charges}: InitService) {
  if (!charges && asked.flags.price === undefined) return undefined;
  const question = 'Its price in dollars for a million tokens, in and out (such as 0.4,1.6; Enter: not known)?';
  return choose(asked, 'price', question, readPrice, '');
}

/** Texts that are kept to measure with, and texts that are asked about, where nothing else is said. */
const TEST = 500;
const CALLS = 1000;
/** Fewer texts teach nobody, and can't be divided to calibrate a student. */
const FEWEST = 10;

async function chooseSizes({flags, questions}: Asked, data: TextDataset): Promise<{calls: number; test: number}> {
  const {kept} = data.card;
  const test = flags.test ?? Math.min(TEST, Math.max(1, Math.round(kept / 5)));
  // Where they have labels, a tenth is for validation.
  const most = kept - test - (isLabelled(data) ? Math.max(1, Math.round(kept / 10)) : 0);
  if (most < FEWEST) {
    throw new InputError(
      `Of ${kept} texts ${test} are kept to measure with, so ${Math.max(0, most)} are left to learn from. Give more texts.`,
    );
  }
  const read = readCount(FEWEST, most);
  const fallback = String(Math.min(CALLS, most));
  if (flags.calls !== undefined) return {calls: read(String(flags.calls)), test};
  if (questions === undefined) return {calls: Number(fallback), test};
  return {calls: await questions.ask(`How many texts shall the teacher label, of ${most}?`, read, fallback), test};
}

/** Reads a budget that `limbeck label` will take, as it was written. */
function budgetReader(hasPrice: boolean): (text: string) => string | undefined {
  return text => {
    if (text === '') return undefined;
    if (!('usd' in parseBudget(text)) || hasPrice) return text;
    throw new InputError('A budget of money needs the price of the service. Give `--price`, or a budget of calls.');
  };
}

function some(text: string): string {
  if (text !== '') return text;
  throw new InputError('That is needed.');
}

/** Of a file without its ending. */
function nameOf(path: string): string {
  const file = basename(path).replace(/\.gz$/i, '');
  const name = file.slice(0, file.length - extname(file).length).replace(/[^\w.-]+/g, '-');
  return name.replace(/^[^\w]+/, '') || 'texts';
}
