import {mkdir, readFile, rm} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {z} from 'zod';
import {askAll} from '../ask/batches.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {type Ceiling, ceilingOf, compareAskings, type Repetition} from '../ask/probe/repetition.ts';
import {replaceFile} from '../data/files.ts';
import {inputAt} from '../data/inputs.ts';
import {shuffledIndices} from '../data/random.ts';
import {AnswerStoreError, LimbeckError} from '../errors.ts';
import {answerAt} from '../knowledge/answers.ts';
import {coarsen, namedBy} from '../knowledge/coarsen.ts';
import type {PlannedMethod, QueryPlan} from '../recipe/methods.ts';
import type {Recipe, RepeatabilityOptions} from '../recipe/recipe.ts';
import type {Access, Detail, Outcome, Query, Teacher} from '../teacher.ts';
import {digestOf} from '../train/fingerprint.ts';
import {rowsAskedAgain} from './divide.ts';
import {type KnowledgeHome, openSaved} from './folders.ts';
import type {MethodChanges} from './methods.ts';
import type {Asked} from './missing.ts';
import {measurable, type Reference} from './reference.ts';
import {repeatabilitySentence} from './report/sentences.ts';
import type {Repeatability} from './results.ts';
import type {Study} from './study.ts';

/**
 * Finds out whether a gray-box service gives the same scores when it is asked again, by the first inputs that it answered.
 * The second answers are kept as another sample, so that a service is asked for them once. They count against the budget.
 *
 * @returns undefined if that can't be known: for another teacher, for one that is asked for labels, if answers of it were
 * imported, and if nothing may be asked and nothing is kept
 */
export async function checkRepeatability(
  {recipe, asking, signal, onNote, ...study}: Study,
  {plan, knowledge, ledger: {imported = 0}}: Asked,
): Promise<Repeatability | undefined> {
  const path = repeatabilityPath(study, plan);
  await rm(path, {force: true});
  const {level} = plan;
  const {detail, answers, inputs, classes} = knowledge;
  const asked = study.teacherFor(plan);
  if (!isAskedAgain(level, asked, detail)) return undefined;
  if (imported > 0) {
    onNote(
      `It is not checked whether ${asked.name} gives the same scores again: ${imported} of its answers were imported, perhaps from other prompts.`,
    );
    return undefined;
  }
  const doubtful = recipe.methods.filter(method => method.queryPlan === plan && doubtsScores(recipe, method));
  const rows = rowsAskedAgain(inputs.count);
  // In reverse order: an answer that depends on its index in a request then changes.
  const queries = rows.toReversed().map((row): Query => ({input: inputAt(inputs, row), sample: 1}));
  const {teacher, ledger} = asking.open(asked);
  const outcomes = await askedAgain(teacher, queries, detail, signal);
  // A teacher may answer more than it was asked for.
  const after = outcomes
    .toReversed()
    .map(outcome => ('answer' in outcome ? {answer: coarsen(outcome.answer, detail)} : outcome));
  const before = rows.map(row => ({answer: answerAt(answers, row, classes.length)}));
  const repetition = compareAskings(before, after);
  if (repetition?.verdict === undefined || repetition.compared < rows.length / 2) return undefined;
  const {compared, flips, meanKl, verdict} = repetition;
  await mkdir(dirname(path), {recursive: true});
  await replaceFile(path, file => file.writeFile(JSON.stringify({verdict, teacher: digestOf(knowledge.source)})));
  const fallbacks = verdict === 'perturbed' ? doubtful.map(({method}) => method) : [];
  const found = {level, teacher: asked.name, compared, flips, meanKl: meanKl!, verdict, fallbacks};
  const repeatability = {...found, ledger: ledger.snapshot()};
  const note = repeatabilitySentence(repeatability);
  if (note !== undefined) onNote(note);
  return repeatability;
}

/** Whether a teacher is asked a second time: a service that shows distributions. */
export function isAskedAgain(level: Access, {service}: Teacher, {kind}: Detail): boolean {
  return level === 'gray-box' && service !== undefined && !['label', 'votes', 'expected', 'vector'].includes(kind);
}

/** If it can't be asked, each query gets that error. */
async function askedAgain(
  teacher: LayeredTeacher,
  queries: readonly Query[],
  detail: Detail,
  signal: AbortSignal | undefined,
  onSettled?: (count: number) => void,
): Promise<readonly Outcome[]> {
  try {
    return await askAll(teacher, queries, {detail, onSettled, stop: signal});
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof LimbeckError) || error instanceof AnswerStoreError) throw error;
    return queries.map(() => ({error}));
  }
}

