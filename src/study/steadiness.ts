import {readFile, rm} from 'node:fs/promises';
import {z} from 'zod';
import {askAll} from '../ask/each.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {compareAskings, type Repetition} from '../ask/probe/repetition.ts';
import {inputAt} from '../data/inputs.ts';
import {replaceFile} from '../data/replace-file.ts';
import {AnswerStoreError, LimbeckError} from '../errors.ts';
import {coarsen} from '../knowledge/coarsen.ts';
import {openKnowledge} from '../knowledge/open-knowledge.ts';
import {answerAt} from '../knowledge/table.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import type {Access, Detail, Outcome, Question, Teacher} from '../teacher.ts';
import {digestOf} from '../train/digest.ts';
import {type Asked, knowledgePath} from './asking.ts';
import type {MethodChanges} from './changes.ts';
import {askedBy, type Inquiry, inquiryOf, learnsFrom} from './inquiries.ts';
import {detailOfMethod} from './methods.ts';
import {steadinessSentence} from './report/steadiness.ts';
import type {Steadiness} from './results.ts';
import type {Study} from './study.ts';

/** An inquiry with what it brought. */
type Answered = Pick<Asked, 'inquiry' | 'knowledge'>;

/** Inputs that are asked about twice. */
const ASKED = 5;

/**
 * Finds out whether a gray-box service gives the same scores when it is asked again, by the first inputs that it answered.
 * The second answers are kept as another sample, so that a service is asked for them once; what is bought counts against
 * the budget.
 *
 * @returns undefined where that is not to be known: of another teacher, of one that is asked for labels, and where nothing
 * may be asked and nothing is kept
 */
async function checkSteadiness(study: Study, {inquiry, knowledge}: Answered): Promise<Steadiness | undefined> {
  const path = steadinessPath(study, inquiry);
  await rm(path, {force: true});
  const {level, methods} = inquiry;
  const asked = askedBy(inquiry, study.teacherOf(level));
  const {detail, answers, inputs} = knowledge;
  if (!isAskedAgain(level, asked, detail)) return undefined;
  const classes = asked.classes.length;
  const rows = rowsAskedAgain(inputs.count);
  const {teacher, ledger} = study.asking.open(asked);
  // In the other order, so that an answer which hangs on its place in a request is another one.
  const questions = rows.toReversed().map((row): Question => ({input: inputAt(inputs, row), sample: 1}));
  const outcomes = await askedAgain(study, teacher, questions, detail);
  const after = outcomes.toReversed().map(outcome => coarsened(outcome, detail, classes));
  const before = rows.map(row => ({answer: answerAt(answers, row, classes)}));
  const repetition = compareAskings(before, after, classes);
  if (repetition?.verdict === undefined || repetition.compared < rows.length / 2) return undefined;
  const {compared, flips, meanKl, verdict} = repetition;
  const isLost = (method: Method) => changesFor(study.recipe, method, verdict).learnsLabels;
  const fallbacks = methods.filter(isLost).map(({method}) => method);
  const found = {level, teacher: asked.name, compared, flips, meanKl: meanKl!, verdict, fallbacks};
  await replaceFile(path, file => file.writeFile(JSON.stringify({verdict, teacher: digestOf(knowledge.source)})));
  const steadiness = {...found, ledger: ledger.snapshot()};
  const note = steadinessSentence(steadiness);
  if (note !== undefined) study.onNote(note);
  return steadiness;
}

/** Whether a teacher is asked a second time: a service that shows scores. */
export function isAskedAgain(level: Access, {service}: Teacher, {kind}: Detail): boolean {
  return level === 'gray-box' && service !== undefined && kind !== 'label' && kind !== 'votes';
}

/** Places of the inputs that it is asked about again, of so many. */
export function rowsAskedAgain(count: number): readonly number[] {
  return Array.from({length: Math.min(ASKED, count)}, (_, row) => row);
}

/** Where it can't be asked, that is what comes of each question. */
async function askedAgain(
  {signal}: Study,
  teacher: LayeredTeacher,
  questions: readonly Question[],
  detail: Detail,
): Promise<readonly Outcome[]> {
  try {
    return await askAll(teacher, questions, {detail, ...(signal && {stop: signal})});
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof LimbeckError) || error instanceof AnswerStoreError) throw error;
    return questions.map(() => ({error}));
  }
}

/** A teacher may answer more than it was asked for. */
function coarsened(outcome: Outcome, detail: Detail, classes: number): Outcome {
  return 'answer' in outcome ? {answer: coarsen(outcome.answer, detail, classes)} : outcome;
}

/** What was found out about the services of a study's inquiries, and what it changes in each of its methods. */
export async function steadinessOf(
  study: Study,
  asked: readonly Answered[],
): Promise<{readonly found: readonly Steadiness[]; readonly changes: readonly MethodChanges[]}> {
  const all: {readonly inquiry: Inquiry; readonly steadiness: Steadiness | undefined}[] = [];
  for (const one of asked) all.push({inquiry: one.inquiry, steadiness: await checkSteadiness(study, one)});
  const changes = study.recipe.methods.map(method => {
    const own = all.find(({inquiry}) => learnsFrom(inquiry, method));
    return changesFor(study.recipe, method, own?.steadiness?.verdict);
  });
  return {found: all.flatMap(({steadiness}) => steadiness ?? []), changes};
}

/** Beside the knowledge, for students that are trained from it later. */
function steadinessPath({directory}: Pick<Study, 'directory'>, inquiry: Inquiry): string {
  return knowledgePath(directory, inquiry).replace(/\.safetensors$/, '.steadiness.json');
}

const fileSchema = z.object({
  verdict: z.enum(['same', 'noise', 'perturbed']),
  /** Whose answers it is about: a digest of the knowledge's source. */
  teacher: z.string(),
});

/** What was found out about the teacher whose answers are saved for a method; undefined where nothing was. */
export async function keptVerdict(study: Study, method: Method): Promise<Repetition['verdict']> {
  if (method.level === 'none') return undefined;
  const inquiry = inquiryOf(study.recipe, method);
  const text = await readFile(steadinessPath(study, inquiry), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const {verdict, teacher} = fileSchema.parse(JSON.parse(text));
  const {source, close} = await openKnowledge(knowledgePath(study.directory, inquiry));
  await close();
  return teacher === digestOf(source) ? verdict : undefined;
}

/** What a method is trained by instead, where its teacher's scores are not to be learned from. */
export function changesFor(
  {trustsScores = false}: Recipe,
  method: Method,
  verdict: Repetition['verdict'],
): MethodChanges {
  const learnsScores = !['label', 'votes'].includes(detailOfMethod(method).kind);
  return verdict === 'perturbed' && learnsScores && !trustsScores ? {learnsLabels: true} : {};
}
