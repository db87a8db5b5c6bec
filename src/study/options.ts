import type {Asking, AskingOptions} from '../ask/asking.ts';
import {ASKING} from '../ask/asking-options.ts';
import {kinds, type Shape} from '../options.ts';
import type {RecipeChanges} from '../recipe/recipe.ts';
import type {EngineStart} from '../recipe/resolve.ts';

export interface StudyOptions extends Omit<AskingOptions, 'cache' | 'journal' | 'onNote' | 'interruption'> {
  /**
   * The folder for knowledge, students and results.
   *
   * @default `out/` and the recipe's name
   */
  readonly directory?: string | undefined;
  /**
   * Where knowledge is kept, in shards: `s3://BUCKET/PREFIX`.
   *
   * @default the folder `knowledge` of `directory`
   */
  readonly knowledge?: string | undefined;
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
  knowledge: kinds.text,
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
  /**
   * When the engine starts. A study that only asks needs it if its inputs are chosen in rounds, or if a model of this process
   * answers.
   *
   * @default 'now'
   */
  readonly engine?: EngineStart | undefined;
}
