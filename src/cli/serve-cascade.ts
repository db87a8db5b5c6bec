import {resolve} from 'node:path';
import {type Asking, openAsking} from '../ask/asking.ts';
import type {BudgetLimit} from '../ask/budget/limit.ts';
import {aboutQuestion} from '../ask/compose/about-question.ts';
import {packChooser} from '../ask/probe/pack-chooser.ts';
import {noteEndings} from '../ask/provider/endings.ts';
import {partFile} from '../data/files.ts';
import {kindRead, readsTexts} from '../data/reading.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {satisfies, withoutFeatures} from '../knowledge/coarsen.ts';
import {hasOwnDetail} from '../questions.ts';
import {loadRecipe} from '../recipe/load.ts';
import {detailOfLevel, planMethods} from '../recipe/methods.ts';
import {recipesOf} from '../recipe/questions.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {referenceLevel} from '../recipe/resolve.ts';
import {refuseVectors} from '../recipe/vectors.ts';
import type {CascadeMode, CascadeOptions} from '../serve/cascade.ts';
import type {TeacherAnswered} from '../serve/teacher-gateway.ts';
import {TrafficLog} from '../serve/traffic.ts';
import type {PromiseOptions} from '../serve/watches.ts';
import {journalOf} from '../store/cache-path.ts';
import {type HeadColumns, headsOf} from '../student/heads.ts';
import {checkClassifies} from '../student/make-student.ts';
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
  checkClassifies(student, 'a cascade');
  checkTraffic(flags, student);
  const recipe = await loadRecipe(path);
  refuseVectors(recipe, 'A cascade');
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
    const chosen = packChooser({journal: journalOf(flags.cache), onNote: terminal.note});
    const teacher: Teacher = chosen(await source(services));
    await noteEndings([teacher], {onNote: terminal.note});
    const asking = await openTeacherAsking(flags, terminal);
    closing.push(() => asking.close());
    const logs: TrafficLogs = new Map();
    closing.push(async () => {
      for (const log of logs.values()) await log.close();
    });
    await openTraffic(logs, {teacher, student}, flags, terminal);
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
      onAnswer: (answered: TeacherAnswered) => logs.get(answered.query.question?.name)?.add(answered),
      onTrouble: seldom(error => terminal.note(`The teacher did not answer: ${error.message}`)),
    };
    return {options, close};
  } catch (error) {
    await close();
    throw error;
  }
}

/** The heads of a student, by the name of their question; by undefined if it answers one. */
function namedHeads(student: Student): ReadonlyMap<string | undefined, HeadColumns> {
  return new Map(headsOf(student).map(head => [student.heads && head.question?.name, head]));
}

/** @throws InputError if traffic is to be kept of a student that reads no texts */
function checkTraffic({traffic}: CascadeFlags, {reading}: Student): void {
  if (traffic === undefined || readsTexts(reading)) return;
  const read = reading === undefined ? 'takes numbers' : `reads ${inputsOfKinds(kindRead(reading))}`;
  throw new InputError(`--traffic keeps texts, and the student ${read}. Leave it out.`);
}

/**
 * The student's promises, and the file that keeps whether it is demoted. By default the file is next to the student's
 * folder, which must hold nothing else.
 */
function watchOptions(
  folder: string,
  student: Student,
  {question, agreement, audit, watch}: CascadeFlags,
  {note}: Terminal,
): PromiseOptions {
  const heads = [...namedHeads(student)].map(([name, {calibration}]) => {
    const {guarantee} = calibration ?? {};
    const held = agreement ?? guarantee?.agreement;
    return {name, promise: held === undefined ? undefined : {agreement: held, confidence: guarantee?.confidence}};
  });
  const bare = heads.filter(({promise}) => promise === undefined);
  if (audit !== 0 && bare.length > 0) {
    const on = student.heads ? ` for ${bare.map(({name}) => name).join(', ')}` : '';
    note(
      `The student carries no guarantee${on}, so audits measure and never demote it${on && ' on these'}. ` +
        'To hold it to a promise, add --agreement, for example 0.97.',
    );
  }
  if (bare.length === heads.length) return {};
  const part = question === undefined ? '' : `.${encodeURIComponent(question)}`;
  const promises = new Map(heads.flatMap(({name, promise}) => (promise ? [[name, promise] as const] : [])));
  return {
    ...(student.heads ? {promises: Object.fromEntries(promises)} : {promise: promises.get(undefined)}),
    watchFile: watch ?? `${resolve(folder)}${part}.watch.json`,
    onStanding: (change, name) => note(standingLine(change, promises.get(name)!.agreement, name)),
  };
}

/** The level of the recipe's last method that has a teacher. */
function levelLearnedFrom(recipe: Recipe): Access {
  const levels = recipe.methods.flatMap(({level}) => (level === 'none' ? [] : [level]));
  return levels.at(-1) ?? referenceLevel(recipe);
}

/**
 * The detail that the level's methods learn from, so that the answers can train students and kept answers can serve.
 */
function detailAsked(recipe: Recipe, level: Access, teacher: Teacher): Detail {
  const {detail} = teacher;
  // A question with a detail of its own is always answered in that.
  const methods = recipesOf(recipe)
    .filter(about => !hasOwnDetail(teacher, about))
    .flatMap(({recipe: own}) => planMethods(own.methods).methods);
  const wanted = withoutFeatures(detailOfLevel(methods, level));
  return methods.some(method => method.level === level) && satisfies(detail, wanted) ? wanted : withoutFeatures(detail);
}

function openTeacherAsking({cache, budget, wait}: CascadeFlags, {note: onNote}: Terminal): Promise<Asking> {
  const journal = journalOf(cache);
  // A service outlives an outage of its teacher. Repeated failures open the circuit breaker and don't end the service.
  return openAsking({cache, journal, wait, firstAnswerWithin: Number.POSITIVE_INFINITY, onNote, budget});
}

/** By the name of the question; by undefined for a student of one. */
type TrafficLogs = Map<string | undefined, TrafficLog>;

/** Opens a traffic file for each question. It names the teacher about that question, whose answers recipes learn from. */
async function openTraffic(
  logs: TrafficLogs,
  {teacher, student}: {readonly teacher: Teacher; readonly student: Student},
  {traffic, trafficLimit, question}: CascadeFlags,
  terminal: Terminal,
): Promise<void> {
  if (traffic === undefined) return;
  for (const [name, {classes}] of namedHeads(student)) {
    const path = name === undefined ? traffic : partFile(traffic, name);
    const asked = name ?? question ?? student.question?.name;
    const own = teacher.questions && asked !== undefined ? aboutQuestion(teacher, asked) : teacher;
    logs.set(name, await TrafficLog.open(path, {teacher: own, classes, maxBytes: trafficLimit, onEnd: terminal.note}));
  }
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
