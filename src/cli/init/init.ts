import {createWriteStream, existsSync} from 'node:fs';
import {mkdir, rename, rm, writeFile} from 'node:fs/promises';
import {basename, dirname, extname, join} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {termsNote} from '../../ask/provider/terms.ts';
import {isLabelled} from '../../data/split.ts';
import {bytesOf} from '../../data/texts/blocks.ts';
import type {TextFormat} from '../../data/texts/format.ts';
import {InputError} from '../../errors.ts';
import {inputsOfKinds} from '../../input-kinds.ts';
import {loadRecipe} from '../../recipe/load.ts';
import {planMethods} from '../../recipe/methods.ts';
import {recipeOfFirst} from '../../recipe/questions.ts';
import {openServices} from '../../study/services.ts';
import {openTeachers} from '../../study/teachers.ts';
import {packageFolder, packageVersion} from '../../version.ts';
import {stopSignal} from '../study-options.ts';
import {openTerminal, type Terminal} from '../terminal.ts';
import {type Chosen, chooseAll} from './choices.ts';
import {type Dialogue, type InitFlags, openDialogue} from './choose.ts';
import {keptIn} from './example-choices.ts';
import {endingNote} from './hosted-models.ts';
import {peekTexts} from './peek.ts';
import {methodOf, recipeSource} from './recipe-source.ts';
import {type KeyState, keyState} from './services.ts';

