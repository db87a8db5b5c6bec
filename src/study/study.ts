import {join} from 'node:path';
import {type Asking, type OpenTeacher, openAsking} from '../ask/asking.ts';
import type {BudgetLimit} from '../ask/budget/limit.ts';
import type {DriftOptions} from '../ask/drift.ts';
import type {RecordMode} from '../ask/keep/record.ts';
import type {LaneChoice} from '../ask/lane/lane-layers.ts';
import {type Dataset, drawExamples, type Split, type Unlabelled, type UnlabelledDataset} from '../data/split.ts';
import {type Engine, startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {DEFAULT_CACHE, journalOf} from '../store/cache-path.ts';
import {noteOnSkipped} from '../store/quarantine.ts';
import type {Access, Teacher} from '../teacher.ts';
import {checkSelections} from './check-selections.ts';
import {checkMethods, checkStudents, checkTeacher, checkTruth, checkViews} from './checks.ts';
import {ALLOWED_MISSING, checkShare} from './missing.ts';
import {openServices, type Services} from './services.ts';

export interface StudyOptions {
  /**
   * The folder for knowledge, students and results.
   *
   * @default `out/` and the recipe's name
   */
  readonly directory?: string;
  /**
   * Where answers are kept: a file, or the URL of a store such as `redis://127.0.0.1:6379`.
   *
   * @default '.limbeck/answers'
   */
  readonly cache?: string;
  /**
   * What is asked and what is only read: `none` asks nobody, every answer must be in the cache.
   *
   * @default 'new'
   */
  readonly record?: RecordMode;
  /**
   * The most that this run may spend, over all of its teachers.
   *
   * @default no limit
   */
  readonly budget?: readonly BudgetLimit[];
  /**
   * Whether to ask again about inputs whose answers could not be read.
   *
   * @default false
   */
  readonly retriesQuarantined?: boolean;
  /**
   * The share of inputs, from 0 to 1, that may be left without an answer: what is asked for goes on without them. More
   * are an error.
   *
   * @default 0.01
   */
  readonly allowMissing?: number;
  /**
   * How to watch whether services still answer as they did. Each check is paid for.
   *
   * @default they are not watched
   */
  readonly drift?: DriftOptions;
  /**
   * How many requests a teacher may get before the first usable answer: where so many brought none, the run stops.
   * Infinity goes on regardless.
   *
   * @default 20
   */
  readonly firstAnswerWithin?: number;
  /**
   * Asks services by their batch lanes: for less money, within a day.
   *
   * @default requests go out one by one
   */
  readonly lane?: LaneChoice;
  /**
   * Trains in worker processes, which load the recipe by the path of its module.
   *
   * @default in this process
   */
  readonly workers?: Workers;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StudyProgress) => void;
  /** Told what a person should know and no result shows, as sentences. */
  readonly onNote?: (note: string) => void;
}

export interface Workers {
  /** Path of the module that exports the recipe by default. */
  readonly module: string;
  /**
   * How many at most. It changes no result: each student is trained with the same number of threads.
   *
   * @default as many as there are cores, and memory for them
   */
  readonly count?: number;
}

/** How far a study is. The last of a task has `done` equal to `total`. */
export interface StudyProgress {
  /** What is being done, for people. */
  readonly task: string;
  /** What is under way may count by its part. */
  readonly done: number;
  readonly total: number;
  readonly detail?: string;
  /** @default unknown: a guess by what is done */
  readonly secondsLeft?: number;
}

/** One level's teacher with the layers around it, and what it has been asked by way of them. */
export interface OpenLevel extends OpenTeacher {
  readonly access: Access;
}

