import {readFile} from 'node:fs/promises';
import {hostname} from 'node:os';
import {isAbsolute, relative, resolve} from 'node:path';
import type {SharedAsking} from '../ask/asking-options.ts';
import type {Missing} from '../ask/collect.ts';
import {openSharedAsking} from '../ask/shared/open.ts';
import {BudgetError, InputError} from '../errors.ts';
import {loadRecipe} from '../recipe/load.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import {resolveRecipe} from '../recipe/resolve.ts';
import {sha256Of} from '../sha256.ts';
import {isStoreUrl} from '../store/cache-path.ts';
import {storeUrl} from '../store/store-url.ts';
import {answerRange} from '../study/shard.ts';
import {openStudies, type QuestionStudy} from '../study/studies.ts';
import {openStudy, type Study} from '../study/study.ts';
import {packageVersion} from '../version.ts';
import {differenceOf, originDifference, originOf, plansOf, short} from './origin.ts';
import type {MissingRows, RangeJob, RangeResult} from './ranges.ts';
import {cacheText, type Run, type RunOrigin} from './run.ts';
import type {QueueServer} from './server.ts';

export interface SessionOptions {
  /** @default the path that the run has */
  readonly recipe?: string | undefined;
  /** A file or a URL. @default where the run keeps its answers */
  readonly cache?: string | undefined;
  readonly onNote: (note: string) => void;
}

/** Why a worker takes no part in a run. */
export class Refusal extends InputError {}

/** The digests of the modules that this process has loaded, by path. A module is not loaded again if it changes. */
const loaded = new Map<string, string>();

/** The SHA-256 of a module. */
export async function moduleDigest(path: string): Promise<string> {
  return sha256Of(await readFile(path));
}

/** A path as the folder of this process has it; undefined if it is outside of that. */
export function pathHere(path: string): string | undefined {
  const here = relative(process.cwd(), resolve(path));
  return isAbsolute(here) || here.startsWith('..') ? undefined : here;
}

/** What a worker needs for the ranges of one run. It stays open between them. */
export class Session {
  readonly run: Run;
  readonly #studies: readonly QuestionStudy[];
  readonly #shared: SharedAsking;
  readonly #parts: readonly {readonly study: Study; readonly plan: QueryPlan}[];

  private constructor(run: Run, studies: readonly QuestionStudy[], shared: SharedAsking) {
    this.run = run;
    this.#studies = studies;
    this.#shared = shared;
    this.#parts = studies.flatMap(({study}) => plansOf(study.recipe, run.level).map(plan => ({study, plan})));
  }

  /**
   * Opens what a run needs.
   *
   * @param signal - sends nothing more when it aborts
   * @throws Refusal if the recipe, its data, a teacher, the version or the store is another than the run's
   */
  static async open(
    server: QueueServer,
    run: Run,
    {onNote, ...options}: SessionOptions,
    signal: AbortSignal,
  ): Promise<Session> {
    const path = await moduleOf(run, options);
    const cache = cacheOf(server, run, options);
    const {retryQuarantined, keepGoing, wait, hasPermission, budget} = run.options;
    const levels = run.level && [run.level];
    const asking = {retryQuarantined, wait, firstAnswerWithin: keepGoing ? Number.POSITIVE_INFINITY : undefined};
    const loaded = await loadRecipe(path);
    const shared = await openSharedAsking({url: server.url, run: budgetName(run), budget, onNote});
    const opening = openStudies(
      loaded,
      {...asking, cache, waitsForStore: true, shared, hasPermission, signal, onNote},
      async (about, own) => {
        const recipe = await resolveRecipe(about, 'sample', 'if needed');
        return openStudy(recipe, levels ?? recipe.levels, {...own, engine: 'if needed'});
      },
    );
    const studies = await opening.catch(async error => {
      await shared.close();
      throw error;
    });
    const session = new Session(run, studies, shared);
    const difference = originDifference(run.origin, originOf(studies, run.origin.recipe, run.level));
    if (difference === undefined) return session;
    await session.close();
    throw refusal(run, `${difference}.`);
  }

