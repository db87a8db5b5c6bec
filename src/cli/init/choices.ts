import {existsSync} from 'node:fs';
import {basename, extname} from 'node:path';
import {parseBudget} from '../../ask/budget/limit.ts';
import {isLabelled} from '../../data/split.ts';
import {InputError} from '../../errors.ts';
import {inputsOfKinds} from '../../input-kinds.ts';
import {type Asked, choose, type InitFlags} from './choose.ts';
import {readClassFile} from './class-file.ts';
import {examplesNamed, type InitData, keptIn, readExamples} from './example-choices.ts';
import {peekTexts} from './peek.ts';
import {questionsText} from './question-choices.ts';
import {type QuestionFile, readQuestionFile} from './question-file.ts';
import {readCount, readName, readOneOf, readPrice, readUrl, serviceMenu, serviceReader} from './readers.ts';
import type {InitChoices, InitTexts} from './recipe-source.ts';
import {type InitOutput, type InitService, servicesFor} from './services.ts';
import {
  chooseDescriptions,
  chooseEncoder,
  chooseFields,
  chooseTask,
  type InitTask,
  readData,
  withOwnLabels,
} from './text-choices.ts';

/** All choices, with the texts that were read on the way. */
export interface Chosen extends InitChoices {
  readonly data: InitData;
  /** The budget as it was written. */
  readonly budget: string | undefined;
}

/**
 * Takes each choice from its flag, else from a person, else from its default.
 *
 * @throws InputError if a flag is wrong, or missing without a default
 */
export async function chooseAll(given: Asked): Promise<Chosen> {
  const file = await questionsOf(given);
  const flags = {...(await withClassFile(given.flags)), ...(file && whatIsOpen(file, given.flags))};
  const asked = {...given, flags};
  const {dialogue} = asked;
  if (dialogue === undefined) checkComplete(flags);
  const {texts, data, questions} = await chooseInputs(asked, file, given.flags.label);
  const name = readName(flags.name ?? nameOf(texts.path));
  const descriptions = questions ? {} : await chooseDescriptions(asked, data.classes);
  const encoder = chooseEncoder(asked, questions === undefined);
  const services = servicesFor(questions);
  const service = await choose(asked, 'service', `${serviceMenu(services)}\nWhich service?`, serviceReader(services));
  const address = await chooseAddress(asked, service);
  const model = await choose(
    asked,
    'model',
    `Which model, by the service’s name for it? (such as ${service.example})`,
    some,
  );
  const output = await chooseOutput(asked, service);
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
    name,
    texts,
    classes: questions ? [] : data.classes,
    ...(questions && {questions, dialect: service.name === file?.service ? file.dialect : undefined}),
    descriptions,
    encoder,
    isChosen: encoder !== undefined && suitsMedoids(data.classes.length, sizes.calls, keptIn(data) - sizes.test),
    service,
    ...address,
    model,
    output,
    ...sizes,
    price,
    data,
    budget,
  };
}

/** The inputs, with what is asked about them. */
interface Inputs extends Pick<InitTask, 'questions'> {
  readonly texts: InitTexts;
  readonly data: InitData;
}

/** @param label - the flag as it was given */
async function chooseInputs(
  asked: Asked,
  file: QuestionFile | undefined,
  label: string | false | undefined,
): Promise<Inputs> {
  const {flags} = asked;
  const named = examplesNamed(flags);
  const testPath = typeof flags.test === 'string' ? readPath(flags.test) : undefined;
  if (named !== undefined) {
    readPath(named.path);
    const {questions} = file!;
    return {...(await readExamples(asked, named, questions, {testPath, label})), questions};
  }
  const path = await choose(asked, 'texts', 'Where are the texts? A file or a folder:', readPath);
  const peek = await peekTexts(path, flags);
  const fields = {...(await chooseFields(asked, path, peek)), testPath};
  const task: InitTask = file ?? (await chooseTask(asked, fields));
  const {questions} = task;
  const texts = questions && label !== false ? await withOwnLabels(asked, fields, peek, questions) : fields;
  return {texts, data: await readData(asked, texts, task), questions};
}

/** The questions of the file that the flags name; undefined if they name none. */
async function questionsOf({flags, note}: Asked): Promise<QuestionFile | undefined> {
  if (flags.questions === undefined) return undefined;
  const others = (['class', 'classes', 'label'] as const).filter(
    flag => flags[flag] !== undefined && flags[flag] !== false,
  );
  if (others.length > 0) {
    throw new InputError(
      `\`--questions\` names a file of all questions with their classes. Leave \`--${others[0]}\` out.`,
    );
  }
  const file = await readQuestionFile(flags.questions);
  note(questionsText(file.questions));
  for (const line of file.notes) note(line);
  return file;
}

/** What a file of questions says about its service, as far as flags leave it open. */
function whatIsOpen(file: QuestionFile, flags: InitFlags): Pick<InitFlags, 'service' | 'url' | 'model' | 'label'> {
  const service = flags.service ?? file.service;
  // The name of a model means nothing to another service.
  const said = file.service === undefined || file.service === service ? file : undefined;
  return {service, url: flags.url ?? said?.url, model: flags.model ?? said?.model, label: false};
}

/** The flags with the classes of the file that they name. */
async function withClassFile({classes, ...flags}: InitFlags): Promise<InitFlags> {
  if (classes === undefined) return flags;
  if (flags.class === undefined) return {...flags, class: await readClassFile(classes)};
  throw new InputError('`--classes` names a file of all classes. Leave `--class` out, or add its classes to the file.');
}

