import {dirname} from 'node:path';
import {type Asking, type OpenTeacher, openAsking} from '../ask/asking.ts';
import {onceEach} from '../ask/notes.ts';
import {packChooser} from '../ask/probe/pack-chooser.ts';
import {type Engine, startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import {DEFAULT_CACHE, journalOf} from '../store/cache-path.ts';
import {noteOnSkipped} from '../store/quarantine.ts';
import type {Access, Teacher} from '../teacher.ts';
import {openReading} from './assistant-reading.ts';
import {Assistants} from './assistants.ts';
import {directoryOf, type KnowledgeHome, knowledgeRoot} from './folders.ts';
import type {OpenRecipe} from './methods.ts';
import type {OpenStudyOptions, StudyOptions, StudyProgress, Workers} from './options.ts';
import {openServices, type Services} from './services.ts';
import {asksHere, openTeachers} from './teachers.ts';
import {Trainer} from './training.ts';
import {noteOnWritten} from './written.ts';

export {directoryOf} from './folders.ts';
export {STUDY} from './options.ts';
export type {OpenStudyOptions, StudyOptions, StudyProgress, Workers};

/** A recipe at work: its engine, its teachers and the folder of its files. */
export interface Study extends KnowledgeHome {
  readonly recipe: OpenRecipe;
  /** Undefined if the study only asks, and none was needed. See `engineOf`. */
  readonly engine: Engine | undefined;
  readonly directory: string;
  readonly workers: Workers | undefined;
  /** The share of inputs that may be left without an answer. */
  readonly allowMissing: number;
  /** Whether answers may be bought, to train on, from providers whose terms forbid it; true if none are bought. */
  readonly hasPermission: boolean;
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
    knowledge,
    cache = DEFAULT_CACHE,
    allowMissing = ALLOWED_MISSING,
    hasPermission = recipe.hasPermission ?? false,
    ...others
  } = options;
  const {workers, signal, onProgress = () => {}, onNote: say = () => {}, ...rest} = others;
  const {asking: shared, packsOpen = false, engine: start = 'now', ...asked} = rest;
  const onNote = onceEach(say);
  checkShare(allowMissing);
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
  const computes =
    start === 'now' || recipe.queryPlans.some(({select}) => select) || [...byPlan.values()].some(asksHere);
  const engine = computes ? await startEngine() : undefined;
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
    knowledgeRoot: knowledgeRoot(directory, knowledge),
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