/**
 * Finds out how often the teacher that students are measured against names the same class again, by inputs of the test
 * split that are asked about a second time. The second answers are kept as another sample and count against the budget. A
 * model in this process that shows its logits is not asked: they are a function of the input.
 *
 * @returns undefined if the recipe does not ask for it, or no input was answered a second time
 */
export async function measureCeiling(
  {recipe, asking, signal, onNote, onProgress, teacherOf}: Study,
  {name, named}: Pick<Reference, 'name' | 'named'>,
): Promise<Ceiling | undefined> {
  const {repeatability, reference, data} = recipe;
  if (repeatability === undefined) return undefined;
  const asked = teacherOf(reference);
  if (isFunctionOfInput(asked)) return ceilingOf(name, 0, 0);
  const rows = testRowsAskedAgain(named.length, repeatability).filter(row => named[row]! >= 0);
  const queries = rows.map((row): Query => ({input: inputAt(data.test.inputs, row), sample: 1}));
  const {teacher, ledger} = asking.open(asked);
  const [task, total] = [`ask ${reference} again`, queries.length];
  let done = 0;
  const onSettled = (count: number) => {
    done = Math.min(done + count, total - 1);
    onProgress({task, done, total});
  };
  onProgress({task, done, total});
  const outcomes = await askedAgain(teacher, queries, measurable(asked.detail), signal, onSettled);
  onProgress({task, done: total, total});
  const again = outcomes.map(outcome => ('answer' in outcome ? namedBy(outcome.answer) : undefined));
  const compared = again.filter(label => label !== undefined).length;
  if (compared < total) {
    const reason = outcomes.flatMap(outcome => ('error' in outcome ? [outcome.error.message] : []))[0]!;
    onNote(
      `${total - compared} of ${total} test inputs that ${name} was to be asked about again have no second answer: ${reason}`,
    );
  }
  if (compared === 0) return undefined;
  const same = again.filter((label, index) => label === named[rows[index]!]).length;
  return {...ceilingOf(name, same, compared), ledger: ledger.snapshot()};
}

/** Whether a teacher's logits are a function of the input: those of a model in this process. */
export function isFunctionOfInput({access, service, parts}: Teacher): boolean {
  return access === 'white-box' && service === undefined && parts === undefined;
}

/** Indices of the inputs of the test split that are asked about again, out of so many. */
export function testRowsAskedAgain(count: number, {inputs}: RepeatabilityOptions): readonly number[] {
  return [...shuffledIndices(count, 0, 'test inputs that are asked about again').subarray(0, inputs)];
}

/** The file stands beside the knowledge if that is not in a bucket. It is for students that are trained later. */
function repeatabilityPath({directory}: Pick<Study, 'directory'>, plan: QueryPlan): string {
  return join(directory, 'knowledge', `${plan.fileName}.steadiness.json`);
}

const fileSchema = z.object({
  verdict: z.enum(['same', 'noise', 'perturbed']),
  /** The teacher whose answers it is about: a digest of the knowledge's source. */
  teacher: z.string(),
});

/** The verdict on the teacher whose answers are saved for a method; undefined if there is none. */
export async function keptVerdict(
  study: Pick<Study, 'directory'> & KnowledgeHome,
  {queryPlan}: PlannedMethod,
): Promise<Repetition['verdict']> {
  if (queryPlan === undefined) return undefined;
  const text = await readFile(repeatabilityPath(study, queryPlan), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const {verdict, teacher} = fileSchema.parse(JSON.parse(text));
  const {source, close} = await openSaved(study, queryPlan);
  await close();
  return teacher === digestOf(source) ? verdict : undefined;
}

/** The changes to a method whose teacher's scores are not to be learned from; none otherwise. */
export function changesFor(
  recipe: Pick<Recipe, 'trustsScores'>,
  method: PlannedMethod,
  verdict: Repetition['verdict'],
): MethodChanges {
  return verdict === 'perturbed' && doubtsScores(recipe, method) ? {learnsLabels: true} : {};
}

/** Whether a method learns from labels in place of scores that its teacher perturbs. */
function doubtsScores({trustsScores = false}: Pick<Recipe, 'trustsScores'>, {detail}: PlannedMethod): boolean {
  return !trustsScores && detail.kind !== 'label' && detail.kind !== 'votes';
}
