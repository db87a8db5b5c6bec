import {join} from 'node:path';
import type {ProgressTeacher} from '../ask/batches.ts';
import {createLedger, type Ledger} from '../ask/ledger.ts';
import {stack} from '../ask/teacher-stack.ts';
import {type Dataset, draw, type Split} from '../data/split.ts';
import {type Engine, startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {openAnswerStore} from '../knowledge/store.ts';
import {checkObjective} from '../losses/objective.ts';
import type {Recipe} from '../recipe/recipe.ts';
import type {Access, Teacher} from '../teacher.ts';
import {detailOfMethod} from './methods.ts';
import {openServices} from './services.ts';

export interface StudyOptions {
  /**
   * The folder for knowledge, students and results.
   *
   * @default `out/` and the recipe's name
   */
  readonly directory?: string;
  /**
   * The file of kept answers.
   *
   * @default '.limbeck/answers'
   */
  readonly cache?: string;
  /**
   * Asks nobody: every answer must be in the cache.
   *
   * @default false
   */
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: StudyProgress) => void;
}

/** How far a study is. The last of a task has `done` equal to `total`. */
export interface StudyProgress {
  /** What is being done, for people. */
  readonly task: string;
  readonly done: number;
  readonly total: number;
  readonly detail?: string;
}

/** One level's teacher with the layers around it, and what it has been asked by way of them. */
export interface OpenLevel {
  readonly access: Access;
  readonly teacher: ProgressTeacher;
  readonly ledger: Ledger;
}

/** A recipe at work: its engine, data and teachers, and where its files go. */
export interface Study {
  readonly recipe: Recipe;
  readonly engine: Engine;
  readonly data: Dataset;
  /** The drawn training examples: the teachers are asked about their inputs, the baseline has their labels. */
  readonly drawn: Split<'train'>;
  readonly directory: string;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: StudyProgress) => void;
  /** Puts the layers around a level's teacher, with a ledger of their own. Asks nothing yet. */
  openLevel(access: Access): Promise<OpenLevel>;
  /** Stops the services that were started and closes the cache. */
  close(): Promise<void>;
}

/**
 * Opens what a recipe needs. Nothing is asked before everything was checked that can be.
 *
 * @throws InputError where a method can't learn from what its level answers
 */
export async function openStudy(recipe: Recipe, options: StudyOptions = {}): Promise<Study> {
  const {cache = '.limbeck/answers', offline = false, signal} = options;
  for (const method of recipe.methods) {
    checkObjective(method.losses, detailOfMethod(method), `Method \`${method.method}\``);
  }
  const engine = await startEngine();
  const data = await recipe.data();
  const store = openAnswerStore({path: cache});
  const services = openServices();
  const teachers = new Map<Access, Promise<Teacher>>();
  const teacherOf = (access: Access): Promise<Teacher> => {
    const source = recipe.teachers[access];
    if (source === undefined) throw new InputError(`The recipe has no ${access} teacher. Add one to \`teachers\`.`);
    const teacher = teachers.get(access) ?? Promise.resolve(source(services));
    teachers.set(access, teacher);
    return teacher;
  };
  return {
    recipe,
    engine,
    data,
    drawn: draw(data.train, recipe.transfer),
    directory: directoryOf(recipe, options),
    signal,
    onProgress: options.onProgress ?? (() => {}),
    async openLevel(access) {
      const ledger = createLedger();
      return {access, ledger, teacher: stack(checked(await teacherOf(access), data), {store, ledger, offline})};
    },
    async close() {
      await services.close();
      await store.close();
    },
  };
}

/** The folder of a recipe's knowledge, students and results. */
export function directoryOf({name}: Recipe, {directory}: StudyOptions): string {
  return directory ?? join('out', name);
}

/** The classes of teacher and data must be the same in the same order: an index means a class to both. */
function checked(teacher: Teacher, {classes}: Dataset): Teacher {
  if (JSON.stringify(teacher.classes) === JSON.stringify(classes)) return teacher;
  throw new InputError(
    `Teacher ${teacher.name} speaks of the classes ${teacher.classes.join(', ')}, the data of ${classes.join(', ')}. ` +
      'Give both the same names in the same order.',
  );
}
