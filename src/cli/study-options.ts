import type {BudgetLimit} from '../ask/budget/limit.ts';
import type {RecordMode} from '../ask/keep/record.ts';
import type {Recipe, RecipeChanges} from '../recipe/recipe.ts';
import type {StudyOptions} from '../study/study.ts';
import type {Terminal} from './terminal.ts';

/** The flags of every command that works on a recipe, as commander hands them over. */
export interface StudyFlags {
  readonly out?: string;
  readonly knowledge?: string;
  readonly cache?: string;
  readonly record?: RecordMode;
  readonly offline?: boolean;
  readonly budget?: readonly BudgetLimit[];
  readonly retryQuarantined?: boolean;
  /** What `retryQuarantined` was called before. */
  readonly retrySetAside?: boolean;
  readonly allowMissing?: number;
  readonly driftEvery?: number;
  readonly keepGoing?: boolean;
  readonly wait?: number;
  readonly iHavePermission?: boolean;
  readonly json?: boolean;
}

/** The options of a study out of its flags, with progress on the terminal and an end at the first Ctrl-C. */
export function studyOptions(
  {
    out,
    knowledge,
    cache,
    record,
    offline = false,
    budget = [],
    retrySetAside = false,
    retryQuarantined = retrySetAside,
    driftEvery,
    keepGoing = false,
    wait,
    allowMissing,
    iHavePermission,
  }: StudyFlags,
  terminal: Terminal,
): StudyOptions {
  return {
    directory: out,
    knowledge,
    cache,
    record: offline ? 'none' : (record ?? 'new'),
    budget,
    retryQuarantined,
    wait,
    allowMissing,
    hasPermission: iHavePermission,
    drift: driftEvery === undefined ? undefined : {every: driftEvery},
    firstAnswerWithin: keepGoing ? Number.POSITIVE_INFINITY : undefined,
    signal: stopSignal(),
    onProgress: terminal.progress,
    onNote: terminal.note,
  };
}

/** The flags that replace parts of a recipe. */
export interface BudgetFlags {
  readonly budgets?: readonly number[];
  /** How many. */
  readonly seeds?: number;
}

/** The changes that flags make to a recipe. If it has too few seeds, the next whole numbers are added. */
export function recipeChanges(
  {seeds: own}: Pick<Recipe, 'seeds'>,
  {budgets, seeds: count}: BudgetFlags,
): RecipeChanges {
  const seeds = own.slice(0, count);
  for (let seed = 1; count !== undefined && seeds.length < count; seed++) if (!seeds.includes(seed)) seeds.push(seed);
  return {...(budgets && {budgets}), ...(count && {seeds})};
}

const STOPPING = ['SIGINT', 'SIGTERM'] as const;

/** Aborts at the first Ctrl-C or SIGTERM, so that what is under way is kept; a second one ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  // Not `once`: whoever is the last to listen while a file is written (signal-exit) ends the process itself.
  const stop = (signal: NodeJS.Signals): void => {
    if (!controller.signal.aborted) {
      controller.abort();
      return;
    }
    for (const other of STOPPING) process.off(other, stop);
    process.kill(process.pid, signal);
  };
  for (const signal of STOPPING) process.on(signal, stop);
  return controller.signal;
}
