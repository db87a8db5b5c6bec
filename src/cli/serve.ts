import {createHash} from 'node:crypto';
import {basename, resolve} from 'node:path';
import {Command, InvalidArgumentError, Option} from 'commander';
import {stringify} from 'safe-stable-stringify';
import {type BudgetLimit, parseBudget} from '../ask/budget/limit.ts';
import {dollars} from '../ask/budget/price.ts';
import {startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {CASCADE_MODES} from '../serve/cascade.ts';
import {costEachOf} from '../serve/saving.ts';
import {servedInput, warmUp} from '../serve/served-student.ts';
import {type ServeOptions, type Service, serveTeacher} from '../serve/server.ts';
import {asTeacher} from '../student/as-teacher.ts';
import {loadStudent} from '../student/files.ts';
import type {Calibration, Student} from '../student/student.ts';
import {LEVELS} from '../study/methods.ts';
import {versionOf} from '../study/services.ts';
import {port, positive} from './numbers.ts';
import {type CascadeFlags, type OpenCascade, openCascade} from './serve-cascade.ts';
import {stopSignal, withCacheFlag, withJson} from './study-options.ts';
import {noteFallback, openTerminal, type Terminal} from './terminal.ts';

interface ServeFlags extends CascadeFlags {
  readonly access: 'gray-box' | 'black-box';
  readonly topK?: number;
  readonly threshold?: number;
  readonly name?: string;
  readonly host: string;
  readonly port: number;
  readonly prompt?: string;
  readonly allowHost?: readonly string[];
  readonly origin?: readonly string[];
  readonly maxBody: number;
  readonly maxBodies?: number;
  readonly maxInputs?: number;
  readonly rate?: number;
  /** What `audit` was called before. */
  readonly check?: number;
  readonly maxWaiting?: number;
  readonly json?: boolean;
}

/** `limbeck serve MODEL`: a saved model as a service that shows no more than a level of access allows. */
export function serveCommand(): Command {
  const command = withJson(new Command('serve'))
    .description('serve a saved model over HTTP: Open Inference (v2), /classify, and OpenAI’s chat protocol (/v1)')
    .argument('<model>', 'the folder of a saved model')
    .addOption(
      new Option('--access <level>', 'show scores or labels alone')
        .choices(['gray-box', 'black-box'])
        .default('gray-box'),
    )
    .option('--top-k <k>', 'show only the k most probable classes (gray-box)', positive)
    .option('--threshold <p>', 'mark answers less probable than this (default: the model’s own threshold)', share)
    .option('--name <name>', 'name of the model in addresses (default: its folder’s)')
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--allow-host <name>', 'a further name that requests may call it by; may be repeated', addText)
    .option('--origin <origin>', 'let web pages of this origin ask it, as https://a.example; may be repeated', addText)
    .option('--port <port>', 'port to listen at; 0 takes a free one', port, 8080)
    .option('--prompt <prompt>', 'the prompt of chats, with {text} where the text stands; or a /regular expression/')
    .option('--max-body <size>', 'the largest body of a request, for example 2MB', bytes, 16 * 2 ** 20)
    .option('--max-bodies <size>', 'the most that all bodies under way may take (default: 8 of the largest)', bytes)
    .option('--max-inputs <count>', 'inputs that one request may hold (default: 1024)', positive)
    .option('--rate <count>', 'inputs that one client may send in a minute; a request counts as one at least', positive)
    .option('--max-waiting <count>', 'inputs that may wait for the model before requests are refused', positive);
  return withTeacherFlags(command)
    .addHelpText(
      'after',
      '\nThe environment variable LIMBECK_SERVE_KEY asks clients for that key as a bearer token; it may hold several, with ' +
        'commas between them.',
    )
    .action(runServe);
}

function withTeacherFlags(command: Command): Command {
  const asked = command
    .option('--teacher <recipe>', 'ask this recipe’s teacher where the model is less sure than its threshold')
    .addOption(
      new Option('--level <level>', 'which of its teachers (default: that of its last method)').choices(LEVELS),
    );
  return withCacheFlag(asked)
    .addOption(
      new Option('--budget <amount>', 'the most to spend on it, as 5usd; may be repeated').argParser(addBudget),
    )
    .addOption(
      new Option('--mode <mode>', 'who answers: the teacher all, the model where it is sure, or the model all').choices(
        CASCADE_MODES,
      ),
    )
    .option(
      '--audit <share>',
      'ask it also about this share of all inputs, drawn at random, and each is paid for; a model that breaks its promise ' +
        'is demoted (default: 0.02)',
      share,
    )
    .addOption(new Option('--check <share>').argParser(share).hideHelp())
    .option('--agreement <p>', 'the promise that audits hold the model to (default: its own guarantee)', promised)
    .option('--watch <file>', 'where it is kept whether it is demoted (default: MODEL.watch.json, beside its folder)')
    .option('--patience <seconds>', 'after so long the model’s own answer goes out (default: 20)', positive)
    .option('--traffic <file>', 'keep the texts that it was asked about, with its answers, to train on')
    .option('--traffic-limit <size>', 'the most that this file may grow to', bytes, 256 * 2 ** 20);
}

async function runServe(folder: string, {check, ...given}: ServeFlags): Promise<void> {
  // What is now an audit was a check of sure answers alone.
  const flags = {...given, ...(check !== undefined && {audit: given.audit ?? check})};
  checkFlags(flags);
  const {json = false, teacher: recipe} = flags;
  const terminal = openTerminal({json});
  await startEngine();
  const student = await loadStudent(folder);
  if (flags.prompt !== undefined && student.reading === undefined) {
    throw new InputError('--prompt is about chats, and the model takes numbers. Leave it out.');
  }
  const cascade = recipe === undefined ? undefined : await openCascade(recipe, flags, {folder, student}, terminal);
  try {
    await serveUntilStopped(folder, student, flags, cascade, terminal);
  } finally {
    await cascade?.close();
  }
}

async function serveUntilStopped(
  folder: string,
  student: Student,
  flags: ServeFlags,
  cascade: OpenCascade | undefined,
  terminal: Terminal,
): Promise<void> {
  const {access, topK, name = basename(resolve(folder))} = flags;
  const teacher = asTeacher(student, {onFallback: noteFallback(terminal)});
  await warmUp(teacher, student);
  const service = await serveTeacher(teacher, optionsFor(name, student, flags, cascade));
  const {url} = service;
  const shown = topK === undefined ? access : `${access}, top ${topK}`;
  const places = student.reading ? `\nOpenAI’s protocol at ${url}/v1, plain at ${url}/classify` : '';
  // Before it is told that the service is there: whoever reads that may stop it at once.
  const stopped = stopRequest();
  terminal.result({url, model: name, access}, `${name} (${shown}) at ${url}/v2/models/${name}${places}`);
  await stopped;
  await service.close();
  if (cascade) terminal.note(summaryOf(service, cascade));
}

function checkFlags(flags: ServeFlags): void {
  const {access, topK, teacher, mode} = flags;
  if (topK !== undefined && access !== 'gray-box')
    throw new InputError('--top-k shows scores: it goes with --access gray-box.');
  if (teacher !== undefined) return;
  const names = ['level', 'budget', 'audit', 'agreement', 'watch', 'patience', 'traffic'] as const;
  const idle = names.find(name => flags[name] !== undefined);
  if (idle) throw new InputError(`--${idle} is about the teacher. Name its recipe with --teacher.`);
  if (mode !== undefined && mode !== 'student') {
    throw new InputError(`In mode ${mode} the teacher answers. Name its recipe with --teacher.`);
  }
}

function optionsFor(
  model: string,
  student: Student,
  {access, topK, host, port, prompt, threshold, ...flags}: ServeFlags,
  cascade: OpenCascade | undefined,
): ServeOptions {
  const {allowHost, origin, maxBody, maxBodies, maxInputs, rate, maxWaiting} = flags;
  const keys = (process.env['LIMBECK_SERVE_KEY'] ?? '').split(',').filter(key => key !== '');
  return {
    ...{model, access, host, port, key: keys, maxBytes: maxBody},
    version: versionOfAll(student, cascade),
    calibration: calibrationOf(student, threshold, cascade),
    ...(student.gate && {gate: student.gate}),
    ...servedInput(student),
    ...(topK !== undefined && {detail: {kind: 'top-k', k: topK}}),
    ...(prompt !== undefined && {prompt}),
    ...(rate !== undefined && {rate}),
    ...(maxWaiting !== undefined && {maxWaiting}),
    ...(maxInputs !== undefined && {maxInputs}),
    ...(maxBodies !== undefined && {maxBytesInAll: maxBodies}),
    ...(allowHost && {hosts: allowHost}),
    ...(origin && {origins: origin}),
    ...(cascade && {cascade: cascade.options}),
  };
}

function calibrationOf(
  {calibration}: Student,
  given: number | undefined,
  cascade: OpenCascade | undefined,
): Partial<Calibration> {
  const threshold = given ?? calibration?.threshold;
  const {mode = 'cascade'} = cascade?.options ?? {};
  if (cascade && mode === 'cascade' && threshold === undefined) {
    throw new InputError(
      'The model has no threshold, so nothing says where it isn’t sure enough. Give one with --threshold, as 0.9.',
    );
  }
  return {...calibration, ...(threshold !== undefined && {threshold})};
}

/** Another one after any change that can change an answer, of the model or of the teacher behind it. */
function versionOfAll(student: Student, cascade: OpenCascade | undefined): string {
  const own = versionOf(student);
  if (cascade === undefined) return own;
  return createHash('sha256')
    .update(stringify([own, cascade.options.teacher.identity]))
    .digest('hex');
}

function summaryOf({tally}: Service, {options: {teacher, ledger}}: OpenCascade): string {
  const {answered, student, teacher: asked, audited, agreed} = tally;
  const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`;
  const {usd} = ledger.snapshot();
  const each = costEachOf(teacher, ledger)();
  const parts = [
    `Answered ${answered}${answered > 0 ? `: ${percent(answered - asked, answered)} here, ${asked} by the teacher` : ''}`,
    ...(usd === undefined ? [] : [`spent ${dollars(usd)}`]),
    ...(each === undefined ? [] : [`saved ${dollars(each * student)}`]),
    ...(audited === 0 ? [] : [`of ${audited} audited it said the same of ${percent(agreed, audited)}`]),
  ];
  return `${parts.join(' · ')}.`;
}

/** Waits for Ctrl-C, SIGTERM, or the end of the process that started this one. */
async function stopRequest(): Promise<void> {
  const signal = stopSignal();
  await new Promise<void>(stop => {
    signal.addEventListener('abort', () => stop(), {once: true});
    if (process.connected) process.once('disconnect', () => stop());
  });
}

function promised(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('Give a number above 0 and below 1, as 0.97.');
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('Give a number from 0 to 1.');
  return value;
}

const UNITS = {'': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30} as const;

function bytes(text: string): number {
  const [, digits, unit = ''] = /^([1-9]\d*)\s*([KMG]?)B?$/i.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError('Give a size above 0, as 500kB or 2MB.');
  return Number(digits) * UNITS[unit.toUpperCase() as keyof typeof UNITS];
}

function addText(text: string, others: readonly string[] = []): readonly string[] {
  return [...others, text];
}

function addBudget(text: string, others: readonly BudgetLimit[] = []): readonly BudgetLimit[] {
  try {
    return [...others, parseBudget(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