async function chooseOutput(asked: Asked, {outputs}: InitService): Promise<InitOutput> {
  const [best, ...others] = outputs;
  if (others.length === 0 && asked.flags.output === undefined) return best!;
  const question = `What is read off its answers: ${outputs.join(', ')}?`;
  return choose(asked, 'output', question, readOneOf('output', outputs), best);
}

function checkComplete(flags: InitFlags): void {
  const inputs = flags.images ?? flags.records ?? flags.texts;
  const missing = (['texts', 'service', 'model'] as const).filter(
    flag => (flag === 'texts' ? inputs : flags[flag]) === undefined,
  );
  if (missing.length === 0) return;
  throw new InputError(
    `Nobody can be asked here, so flags must give all choices. Add ${missing.map(flag => `\`--${flag}\``).join(', ')}, or run ` +
      '`limbeck init` in a terminal without `--yes`.',
  );
}

function readPath(path: string): string {
  if (path !== '' && existsSync(path)) return path;
  throw new InputError(path === '' ? 'Name a file or a folder.' : `There is nothing at ${path}. Give another path.`);
}

async function chooseAddress(
  asked: Asked,
  service: InitService,
): Promise<{url?: string | undefined; region?: string | undefined}> {
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
    service.keyless || service.others || asked.flags.url !== undefined
      ? await choose(asked, 'url', 'At which address?', readUrl, service.url)
      : undefined;
  return {
    region,
    ...(url !== undefined && url !== service.url && {url}),
  };
}

async function choosePrice(asked: Asked, {charges}: InitService) {
  if (!charges && asked.flags.price === undefined) return undefined;
  const question = 'Its price in dollars for a million tokens, in and out (such as 0.4,1.6; Enter: not known)?';
  return choose(asked, 'price', question, readPrice, '');
}

/** The default number of texts that are kept for measurement. */
const TEST = 500;
const CALLS = 1000;
/** The fewest texts that can train a student and be divided to calibrate it. */
const FEWEST = 10;

async function chooseSizes({flags, dialogue}: Asked, data: InitData): Promise<{calls: number; test: number}> {
  const {splits} = data.card;
  const kept = keptIn(data);
  const noun = inputsOfKinds(data.train.inputs.kind);
  const hasOwnFile = typeof flags.test === 'string';
  const test = typeof flags.test === 'number' ? flags.test : hasOwnFile ? splits.test : drawnTest(kept);
  // If they have labels, a tenth is for validation.
  const validation = isLabelled(data) ? Math.max(1, Math.round((hasOwnFile ? kept - test : kept) / 10)) : 0;
  const most = kept - test - validation;
  if (most < FEWEST) {
    throw new InputError(
      `Of ${kept} ${noun} ${test} are kept for measurement, so ${Math.max(0, most)} are left to learn from. Give more ${noun}.`,
    );
  }
  const read = readCount(FEWEST, most);
  const fallback = String(Math.min(CALLS, most));
  if (flags.calls !== undefined) return {calls: checkedCalls(flags.calls, {most, kept, test, validation, noun}), test};
  if (dialogue === undefined) return {calls: Number(fallback), test};
  return {calls: await dialogue.ask(`How many ${noun} shall the teacher label, of ${most}?`, read, fallback), test};
}

/** The fewest classes and calls for which medoids were measured to gain. */
const MANY = {classes: 20, calls: 500};

/**
 * Whether medoids can choose well: there are many classes, and texts enough to choose from.
 *
 * @param texts - number of texts that are not kept to measure with
 */
export function suitsMedoids(classes: number, calls: number, texts: number): boolean {
  return classes >= MANY.classes && calls >= MANY.calls && texts >= 2 * calls;
}

function drawnTest(kept: number): number {
  return Math.min(TEST, Math.max(1, Math.round(kept / 5)));
}

interface Sizes {
  readonly most: number;
  readonly kept: number;
  readonly test: number;
  readonly validation: number;
  readonly noun: string;
}

function checkedCalls(calls: number, {most, kept, test, validation, noun}: Sizes): number {
  if (calls >= FEWEST && calls <= most) return calls;
  if (calls < FEWEST) throw new InputError(`\`--calls ${calls}\` is too few to learn from. Give ${FEWEST} at least.`);
  const validating = validation === 0 ? '' : ` and ${validation} for validation`;
  throw new InputError(
    `\`--calls ${calls}\` is more than the ${noun} give: of ${kept} that differ, ${test} are kept for measurement${validating}, ` +
      `so ${most} are left. Give \`--calls ${most}\` at most, more ${noun}, or a smaller \`--test\`.`,
  );
}

/** Makes a reader of budgets that `limbeck label` accepts. It returns the budget as it was written. */
function budgetReader(hasPrice: boolean): (text: string) => string | undefined {
  return text => {
    if (text === '') return undefined;
    if (!('usd' in parseBudget(text)) || hasPrice) return text;
    throw new InputError('A budget of money needs the price of the service. Give `--price`, or a budget of calls.');
  };
}

function some(text: string): string {
  if (text !== '') return text;
  throw new InputError('An answer is required.');
}

/** Name of a file without its ending. */
function nameOf(path: string): string {
  const file = basename(path).replace(/\.gz$/i, '');
  const name = file.slice(0, file.length - extname(file).length).replace(/[^\w.-]+/g, '-');
  return name.replace(/^[^\w]+/, '') || 'texts';
}
