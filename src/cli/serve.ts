import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {basename, resolve} from 'node:path';
import {stringify} from 'safe-stable-stringify';
import {dollars} from '../ask/budget/price.ts';
import {InputError} from '../errors.ts';
import {servedStudent, warmUp} from '../serve/heads.ts';
import type {OtherModel} from '../serve/served.ts';
import {type RunningService, type ServeOptions, serveTeacher} from '../serve/server.ts';
import {costEachOf} from '../serve/status.ts';
import {loadHead, loadStudent} from '../student/files.ts';
import type {Calibration, Student} from '../student/student.ts';
import {teacherOf} from '../student/vectors.ts';
import {versionOf} from '../study/services.ts';
import {type CascadeFlags, type OpenCascade, openCascade} from './serve-cascade.ts';
import {stopSignal} from './study-options.ts';
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
  /** The earlier name of `audit`. */
  readonly check?: number;
  readonly maxWaiting?: number;
  readonly json?: boolean;
}

/**
 * @param model - a folder, or `NAME=FOLDER`
 * @param others - further models that answer typed questions, in the same form
 */
export async function runServe(model: string, others: readonly string[], {check, ...given}: ServeFlags): Promise<void> {
  // Earlier versions had `--check`, which checked only sure answers.
  const flags = {...given, ...(check !== undefined && {audit: given.audit ?? check})};
  checkFlags(flags);
  const {name, folder} = namedFolder(model);
  const {json = false, teacher: recipe, question} = flags;
  const terminal = openTerminal({json});
  const student = question === undefined ? await loadStudent(folder) : await loadHead(folder, question);
  if (flags.prompt !== undefined && student.reading === undefined) {
    throw new InputError('--prompt is for chats, but the model takes numbers. Leave it out.');
  }
  const further = await Promise.all(others.map(other => openOther(other, terminal)));
  const cascade = recipe === undefined ? undefined : await openCascade(recipe, flags, {folder, student}, terminal);
  try {
    await serveUntilStopped({name: flags.name ?? name, student, others: further}, flags, cascade, terminal);
  } finally {
    await cascade?.close();
  }
}

/** A folder whose path has an equals sign is a folder. */
function namedFolder(given: string): {readonly name: string; readonly folder: string} {
  const [, name, folder] = existsSync(given) ? [] : (/^([^=/\\]+)=(.+)$/.exec(given) ?? []);
  return {name: name ?? basename(resolve(given)), folder: folder ?? given};
}

async function openOther(given: string, terminal: Terminal): Promise<OtherModel> {
  const {name: model, folder} = namedFolder(given);
  const student = await loadStudent(folder);
  const teacher = teacherOf(student, {onFallback: noteFallback(terminal)});
  await warmUp(teacher, student);
  return {teacher, model, version: versionOf(student), ...servedStudent(student)};
}

/** What is served. */
interface Models {
  /** The name of the first model. */
  readonly name: string;
  readonly student: Student;
  readonly others: readonly OtherModel[];
}

async function serveUntilStopped(
  {name, student, others}: Models,
  flags: ServeFlags,
  cascade: OpenCascade | undefined,
  terminal: Terminal,
): Promise<void> {
  const {access, topK} = flags;
  const givesVectors = student.output === 'vector';
  const teacher = teacherOf(student, {onFallback: noteFallback(terminal)});
  await warmUp(teacher, student);
  const service = await serveTeacher(teacher, {...optionsFor(name, student, flags, cascade), others});
  const {url} = service;
  const shown = topK === undefined ? access : `${access}, top ${topK}`;
  const questions = student.heads?.map(head => head.question.name);
  const at = givesVectors
    ? `at ${url}/v1/embeddings`
    : questions
      ? `answers ${questions.join(', ')} at ${url}/v1/decisions and ${url}/v1/systemone, one of them at ${url}/v2/models/${questions[0]}`
      : `at ${url}/v2/models/${name}`;
  const routes = student.reading && !givesVectors ? `\nOpenAI’s protocol at ${url}/v1, plain at ${url}/classify` : '';
  // Installed before the address is printed, because whoever reads it can stop the service at once.
  const stopped = stopRequest();
  terminal.result({url, model: name, access, questions}, `${name} (${shown}) ${at}${routes}`);
  await stopped;
  await service.close();
  if (cascade) terminal.note(summaryOf(service, cascade));
}

function checkFlags(flags: ServeFlags): void {
  const {access, topK, teacher, mode} = flags;
  if (topK !== undefined && access !== 'gray-box')
    throw new InputError('--top-k shows scores, so it needs --access gray-box.');
  if (teacher !== undefined) return;
  const names = ['level', 'budget', 'wait', 'audit', 'agreement', 'watch', 'patience', 'traffic'] as const;
  const idle = names.find(name => flags[name] !== undefined);
  if (idle) throw new InputError(`--${idle} needs a teacher. Name its recipe with --teacher.`);
  if (mode !== undefined && mode !== 'student') {
    throw new InputError(`Mode ${mode} needs a teacher. Name its recipe with --teacher.`);
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
    model,
    access,
    host,
    port,
    key: keys,
    maxBytes: maxBody,
    version: versionOfAll(student, cascade),
    ...calibrated(servedStudent(student), threshold, cascade),
    detail: topK === undefined ? undefined : {kind: 'top-k', k: topK},
    prompt,
    rate,
    maxWaiting,
    maxInputs,
    maxBytesInAll: maxBodies,
    hosts: allowHost,
    origins: origin,
    cascade: cascade?.options,
  };
}

/** A student as it is served, with the threshold of `--threshold`. */
function calibrated(
  served: ReturnType<typeof servedStudent>,
  given: number | undefined,
  cascade: OpenCascade | undefined,
): ReturnType<typeof servedStudent> {
  const {mode = 'cascade'} = cascade?.options ?? {};
  const withThreshold = (calibration: Partial<Calibration> = {}): Partial<Calibration> => {
    const threshold = given ?? calibration.threshold;
    if (cascade && mode === 'cascade' && threshold === undefined) {
      throw new InputError(
        'The model has no threshold, so it never asks its teacher. Give one with --threshold, for example 0.9.',
      );
    }
    return {...calibration, ...(threshold !== undefined && {threshold})};
  };
  const calibrations = Object.entries(served.calibrations ?? {}).map(
    ([name, own]) => [name, withThreshold(own)] as const,
  );
  // A student of several questions has a calibration for each.
  if (calibrations.length > 0) return {...served, calibrations: Object.fromEntries(calibrations)};
  return {...served, calibration: withThreshold(served.calibration)};
}

/** A version that changes with anything that can change an answer, in the model or the teacher behind it. */
function versionOfAll(student: Student, cascade: OpenCascade | undefined): string {
  const own = versionOf(student);
  if (cascade === undefined) return own;
  return createHash('sha256')
    .update(stringify([own, cascade.options.teacher.identity]))
    .digest('hex');
}

function summaryOf({tally}: RunningService, {options: {teacher, ledger}}: OpenCascade): string {
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

/** Waits for Ctrl-C, SIGTERM, or the end of the parent process. */
async function stopRequest(): Promise<void> {
  const signal = stopSignal();
  await new Promise<void>(stop => {
    signal.addEventListener('abort', () => stop(), {once: true});
    if (process.connected) process.once('disconnect', () => stop());
  });
}