interface CommandFlags extends Omit<InitFlags, 'quotes'> {
  /** Commander sets a flag that can only be negated to true if it isn't given. */
  readonly quotes: boolean;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Exit code of a command that a person stopped. */
const STOPPED = 130;

export async function runInit(
  path: string,
  {yes = false, force = false, json = false, quotes, ...given}: CommandFlags,
): Promise<void> {
  const terminal = openTerminal({json});
  checkRecipePath(path, force);
  const signal = stopSignal();
  const flags: InitFlags = {...given, ...(!quotes && {quotes})};
  const dialogue = yes || flags.texts === '-' ? undefined : dialogueAtTerminal(signal);
  try {
    const texts = flags.texts === '-' ? await keptStdin(dirname(path), {...flags, force}, signal) : flags.texts;
    if (flags.texts === '-') terminal.note(`The texts of stdin are in ${texts}.`);
    const open = {...flags, texts};
    const chosen = await chooseAll({flags: open, dialogue, note: terminal.note, signal});
    dialogue?.close();
    const isLoaded = await writeRecipe(path, chosen, force, signal);
    report(terminal, path, chosen, isLoaded);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
    terminal.note('\nStopped. No recipe was written.');
    process.exitCode = STOPPED;
  } finally {
    dialogue?.close();
  }
}

/** Undefined if no person can answer. */
function dialogueAtTerminal(signal: AbortSignal): Dialogue | undefined {
  const {stdin, stderr} = process;
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  return openDialogue({input: stdin, output: stderr, signal, onInterrupt: () => process.kill(process.pid, 'SIGINT')});
}

const MODULES = ['.ts', '.mts', '.js', '.mjs'];

function checkRecipePath(path: string, force: boolean): void {
  if (!MODULES.includes(extname(path))) {
    throw new InputError(`A recipe is a module, so ${path} must end in one of ${MODULES.join(', ')}.`);
  }
  if (!existsSync(path) || force) return;
  throw new InputError(`${path} already exists. Name another file, or replace it with \`--force\`.`);
}

const ENDINGS: Readonly<Partial<Record<TextFormat, string>>> = {jsonl: 'jsonl', csv: 'csv', tsv: 'tsv'};

/** Copies stdin into a file next to the recipe, whole or not at all. */
async function keptStdin(
  folder: string,
  {format, encoding, force}: Pick<InitFlags, 'format' | 'encoding'> & {readonly force: boolean},
  signal: AbortSignal,
): Promise<string> {
  if (format === 'parquet') throw new InputError('Parquet can’t be read from stdin. Name the file with `--texts`.');
  await mkdir(folder, {recursive: true});
  const part = join(folder, `.texts-${process.pid}.part`);
  // Only the end of the stream ends a read that waits for more.
  signal.addEventListener('abort', () => process.stdin.destroy(), {once: true});
  try {
    await pipeline(bytesOf('-'), createWriteStream(part), {signal});
    const ending = ENDINGS[format ?? (await peekTexts(part, {encoding})).format] ?? 'txt';
    const path = join(folder, `texts.${ending}`);
    checkTextsPath(path, force);
    await rename(part, path);
    return path;
  } catch (error) {
    // Versions of Node differ in which end of the stream reports the abort first.
    signal.throwIfAborted();
    throw error;
  } finally {
    await rm(part, {force: true});
  }
}

function checkTextsPath(path: string, force: boolean): void {
  if (!existsSync(path) || force) return;
  throw new InputError(
    `${path} already exists, and stdin would be kept in it. Name it with \`--texts\`, or add \`--force\`.`,
  );
}

/**
 * Writes a recipe that loads and whose teacher fits the texts. The file appears only after it was tried.
 *
 * @returns true if it could be tried, which needs limbeck to be installed next to it
 */
async function writeRecipe(path: string, chosen: Chosen, force: boolean, signal: AbortSignal): Promise<boolean> {
  const folder = dirname(path);
  await mkdir(folder, {recursive: true});
  const ending = extname(path);
  const tried = join(folder, `.${basename(path, ending)}-${process.pid}${ending}`);
  try {
    await writeFile(tried, recipeSource(chosen));
    const isLoaded = await tryRecipe(tried, chosen);
    signal.throwIfAborted();
    checkRecipePath(path, force);
    await rename(tried, path);
    return isLoaded;
  } finally {
    await rm(tried, {force: true});
  }
}

async function tryRecipe(path: string, {data, output}: Chosen): Promise<boolean> {
  try {
    const recipe = recipeOfFirst(await loadRecipe(path));
    const services = openServices();
    const {training = {}, methods} = recipe;
    await openTeachers({...recipe, ...planMethods(methods), training, data}, [methodOf(output).level], services);
    await services.close();
    return true;
  } catch (error) {
    const {cause} = error as Error;
    if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ERR_MODULE_NOT_FOUND') return false;
    throw error;
  }
}

function report(terminal: Terminal, path: string, chosen: Chosen, isLoaded: boolean): void {
  const {name, service, url, output, model, classes, questions, vectors, calls, test, data, encoder} = chosen;
  const {level, method} = methodOf(output);
  terminal.note(sizesText(chosen));
  if (chosen.isChosen) {
    terminal.note('With so many classes, most of the texts to ask about are chosen: those that represent all others.');
  }
  const key = service.isLocal ? null : keyState(service, url);
  if (key) terminal.note(keyText(key));
  const address = url ?? service.url;
  const terms = address && termsNote(new URL(address));
  if (terms) terminal.note(terms);
  const ending = endingNote(model);
  if (ending !== undefined) terminal.note(ending);
  if (!isLoaded) terminal.note(installText());
  const next = nextCommands(path, chosen);
  const document = {
    recipe: path,
    name,
    ...(questions === undefined ? {classes} : {questions}),
    ...(vectors && {dimensions: vectors.dimensions}),
    encoder: encoder ?? null,
    service: service.name,
    model,
    output,
    level,
    method,
    calls,
    test,
    texts: data.card,
    key,
    isLoaded,
    next: next.map(([command]) => command),
  };
  const width = Math.max(...next.map(([command]) => command.length));
  const commands = next.map(([command, meaning]) => `  ${command.padEnd(width)}  # ${meaning}`);
  terminal.result(document, [`Wrote ${path}. Read it, change it, then run:`, ...commands].join('\n'));
}

/** What to run with the recipe, in order, and what it does. */
function nextCommands(
  path: string,
  {name, output, vectors, questions, texts, budget}: Chosen,
): readonly (readonly [command: string, meaning: string])[] {
  const student = `out/${name}/students/${methodOf(output).method}/seed-1`;
  const each = questions === undefined ? '' : ', by question';
  const measured = vectors ? 'how like the teacher’s its vectors are' : `how often it agrees with the teacher${each}`;
  const canAudit = texts.kind === undefined && vectors === undefined;
  return [
    [`limbeck plan ${path}`, 'calls, tokens, money and time, before any query'],
    [`limbeck probe ${path}`, 'five queries: what the service returns in practice'],
    [`limbeck label ${path}${budget === undefined ? '' : ` --budget ${budget}`}`, 'ask, and keep every answer'],
    [`limbeck train ${path}`, 'a student, in this process'],
    [`limbeck evaluate ${student} ${path}`, measured],
    ...(canAudit
      ? [[`limbeck audit ${path}`, `how often each is right${each}, on texts that you check`] as const]
      : []),
    [`limbeck serve ${student}`, 'it answers over HTTP'],
  ];
}

/** How to install the running limbeck in the folder of the recipe. Its built files are packed as they are. */
function installText(): string {
  const file = `limbeck-${packageVersion()}.tgz`;
  return (
    'Before you use it, install limbeck in its folder, where these lines work as they are:\n' +
    `  npm pack --ignore-scripts ${JSON.stringify(packageFolder())}\n  npm install ./${file}`
  );
}

/** The numbers of the recipe, because the summary of the texts divides them otherwise. */
function sizesText({calls, test, data, texts}: Chosen): string {
  const {splits} = data.card;
  const kept = keptIn(data);
  const noun = inputsOfKinds(data.train.inputs.kind);
  const measured =
    texts.testPath === undefined ? `${test} of these ${kept} ${noun}` : `the ${test} ${noun} of ${texts.testPath}`;
  const others = kept - test;
  const validating = isLabelled(data) ? 'a part of them validates, and ' : '';
  // Only the summary of texts shows a draw.
  const isShown = texts.testPath === undefined && texts.kind === undefined;
  const drawn = isShown ? ` The draw above, of ${splits.test} for measurement, was for this look only.` : '';
  return `The recipe keeps ${measured} to measure with. Of the ${others} others, ${validating}${calls} are put to the teacher.${drawn}`;
}

function keyText({variables, isSet, isNeeded}: KeyState): string {
  const names = variables.join(' and ');
  const verb = variables.length === 1 ? 'is' : 'are';
  if (isSet) return `The key is read from ${names}, which ${verb} set.`;
  if (isNeeded)
    return `The key is read from ${names}, which ${verb} not set yet: export it before the service is asked.`;
  return `If the service requires a key, it is read from ${names}, which ${verb} not set.`;
}
