import {resolve} from 'node:path';
import {type Asking, openAsking} from '../ask/asking.ts';
import type {BudgetLimit} from '../ask/budget/limit.ts';
import {InputError} from '../errors.ts';
import {satisfies, withoutFeatures} from '../knowledge/coarsen.ts';
import {loadRecipe} from '../recipe/load.ts';
import {detailOfLevel, planMethods} from '../recipe/methods.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {referenceLevel} from '../recipe/resolve.ts';
import type {CascadeMode, CascadeOptions} from '../serve/cascade.ts';
import {TrafficLog} from '../serve/traffic.ts';
import {journalOf} from '../store/cache-path.ts';
import type {Student} from '../student/student.ts';
import {openServices} from '../study/services.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import {standingLine} from './status.ts';
import type {Terminal} from './terminal.ts';

/** The flags for the teacher of a cascade. */
export interface CascadeFlags {
  /** Path of a recipe. */
  readonly teacher?: string;
  readonly level?: Access;
  readonly cache: string;
  readonly budget?: readonly BudgetLimit[];
  /** Milliseconds. */
  readonly wait?: number;
  readonly mode?: CascadeMode;
  /** Name of the head that is served. */
  readonly question?: string;
  /** A share, from 0 to 1. */
  readonly audit?: number;
  /** The promise, from 0 to 1. */
  readonly agreement?: number;
  /** Path of the file that keeps whether the student is demoted. */
  readonly watch?: string;
  /** Seconds. */
  readonly patience?: number;
  readonly traffic?: string;
  /** Bytes. */
  readonly trafficLimit: number;
}

/** The teacher behind a student, with everything that was opened for it. */
export interface OpenCascade {
  readonly options: CascadeOptions & Required<Pick<CascadeOptions, 'ledger'>>;
  close(): Promise<void>;
}

/** The least time between two reports of the same kind of error, in milliseconds. */
const TOLD_EVERY = 60_000;

/**
 * Opens the parts of a cascade: the teacher of a recipe with all its layers, and the traffic file.
 *
 * @throws InputError if student, recipe and flags don't fit together
 */
export async function openCascade(
  path: string,
  flags: CascadeFlags,
  {folder, student}: {readonly folder: string; readonly student: Student},
  terminal: Terminal,
): Promise<OpenCascade> {
  const {classes, reading} = student;
  if (flags.traffic !== undefined && reading === undefined) {
    throw new InputError('--traffic keeps texts, and the student takes numbers. Leave it out.');
  }
  const one = (['traffic', 'agreement', 'watch'] as const).find(name => student.heads && flags[name] !== undefined);
  if (one)
    throw new InputError(`--${one} is about one question, and the model answers several. Serve one with --question.`);
  const recipe = await loadRecipe(path);
  const level = flags.level ?? levelLearnedFrom(recipe);
  const source = recipe.teachers[level];
  if (source === undefined) throw new InputError(`The recipe has no ${level} teacher. Name another --level.`);
  const closing: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const one of closing.reverse()) await one();
  };
  try {
    const services = openServices();
    closing.push(() => services.close());
    const teacher: Teacher = await source(services);
    const asking = await openTeacherAsking(flags, terminal);
    closing.push(() => asking.close());
    const traffic = await openTraffic(teacher, classes, flags, terminal);
    if (traffic) closing.push(() => traffic.close());
    const {teacher: layered, ledger} = asking.open(teacher);
    const {mode, audit, patience} = flags;
    const options = {
      teacher: layered,
      anew: asking.openAnew(teacher, ledger).teacher,
      ledger,
      detail: detailAsked(recipe, level, teacher),
      mode,
      audit,
      ...watchOptions(folder, student, flags, terminal),
      patience: patience === undefined ? undefined : patience * 1000,
      onAnswer: traffic?.add.bind(traffic),
      onTrouble: seldom(error => terminal.note(`The teacher did not answer: ${error.message}`)),
    };
    return {options, close};
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The student's promise, and the file that keeps whether it is demoted. By default the file is next to the student's
 * folder, which must hold nothing else.
 */
function watchOptions(
  folder: string,
  {calibration, heads}: Student,
  {agreement = calibration?.guarantee?.agreement, question, audit, ...flags}: CascadeFlags,
  {note}: Terminal,
): Pick<CascadeOptions, 'promise' | 'watchFile' | 'onStanding'> {
  if (heads !== undefined) {
    if (audit !== 0) note('The student answers several questions, so audits measure each and never demote it.');
    return {};
  }
  if (agreement === undefined) {
    const problem = 'The student carries no guarantee, so audits measure and never demote it.';
    if (audit !== 0) note(`${problem} To hold it to a promise, add --agreement, for example 0.97.`);
    return {};
  }
  const {confidence} = calibration?.guarantee ?? {};
  const head = question === undefined ? '' : `.${encodeURIComponent(question)}`;
  const {watch = `${resolve(folder)}${head}.watch.json`} = flags;
  const promise = {agreement, ...(confidence !== undefined && {confidence})};
  return {promise, watchFile: watch, onStanding: change => note(standingLine(change, agreement))};
}

/** The level of the recipe's last method that has a teacher. */
function levelLearnedFrom(recipe: Recipe): Access {
  const levels = recipe.methods.flatMap(({level}) => (level === 'none' ? [] : [level]));
  return levels.at(-1) ?? referenceLevel(recipe);
}

/**
 * The detail that the level's methods learn from, so that the answers can train students and kept answers can serve.
 */
function detailAsked(recipe: Recipe, level: Access, {detail}: Teacher): Detail {
  const {methods} = planMethods(recipe.methods);
  const wanted = withoutFeatures(detailOfLevel(methods, level));
  return methods.some(method => method.level === level) && satisfies(detail, wanted) ? wanted : withoutFeatures(detail);
}

function openTeacherAsking({cache, budget, wait}: CascadeFlags, {note: onNote}: Terminal): Promise<Asking> {
  const journal = journalOf(cache);
  // A service outlives an outage of its teacher. Repeated failures open the circuit breaker and don't end the service.
  return openAsking({cache, journal, wait, firstAnswerWithin: Number.POSITIVE_INFINITY, onNote, budget});
}

async function openTraffic(
  teacher: Teacher,
  classes: readonly string[],
  {traffic, trafficLimit}: CascadeFlags,
  terminal: Terminal,
): Promise<TrafficLog | undefined> {
  if (traffic === undefined) return undefined;
  return TrafficLog.open(traffic, {teacher, classes, maxBytes: trafficLimit, onEnd: terminal.note});
}

/** Passes on an error unless one of its kind was reported recently. */
function seldom(tell: (error: Error) => void): (error: Error) => void {
  const toldAt = new Map<string, number>();
  return error => {
    const kind = error.name;
    const now = performance.now();
    if (now - (toldAt.get(kind) ?? Number.NEGATIVE_INFINITY) < TOLD_EVERY) return;
    toldAt.set(kind, now);
    tell(error);
  };
}