  /**
   * Answers a range.
   *
   * @param onProgress - called with the number of queries that have an outcome, and how many there are
   */
  async answer({part, from, to}: RangeJob, onProgress: (done: number, total: number) => void): Promise<RangeResult> {
    const {study, plan} = this.#parts[part]!;
    const told = {...study, onProgress: ({done, total}: {done: number; total: number}) => onProgress(done, total)};
    const {total, missing, ledger} = await answerRange(told, plan, {from, to});
    const {versions} = this.run.origin.parts[part]!;
    return {
      answered: total - missing.length,
      bought: ledger.bought,
      missing: byReason(missing, from * versions),
    };
  }

  async close(): Promise<void> {
    try {
      for (const {study} of this.#studies.toReversed()) await study.close();
    } finally {
      await this.#shared.close();
    }
  }
}

/** The name of the budget of a run. A run that begins anew has another one. */
function budgetName({id, begun}: Run): string {
  return `${id} ${begun}`;
}

/** @param first - index in the transfer set of the range's first query */
function byReason(missing: readonly Missing[], first: number): readonly MissingRows[] {
  const groups = new Map<string, {readonly isUnpaid: boolean; readonly rows: number[]}>();
  for (const {index, error} of missing) {
    const group = groups.get(error.message) ?? {isUnpaid: error instanceof BudgetError, rows: []};
    group.rows.push(first + index);
    groups.set(error.message, group);
  }
  return Array.from(groups, ([reason, group]) => ({reason, ...group}));
}

/**
 * The recipe's module of a run in this folder. It is compared before it is loaded.
 *
 * @throws Refusal if it is not there, or another
 */
export async function moduleOf(
  run: Pick<Run, 'id' | 'name' | 'path'> & {readonly origin: Pick<RunOrigin, 'version' | 'recipe'>},
  {recipe: given}: Pick<SessionOptions, 'recipe'>,
): Promise<string> {
  if (run.origin.version !== packageVersion()) {
    throw refusal(run, `${differenceOf('the version of limbeck', run.origin.version, packageVersion())}.`);
  }
  // A path from Redis never leads out of this folder.
  const path = given ?? (run.path === undefined ? undefined : pathHere(run.path));
  if (path === undefined) {
    throw new Refusal(
      `The recipe of run ${run.id} of ${run.name} was outside of its coordinator’s folder. Start the worker with ` +
        '`--recipe` and its path.',
    );
  }
  const digest = await moduleDigest(path).catch(() => undefined);
  if (digest === undefined) {
    throw new Refusal(
      `There is no ${path} here, which run ${run.id} of ${run.name} needs. Start the worker in the folder of the recipe, ` +
        'or with `--recipe` and its path.',
    );
  }
  if (digest !== run.origin.recipe) {
    throw refusal(run, `${differenceOf(path, short(run.origin.recipe), short(digest))}.`);
  }
  const known = loaded.get(resolve(path));
  if (known !== undefined && known !== digest) {
    throw new Refusal(`${path} has changed since this worker loaded it. Start the worker again.`);
  }
  loaded.set(resolve(path), digest);
  return path;
}

/** @throws Refusal if this worker can't use the store of the run */
function cacheOf(server: QueueServer, run: Run, {cache: given}: Pick<SessionOptions, 'cache'>): string {
  const {cache} = run;
  const own = given && (isStoreUrl(given) ? storeUrl(given).name : resolve(given));
  const where = `The answers of run ${run.id} of ${run.name} are kept in ${cacheText(cache)}`;
  if (cache.kind === 'queue') {
    if (own === undefined || own === server.name) return server.url;
    throw new Refusal(`${where}, and this worker has \`--cache ${own}\`. Leave it out.`);
  }
  if (cache.kind === 'url') {
    if (own === cache.name) return given!;
    throw new Refusal(`${where}. Start the worker with \`--cache\` and the URL of that store.`);
  }
  if (cache.machine !== hostname()) {
    throw new Refusal(
      `${where}, and this worker is on ${hostname()}. Keep them in a store that all can reach: label without \`--cache\`, ` +
        'or with the URL of one.',
    );
  }
  if (own === undefined || own === cache.path) return cache.path;
  throw new Refusal(`${where}, and this worker has \`--cache ${own}\`. Leave it out.`);
}

function refusal({id, name}: Pick<Run, 'id' | 'name'>, difference: string): Refusal {
  return new Refusal(
    `This worker takes no part in run ${id} of ${name}, because something is not the same: ${difference} ` +
      'Start it again when it is.',
  );
}
