import {dirname, join} from 'node:path';
import {type Asking, type AskingOptions, type OpenTeacher, openAsking} from '../ask/asking.ts';
import {ASKING} from '../ask/asking-options.ts';
import {onceEach} from '../ask/notes.ts';
import {packChooser} from '../ask/probe/pack-chooser.ts';
import {type Engine, startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {kinds, type Shape} from '../options.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {Recipe, RecipeChanges} from '../recipe/recipe.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import {DEFAULT_CACHE, journalOf} from '../store/cache-path.ts';
import {noteOnSkipped} from '../store/quarantine.ts';
import type {Access, Teacher} from '../teacher.ts';
import {openReading} from './assistant-reading.ts';
import {Assistants} from './assistants.ts';
import type {OpenRecipe} from './methods.ts';
import {openServices, type Services} from './services.ts';
import {openTeachers} from './teachers.ts';
import {Trainer} from './training.ts';
import {noteOnWritten} from './written.ts';

export interface StudyOptions extends Omit<AskingOptions, 'cache' | 'journal' | 'onNote' | 'interruption'> {
  /**
   * The folder for knowledge, students and results.
   *
   * @default `out/` and the recipe's name
   */
  readonly directory?: string | undefined;
  /**
   * Where answers are kept: a file, or the URL of a store such as `redis://127.0.0.1:6379`. The journal stands beside it.
   *
   * @default '.limbeck/answers'
   */
  readonly cache?: string | undefined;
  /**
   * The share of inputs, from 0 to 1, that may be left without an answer: what is asked for goes on without them. More
   * are an error.
   *
   * @default 0.01
   */
  readonly allowMissing?: number | undefined;
  /**
   * True if you have the permission of providers whose terms forbid to train models on their answers.
   *
   * @default as the recipe says
   */
  readonly hasPermission?: boolean | undefined;
  /**
   * Trains in worker processes, which load the recipe by the path of its module.
   *
   * @default in this process
   */
  readonly workers?: Workers | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: StudyProgress) => void) | undefined;
  /** Told what a person should know and no result shows, as sentences. */
  readonly onNote?: ((note: string) => void) | undefined;
}

const {journal: _, interruption: __, ...ASKED} = ASKING;

export const STUDY: Shape<StudyOptions> = {
  ...ASKED,
  directory: kinds.text,
  allowMissing: kinds.number,
  hasPermission: kinds.flag,
  workers: kinds.object,
  signal: kinds.object,
  onProgress: kinds.call,
};

export interface Workers {
  /** Path of the module that exports the recipe by default. */
  readonly module: string;
  /**
   * How the study's recipe differs from the module's.
   *
   * @default not
   */
  readonly changes?: RecipeChanges | undefined;
  /**
   * How many at most. It changes no result: each student is trained with the same number of threads.
   *
   * @default as many as there are cores, and memory for them
   */
  readonly count?: number | undefined;
}

/** How far a study is. The last of a task has `done` equal to `total`. */
export interface StudyProgress {
  /** Name of the task, for people. */
  readonly task: string;
  /** Work that is under way may count by its part. */
  readonly done: number;
  readonly total: number;
  readonly detail?: string | undefined;
  /** @default unknown: a guess by what is done */
  readonly secondsLeft?: number | undefined;
}

/** A recipe at work: its engine, its teachers and the folder of its files. */
export interface Study {
  readonly recipe: OpenRecipe;
  readonly engine: Engine;
  readonly directory: string;
  readonly workers: Workers | undefined;
  /** The share of inputs that may be left without an answer. */
  readonly allowMissing: number;
  /** Whether answers may be bought, to train on, from providers whose terms forbid it; true if none are bought. */
  readonly hasPermission: boolean;
  /** The folder of its cache, in which encodings are kept too. */
  readonly cacheFolder: string;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: StudyProgress) => void;
  /** Tells each note once. */
  readonly onNote: (note: string) => void;
  /** All students of the study are trained by it. */
  readonly trainer: Trainer;
  /** All teachers of the study are asked through it. */
  readonly asking: Asking;
  /** The teacher of one of the study's levels, with no layers around it. */
  teacherOf(access: Access): Teacher;
  /** The teacher that a query plan asks, with no layers around it. */
  teacherFor(plan: QueryPlan): Teacher;
  /** Puts the layers around the teacher of one of the study's levels, with a ledger of their own. Asks nothing yet. */
  openLevel(access: Access): OpenTeacher;
  /** Stops the services that were started and closes the cache. */
  close(): Promise<void>;
}

