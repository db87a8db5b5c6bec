import {mkdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {type Collection, type CollectOptions, collectAnswered, type Missing} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {withProgress} from '../ask/progress/meter.ts';
import {mixSeed} from '../data/random.ts';
import {type TransferSet, transferSet} from '../data/split.ts';
import {PendingError} from '../errors.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import {describeShares, planOf, type Selection, type SelectOptions, strategyName} from '../select/options.ts';
import {describeRound, type SelectionRound} from '../select/round.ts';
import {selectInRounds} from '../select/select-in-rounds.ts';
import type {Access, Teacher} from '../teacher.ts';
import {keep} from './knowledge.ts';
import type {MethodSelection, OpenMethod} from './methods.ts';
import {checkAsked, isUnasked, type Labelled} from './missing.ts';
import type {Study} from './study.ts';

/**
 * Asks a teacher about the transfer set once, at the fullest detail that the methods need, and saves what is known of the
 * inputs that were answered; poorer details are made of it.
 *
 * @throws KnowledgeError if the budget ended or a batch has not ended before all inputs were asked about
 */
export async function askQueries(study: Study, plan: QueryPlan): Promise<Labelled> {
  const found = await collected(study, plan);
  if ('pending' in found) throw found.pending;
  checkAsked(found);
  return labelled(study, found);
}

/**
 * The teachers that are asked for answers to train on.
 *
 * @param levels - @default all of the recipe
 */
export function teachersAsked(
  {recipe, teacherFor}: Study,
  levels: readonly Access[] = recipe.levels,
): readonly Teacher[] {
  return recipe.queryPlans.filter(({level}) => levels.includes(level)).map(teacherFor);
}

/** Nothing yet: what was asked is in batches that have not ended. */
export interface Pending extends Pick<Labelled, 'plan' | 'ledger' | 'teacher'> {
  readonly pending: PendingError;
}

/**
 * Asks as `askQueries` does, and saves what is known of the inputs that were answered.
 *
 * @param reasons - by index in the transfer set, why other processes got no answer. It replaces what is known here
 */
export async function labelQueries(
  study: Study,
  plan: QueryPlan,
  reasons: ReadonlyMap<number, Error> = new Map(),
): Promise<Labelled | Pending> {
  const found = await collected(study, plan);
  if ('pending' in found) return found;
  const missing = found.missing.map(({index, error}) => ({index, error: reasons.get(index) ?? error}));
  return labelled(study, {...found, missing});
}

async function labelled(study: Study, found: Omit<Labelled, 'path'>): Promise<Labelled> {
  // Nothing is known yet of the inputs that another run may answer.
  const unanswered = found.missing.filter(one => !isUnasked(one)).length;
  const knowledge = unanswered === 0 ? found.knowledge : {...found.knowledge, unanswered};
  return {...found, knowledge, path: await keep(study, found.plan, knowledge)};
}

/**
 * The answers about the transfer set, or about inputs that the plan's method chooses instead. Saves no knowledge.
 *
 * @param transfer - @default all that the plan asks about
 */
export async function collected(
  study: Study,
  plan: QueryPlan,
  transfer: TransferSet = study.recipe.transferOf(plan),
): Promise<Omit<Labelled, 'path'> | Pending> {
  const opened = study.asking.open(study.teacherFor(plan));
  const {teacher, ledger} = opened;
  const {count: total} = transfer.inputs;
  const collection = await withProgress(study, opened, {task: taskOf(plan), total}, progress =>
    collectedFrom(teacher, study, plan, transfer, progress),
  );
  return {plan, teacher: teacher.name, ledger: ledger.snapshot(), total, ...collection};
}

/** The name of a plan's asking, for people. */
export function taskOf({name}: QueryPlan): string {
  return `ask ${name}`;
}

/** The answers that a teacher with its layers gives. */
export async function collectedFrom(
  teacher: LayeredTeacher,
  study: Study,
  plan: QueryPlan,
  transfer: TransferSet,
  progress: Pick<CollectOptions, 'signal' | 'onProgress'>,
): Promise<(Collection & Pick<Labelled, 'selection'>) | Pick<Pending, 'pending'>> {
  const {select, detail} = plan;
  const methods = study.recipe.methods.filter(({queryPlan}) => queryPlan === plan);
  for (const method of methods) if (isUnseen(method)) study.onNote(noteOnViews(method, teacher));
  const options = {detail, ...progress};
  try {
    if (select !== undefined) return await askSelected(study, {...methods[0]!, select}, plan, teacher, options);
    return await collectAnswered(teacher, transfer, options);
  } catch (error) {
    if (error instanceof PendingError) return {pending: error};
    throw error;
  }
}

/** Whether nobody answers a method's views: its students see the inputs as they are. */
function isUnseen({views, viewing}: OpenMethod): boolean {
  return views !== undefined && views.count === undefined && viewing.view === undefined;
}

function noteOnViews({method}: OpenMethod, {name}: Teacher): string {
  return (
    `Method \`${method}\` learns from the inputs as they are: ${name} does not answer while students are trained, ` +
    'and how many views of each input it is to be asked about beforehand is not said. Give `views.count`.'
  );
}

/**
 * Asks a teacher in rounds about training inputs that a method's own students choose, at most as many as are drawn for the
 * others. Tells the outcome of each round, and saves the choice beside the knowledge.
 *
 * @throws as `selectInRounds` does
 */
async function askSelected(
  study: Study,
  method: OpenMethod & {readonly select: Selection},
  plan: QueryPlan,
  teacher: LayeredTeacher,
  options: CollectOptions,
): Promise<Collection & {readonly selection: MethodSelection}> {
  const {recipe, trainer} = study;
  const {size: most, seed = 0} = recipe.transfer;
  const path = join(study.directory, 'knowledge', `${plan.fileName}.selection.json`);
  const rounds: SelectionRound[] = [];
  const missing: Missing[] = [];
  const pool = transferSet(recipe.data.train);
  const selecting: SelectOptions = {
    ...method.select,
    ...options,
    most,
    seed,
    // So many are drawn at random besides.
    calibration: recipe.calibrationSizeOf(most),
    encodings: study.cacheFolder,
    train: (knowledge, drawn) =>
      trainer.chooser({...method, knowledge}, mixSeed(recipe.seeds[0]!, `chooses by ${drawn}`)),
  };
  study.onNote(
    `Method \`${method.method}\` asks about at most ${most} inputs: ${describeShares(planOf(pool.inputs, selecting))}.`,
  );
  for await (const round of selectInRounds(teacher, pool, selecting)) {
    study.onNote(describeRound(round));
    rounds.push(round);
    for (const one of round.missing) missing.push(one);
    await saveSelection(path, method.select, rounds);
  }
  const {knowledge, stopped} = rounds.at(-1)!;
  // Otherwise the last answer said so.
  if (stopped !== 'most') options.onProgress?.(most);
  return {knowledge, missing, selection: selectionOf(method.select, rounds)};
}

function selectionOf(select: Selection, rounds: readonly SelectionRound[]): MethodSelection {
  return {
    by: strategyName(select),
    rounds: rounds.map(({round, rows, held, agreement, gain, stopped}) => ({
      round,
      answers: rows.length,
      held,
      agreement,
      gain,
      stopped,
    })),
  };
}

async function saveSelection(path: string, select: Selection, rounds: readonly SelectionRound[]): Promise<void> {
  // Indices in the training split of the inputs of the knowledge, in its order.
  const document = {...selectionOf(select, rounds), rows: Array.from(rounds.at(-1)!.rows)};
  await mkdir(dirname(path), {recursive: true});
  await writeFileAtomic(path, `${JSON.stringify(document, undefined, 2)}\n`);
}
