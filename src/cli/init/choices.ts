import {existsSync} from 'node:fs';
import {basename, extname} from 'node:path';
import {parseBudget} from '../../ask/budget/limit.ts';
import {InputError} from '../../errors.ts';
import {type Asked, choose, type InitFlags} from './choose.ts';
import {readClassFile} from './class-file.ts';
import {examplesNamed, type InitData, keptIn, readExamples} from './example-choices.ts';
import {peekTexts} from './peek.ts';
import {questionsText} from './question-choices.ts';
import {type QuestionFile, readQuestionFile} from './question-file.ts';
import {readInputPrice, readName, readOneOf, readPrice, readUrl, serviceMenu, serviceReader, some} from './readers.ts';
import type {InitChoices, InitTexts} from './recipe-parts.ts';
import type {InitOutput, InitService} from './services.ts';
import {chooseSizes, suitsMedoids} from './sizes.ts';
import {
  chooseDescriptions,
  chooseEncoder,
  chooseFields,
  chooseTask,
  type InitTask,
  readData,
  withOwnLabels,
} from './text-choices.ts';
import {chooseDimensions, chooseModel, MOST_EMBEDDED, withoutClasses} from './vector-choices.ts';
import {servicesFor} from './vector-services.ts';

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
  const classed = {...(await withClassFile(given.flags)), ...(file && whatIsOpen(file, given.flags))};
  const flags = classed.output === 'vector' ? withoutClasses(classed) : classed;
  const asked = {...given, flags};
  const {dialogue} = asked;
  if (dialogue === undefined) checkComplete(flags);
  const {texts, data, questions, isVectors = false} = await chooseInputs(asked, file, given.flags.label);
  const name = readName(flags.name ?? nameOf(texts.path));
  const isClassed = questions === undefined && !isVectors;
  const descriptions = isClassed ? await chooseDescriptions(asked, data.classes) : {};
  const encoder = chooseEncoder(asked, isClassed);
  const services = servicesFor({questions, isVectors});
  const service = await choose(asked, 'service', `${serviceMenu(services)}\nWhich service?`, serviceReader(services));
  const address = await chooseAddress(asked, service);
  const model = await chooseModel(asked, service);
  const output = await chooseOutput(asked, service);
  const vectors = isVectors ? await chooseDimensions(asked, service, model) : undefined;
  const price = await choosePrice(asked, service, isVectors);
  const sizes = await chooseSizes(asked, data, isVectors ? MOST_EMBEDDED : undefined);
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
    ...(vectors && {vectors}),
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
interface Inputs extends Pick<InitTask, 'questions' | 'isVectors'> {
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
  const {questions, isVectors} = task;
  const texts = questions && label !== false ? await withOwnLabels(asked, fields, peek, questions) : fields;
  return {texts, data: await readData(asked, texts, task), questions, isVectors};
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
  // A local encoder has a default.
  const needed = flags.service === 'encoder' ? (['texts'] as const) : (['texts', 'service', 'model'] as const);
  const missing = needed.filter(flag => (flag === 'texts' ? inputs : flags[flag]) === undefined);
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
  if (service.isLocal) {
    if (asked.flags.url === undefined) return {};
    throw new InputError('An encoder runs in this process. Leave `--url` out.');
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

async function choosePrice(asked: Asked, {charges}: InitService, isVectors: boolean) {
  if (!charges && asked.flags.price === undefined) return undefined;
  if (isVectors) {
    const ofInput = 'Its price in dollars for a million tokens (such as 0.02; Enter: not known)?';
    return choose(asked, 'price', ofInput, readInputPrice, '');
  }
  const question = 'Its price in dollars for a million tokens, in and out (such as 0.4,1.6; Enter: not known)?';
  return choose(asked, 'price', question, readPrice, '');
}

/** Makes a reader of budgets that `limbeck label` accepts. It returns the budget as it was written. */
function budgetReader(hasPrice: boolean): (text: string) => string | undefined {
  return text => {
    if (text === '') return undefined;
    if (!('usd' in parseBudget(text)) || hasPrice) return text;
    throw new InputError('A budget of money needs the price of the service. Give `--price`, or a budget of calls.');
  };
}

/** Name of a file without its ending. */
function nameOf(path: string): string {
  const file = basename(path).replace(/\.gz$/i, '');
  const name = file.slice(0, file.length - extname(file).length).replace(/[^\w.-]+/g, '-');
  return name.replace(/^[^\w]+/, '') || 'texts';
}