export interface OpenStudyOptions extends Pick<AskingOptions, 'interruption'> {
  /**
   * Where another study asks. Both then share one cache and one budget, and this study leaves it open.
   *
   * @default its own, by the options
   */
  readonly asking?: Asking | undefined;
  /**
   * True to leave the size of packs open where a probe is to choose it (`pack: 'auto'`).
   *
   * @default false: it is the one that the last probe allows
   */
  readonly packsOpen?: boolean | undefined;
}

/**
 * Opens what a recipe needs. Nothing is asked before everything was checked that can be.
 *
 * @param levels - those that will be asked
 * @throws InputError if a method can't learn from what its level answers
 */
export async function openStudy(
  recipe: ResolvedRecipe,
  levels: readonly Access[],
  options: StudyOptions & OpenStudyOptions = {},
): Promise<Study> {
  const {
    directory = directoryOf(recipe),
    cache = DEFAULT_CACHE,
    allowMissing = ALLOWED_MISSING,
    hasPermission = recipe.hasPermission ?? false,
    ...others
  } = options;
  const {workers, signal, onProgress = () => {}, onNote: say = () => {}, ...rest} = others;
  const {asking: shared, packsOpen = false, ...asked} = rest;
  const onNote = onceEach(say);
  checkShare(allowMissing);
  const engine = await startEngine();
  const journal = journalOf(cache);
  const cacheFolder = dirname(journal);
  const services = openServices();
  const assistants = await openAssistants(recipe, cacheFolder, services);
  const trainer = new Trainer(recipe, {signal, assistants, cacheFolder});
  const {byLevel, byPlan, methods} = await openTeachers(
    recipe,
    levels,
    services,
    packsOpen ? undefined : packChooser({journal, onNote}),
  );
  const open = () => openAsking({...asked, cache, journal, onNote});
  const asking = await (shared ??
    open().catch(async error => {
      await services.close();
      throw error;
    }));
  if (shared === undefined) noteSkipped(asking, onNote);
  const note = noteOnWritten(recipe);
  if (note !== undefined) onNote(note);
  return {
    recipe: {...recipe, methods},
    engine,
    directory,
    workers,
    allowMissing,
    hasPermission: hasPermission || asked.record === 'none',
    cacheFolder,
    signal,
    onProgress,
    onNote,
    trainer,
    asking,
    teacherOf: access => byLevel[access]!,
    teacherFor: plan => byPlan.get(plan)!,
    openLevel: access => asking.open(byLevel[access]!),
    async close() {
      try {
        await services.close();
      } finally {
        if (shared === undefined) await asking.close();
        await assistants?.close();
      }
    },
  };
}

/** @throws InputError if the assistant can't be opened; the services are then closed */
async function openAssistants(
  recipe: ResolvedRecipe,
  cacheFolder: string,
  services: Services,
): Promise<Assistants | undefined> {
  const {assistant} = recipe;
  if (assistant === undefined) return undefined;
  try {
    return new Assistants(assistant, recipe, await openReading(assistant, cacheFolder, services));
  } catch (error) {
    await services.close();
    throw error;
  }
}

/** The share of inputs that may be left without an answer before a command fails, if nothing else is said. */
const ALLOWED_MISSING = 0.01;

/** @throws InputError */
function checkShare(allowMissing: number): void {
  if (allowMissing >= 0 && allowMissing <= 1) return;
  throw new InputError(`Expected \`allowMissing\` to be a share from 0 to 1, got ${allowMissing}.`);
}

function noteSkipped({skipped}: Asking, onNote: (note: string) => void): void {
  const note = noteOnSkipped(skipped);
  if (note !== undefined) onNote(note);
}

/** The folder of a recipe's knowledge, students and results. */
export function directoryOf({name}: Pick<Recipe, 'name'>, {directory}: StudyOptions = {}): string {
  return directory ?? join('out', name);
}
