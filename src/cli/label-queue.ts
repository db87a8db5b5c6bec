import {resolve} from 'node:path';
import {type BudgetLimit, checkKeepable} from '../ask/budget/limit.ts';
import {leavesOf} from '../ask/compose/parts.ts';
import {noteEndings} from '../ask/provider/endings.ts';
import {checkPermission} from '../ask/provider/terms.ts';
import {coordinate, endRun, type MissingReasons} from '../queue/coordinator.ts';
import {originOf, plansOf, runId} from '../queue/origin.ts';
import {type Run, type RunOptions, runCache} from '../queue/run.ts';
import {openQueueServer, type QueueServer} from '../queue/server.ts';
import {moduleDigest, pathHere} from '../queue/session.ts';
import {loadRecipe} from '../recipe/load.ts';
import {type ResolvedRecipe, resolveRecipe} from '../recipe/resolve.ts';
import {teachersAsked} from '../study/asking.ts';
import {checkStudyWritable} from '../study/folders.ts';
import {type QuestionStudy, withStudies} from '../study/studies.ts';
import {openStudy, type StudyOptions} from '../study/study.ts';
import type {Teacher} from '../teacher.ts';
import {checkMissing, type Found, type LabelFlags, type LabelledStudy, labelWhole, reportLabelled} from './label.ts';
import {studyOptions} from './study-options.ts';
import {openTerminal, type Terminal} from './terminal.ts';

interface QueueLabelFlags extends LabelFlags {
  readonly queue: string;
  readonly range?: number;
}

const RANGE = 512;

/** Lets the workers of a queue ask, and saves the knowledge when all ranges are answered. */
export async function runLabelOnQueue(path: string, flags: QueueLabelFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const options = studyOptions(flags, terminal);
  await checkStudyWritable(await loadRecipe(path), options);
  const server = await openQueueServer(flags.queue, terminal.note, options.signal);
  try {
    const study = studiesOf(path, flags, {...options, cache: flags.cache ?? flags.queue});
    const run = await study(studies => describeRun(path, flags, options, studies));
    terminal.note(`Run ${run.id} of ${run.name}. Workers take part with \`limbeck worker\` and the URL of this queue.`);
    const reasons = await coordinated(server, run, terminal, options.signal);
    await study(async studies => {
      const labelled = await assemble(studies, reasons, flags);
      reportLabelled(terminal, labelled);
      await endRun(server, run);
      for (const {study: one, found} of labelled) for (const each of found) checkMissing(one, each);
    });
  } finally {
    server.close();
  }
}

/**
 * Opens the studies of a recipe, which ask nobody, as often as they are needed. What workers keep in the meantime is seen
 * by those that are opened afterwards.
 */
function studiesOf(path: string, {level}: QueueLabelFlags, options: StudyOptions) {
  const resolved = new Map<string | undefined, ResolvedRecipe>();
  return async <T>(use: (studies: readonly QuestionStudy[]) => Promise<T>): Promise<T> =>
    withStudies(
      await loadRecipe(path),
      {...options, record: 'none', waitsForStore: true},
      async (about, own) => {
        const recipe = resolved.get(own.directory) ?? (await resolveRecipe(about, 'sample'));
        resolved.set(own.directory, recipe);
        return openStudy(recipe, level ? [level] : recipe.levels, own);
      },
      use,
    );
}

async function describeRun(
  path: string,
  {level, cache, range = RANGE, ...flags}: QueueLabelFlags,
  options: StudyOptions,
  studies: readonly QuestionStudy[],
): Promise<Run> {
  const {recipe} = studies[0]!.study;
  const levelsOf = (each: Pick<ResolvedRecipe, 'levels'>) => (level ? [level] : each.levels);
  const teachers = studies.flatMap(({study}) => teachersAsked(study, levelsOf(study.recipe)));
  const hasPermission = options.hasPermission ?? recipe.hasPermission ?? false;
  checkPermission(teachers, hasPermission);
  const {retryQuarantined = false, wait, budget = []} = options;
  checkBudget(budget, teachers);
  await noteEndings(teachers, options);
  const origin = originOf(studies, await moduleDigest(path), level);
  const asked: RunOptions = {retryQuarantined, keepGoing: flags.keepGoing ?? false, wait, hasPermission, budget};
  return {
    format: 1,
    id: runId(origin, range),
    name: recipe.name,
    path: pathHere(path),
    begun: new Date().toISOString(),
    level,
    range,
    origin,
    cache: runCache(cache, file => resolve(file)),
    options: asked,
  };
}

/** @throws InputError if nobody could tell when the budget is spent */
function checkBudget(budget: readonly BudgetLimit[], teachers: readonly Teacher[]): void {
  const leaves = teachers.flatMap(teacher => leavesOf(teacher, teacher.detail));
  for (const limit of budget) for (const {teacher} of leaves) checkKeepable(limit, teacher);
}

async function coordinated(
  server: QueueServer,
  run: Run,
  {progress: onProgress, note: onNote}: Terminal,
  signal: AbortSignal | undefined,
): Promise<MissingReasons> {
  try {
    return await coordinate(server, run, {signal, onProgress, onNote});
  } catch (error) {
    if (signal?.aborted) {
      onNote(
        'The workers go on. The same command, on any machine with the same recipe and data, waits for them again and ' +
          'saves the knowledge. `limbeck queue drain` stops them.',
      );
    }
    throw error;
  }
}

async function assemble(studies: readonly QuestionStudy[], reasons: MissingReasons, {level}: QueueLabelFlags) {
  let part = 0;
  const labelled: LabelledStudy[] = [];
  for (const {question, study} of studies) {
    const found: Found[] = [];
    for (const plan of plansOf(study.recipe, level)) found.push(await labelWhole(study, plan, reasons[part++]));
    labelled.push({study, question: question?.name, found});
  }
  return labelled;
}