/** A recipe at work: its engine, data and teachers, and where its files go. */
export interface Study {
  readonly recipe: Recipe;
  readonly engine: Engine;
  readonly data: Dataset | UnlabelledDataset;
  /** The drawn training examples: the teachers are asked about their inputs, the baseline has their labels. */
  readonly drawn: Split<'train'> | Unlabelled<'train'>;
  readonly directory: string;
  readonly workers: Workers | undefined;
  /** The share of inputs that may be left without an answer. */
  readonly allowMissing: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: StudyProgress) => void;
  readonly onNote: (note: string) => void;
  /** What all teachers of the study are asked by way of. */
  readonly asking: Asking;
  /** The teacher of one of the study's levels, with no layers around it. */
  teacherOf(access: Access): Teacher;
  /** Puts the layers around the teacher of one of the study's levels, with a ledger of their own. Asks nothing yet. */
  openLevel(access: Access): OpenLevel;
  /** Stops the services that were started and closes the cache. */
  close(): Promise<void>;
}

/**
 * Opens what a recipe needs. Nothing is asked before everything was checked that can be.
 *
 * @param levels - those that will be asked
 * @throws InputError where a method can't learn from what its level answers
 */
export async function openStudy(recipe: Recipe, levels: readonly Access[], options: StudyOptions = {}): Promise<Study> {
  const {cache = DEFAULT_CACHE, record = 'new', budget = [], retriesQuarantined = false, signal} = options;
  const {drift, firstAnswerWithin, lane, allowMissing = ALLOWED_MISSING} = options;
  checkShare(allowMissing);
  checkMethods(recipe);
  const engine = await startEngine();
  const data = await recipe.data();
  const drawn = drawExamples(data.train, recipe.transfer);
  checkStudents(recipe, data);
  checkTruth(recipe, data);
  checkViews(recipe, data);
  checkSelections(recipe, data);
  const services = openServices();
  const teachers = await openTeachers(recipe, levels, data, services);
  const shared = {cache, journal: journalOf(cache), record, budget, retriesQuarantined};
  const guards = {...(drift && {drift}), ...(firstAnswerWithin !== undefined && {firstAnswerWithin})};
  const {onProgress = () => {}, onNote = () => {}} = options;
  const asking = await openAsking({...shared, ...guards, onNote, ...(lane && {lane})}).catch(async error => {
    await services.close();
    throw error;
  });
  noteDoubts(asking, onNote);
  noteSkipped(asking, onNote);
  return {
    recipe,
    engine,
    data,
    drawn,
    directory: directoryOf(recipe, options),
    workers: options.workers,
    allowMissing,
    signal,
    onProgress,
    onNote,
    asking,
    teacherOf: access => teachers.get(access)!,
    openLevel: access => ({access, ...asking.open(teachers.get(access)!)}),
    async close() {
      try {
        await services.close();
      } finally {
        await asking.close();
      }
    },
  };
}

function noteSkipped({skipped}: Asking, onNote: (note: string) => void): void {
  const note = noteOnSkipped(skipped);
  if (note !== undefined) onNote(note);
}

function noteDoubts({inDoubt: {keys, path}}: Asking, onNote: (note: string) => void): void {
  if (keys.length === 0) return;
  const named = keys.slice(0, 3).map(key => key.slice(0, 12));
  if (keys.length > named.length) named.push('…');
  onNote(
    `An earlier run ended while ${keys.length} inputs were under way (${named.join(', ')}; all in ${path}): ` +
      'they may have been charged for, and are asked about again.',
  );
}

export async function openTeachers(
  recipe: Recipe,
  levels: readonly Access[],
  data: Study['data'],
  services: Services,
): Promise<ReadonlyMap<Access, Teacher>> {
  const teachers = new Map<Access, Teacher>();
  try {
    for (const access of new Set(levels)) {
      const source = recipe.teachers[access];
      if (source === undefined) throw new InputError(`The recipe has no ${access} teacher. Add one to \`teachers\`.`);
      const teacher = await source(services);
      checkTeacher(teacher, access, recipe, data);
      teachers.set(access, teacher);
    }
    return teachers;
  } catch (error) {
    await services.close();
    throw error;
  }
}

/** The folder of a recipe's knowledge, students and results. */
export function directoryOf({name}: Recipe, {directory}: StudyOptions): string {
  return directory ?? join('out', name);
}
