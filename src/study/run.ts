import {createHash} from 'node:crypto';
import {join} from 'node:path';
import {stringify} from 'safe-stable-stringify';
import {termsIn} from '../ask/provider/terms.ts';
import {shuffledIndices} from '../data/random.ts';
import {answersNeeded, answersShort, certify} from '../evaluate/guarantee.ts';
import {countOf, inputsAt, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {PlannedMethod} from '../recipe/methods.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {cascadeTarget} from '../recipe/resolve.ts';
import {saveStudent} from '../student/files.ts';
import {fitGate, type Gate, MOST_GATE_TEXTS} from '../student/gate.ts';
import type {Calibration, Student} from '../student/student.ts';
import type {Json} from '../teacher.ts';
import type {AnyKnowledge} from '../train/lessons.ts';
import type {CheckpointOptions, Epoch} from '../train/options.ts';
import {NO_TIME, type Profile} from '../train/profile.ts';
import type {Fit, JointFit} from '../train/trend.ts';
import {answeredLogits} from './answered-logits.ts';
import {chooseStudent} from './choose.ts';
import {taught} from './divide.ts';
import type {ExpectedNext} from './expect-next.ts';
import type {AnsweredMethod, AssistantUse, CurvePoint, StudentChoice} from './methods.ts';
import type {Study} from './study.ts';
import {checkSource, type OnStep, type OwnOptions, pointOf} from './training.ts';

export interface Learned {
  readonly student: Student;
  /** Undefined if the recipe names one student. */
  readonly choice: StudentChoice | undefined;
  /** Undefined if the recipe has no assistant. */
  readonly assistant?: AssistantUse | undefined;
  /** Undefined as `expectNext` says, if the recipe has budgets, which measure it, and if its teacher gives vectors. */
  readonly next?: ExpectedNext | undefined;
  readonly curve: readonly CurvePoint[];
  /** The epoch whose weights the student has: the last, or with early stopping the best. */
  readonly kept: CurvePoint;
  /** How well it fits what it learned from. */
  readonly fit: Fit | undefined;
  /** The time by task, in every process that took part. */
  readonly profile: Profile;
  /** The folder that it was saved in. */
  readonly directory: string;
}

export interface LearnOptions {
  /** Keeps the run on disk, and goes on with a kept one. */
  readonly checkpoint?: CheckpointOptions | undefined;
  readonly onStep?: OnStep | undefined;
}

/**
 * Trains and saves one student. Methods of one seed share initial weights and the order of batches. With a checkpoint
 * that it goes on from, the curve is that of the whole run.
 */
export async function learn(
  study: Study,
  method: AnsweredMethod,
  seed: number,
  {checkpoint, onStep}: LearnOptions = {},
): Promise<Learned> {
  const {recipe, trainer, signal} = study;
  const {knowledge, apart} = method;
  checkSource(method);
  const teaching = taught(method);
  // Those that choose and calibrate it are trained before the student that is kept, and count as parts of its run.
  const stepsOf = (run: number): OnStep | undefined =>
    onStep && (({step, steps}) => onStep({step: run * steps + step, steps: (recipe.trials + 1) * steps}));
  const {build, choice, temperature} = await chooseStudent(study, teaching, seed, stepsOf);
  const fresh = await trainer.fresh(seed, teaching, build);
  let assistant: AssistantUse | undefined;
  const onAssistant = (use: AssistantUse) => {
    assistant = use;
  };
  const begin = (own: OwnOptions) => trainer.train(fresh, teaching, seed, {...own, onAssistant});
  const {epochs, kept, fit, profile} = await trainToEnd(study, begin, {
    checkpoint,
    onStep: stepsOf(recipe.trials),
  });
  const calibration = temperature && (await calibrate(recipe, fresh, knowledge, {temperature, ...apart, signal}));
  const next = recipe.budgets || recipe.givesVectors ? undefined : await trainer.expectNext(teaching, seed, assistant);
  const gate = await gateOver(recipe, teaching.knowledge, seed);
  const student = {...fresh, ...(calibration && {calibration}), ...(gate && {gate})};
  const directory = studentPath(study.directory, method, seed);
  await saveStudent(directory, student, {
    ...madeBy(study, method, seed, choice),
    ...(assistant && {assistant: {...assistant}}),
  });
  const curve = epochs.map(pointOf);
  return {student, choice, assistant, next, curve, kept: curve[epochs.indexOf(kept)]!, fit, profile, directory};
}

/** What is saved beside a student, or a head of it. */
export function madeBy(
  {recipe}: Study,
  {level, method, changes: {learnsLabels, tuned}, knowledge}: AnsweredMethod,
  seed: number,
  choice: StudentChoice | undefined,
): Readonly<Record<string, Json>> {
  return {
    recipe: recipe.name,
    level,
    method,
    seed,
    teacher: teacherIn(knowledge),
    answers: countOf(knowledge),
    ...(learnsLabels && {learnsLabels}),
    ...(tuned && {tuned: {...tuned}}),
    ...(choice && {choice: {...choice, candidates: choice.candidates.map(candidate => ({...candidate}))}}),
  };
}

/**
 * The parts of a teacher's identity that may go where the student goes: which adapters and models it is made of, the
 * providers whose terms are known, and a hash of the whole. Prompts and addresses stay with the knowledge.
 */
function teacherIn({source: {access, identity}}: Pick<Knowledge, 'source'>): {readonly [key: string]: Json} {
  const hash = createHash('sha256').update(stringify(identity)!).digest('hex');
  const providers = termsIn(identity).map(({provider}) => provider);
  return {
    access,
    adapters: namesIn(identity, 'adapter'),
    models: namesIn(identity, 'model'),
    ...(providers.length > 0 && {providers}),
    identity: hash,
  };
}

/** The different texts under a key, at any depth. */
function namesIn(value: Json, key: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const found = Object.entries(value).flatMap(([name, part]) =>
    name === key && typeof part === 'string' ? [part] : namesIn(part, key),
  );
  return [...new Set(found)];
}

/** What a training came to. */
export interface TrainedToEnd {
  readonly epochs: readonly Epoch[];
  /** The one whose weights the student has: the last, or with early stopping the best. */
  readonly kept: Epoch;
  readonly fit: JointFit | undefined;
  readonly profile: Profile;
}

/**
 * Trains a student to the end. With a checkpoint that it goes on from, the epochs are those of the whole run.
 *
 * @param begin - begins the training with options of its own
 */
export async function trainToEnd(
  {recipe, onNote}: Study,
  begin: (own: OwnOptions) => AsyncGenerator<Epoch, void, void>,
  {checkpoint, onStep}: LearnOptions,
): Promise<TrainedToEnd> {
  const epochs: Epoch[] = [];
  let kept: Epoch | undefined;
  const add = (epoch: Epoch): void => {
    epochs.push(epoch);
    if (epoch.best || !recipe.training.earlyStopping) kept = epoch;
  };
  let [profile, fit]: [Profile, JointFit | undefined] = [NO_TIME, undefined];
  const training = begin({
    onStep,
    checkpoint: checkpoint && withEpochs(checkpoint, add),
    onFallback: reason => onNote(`The step runs operation by operation, slower than compiled: ${reason}.`),
    onProfile: spent => {
      profile = spent;
    },
    onFit: found => {
      fit = found;
    },
  });
  for await (const epoch of training) add(epoch);
  return {epochs, kept: kept!, fit, profile};
}

/** The gate of a student that learned from these texts, if it is one that may abstain. */
export async function gateOver(
  {calibration}: Pick<Recipe, 'calibration'>,
  training: AnyKnowledge,
  seed: number,
): Promise<Gate | undefined> {
  if (calibration === undefined) return undefined;
  const {versions = 1} = training;
  const count = countOf(training) / versions;
  const some = shuffledIndices(count, seed, 'texts for a gate').subarray(0, MOST_GATE_TEXTS);
  const inputs = await inputsAt(
    training,
    Array.from(some, input => input * versions),
  );
  return inputs.kind === 'text' ? fitGate(inputs.texts, seed) : undefined;
}

/** Adds the epochs from before the run was left as well. */
function withEpochs(checkpoint: CheckpointOptions, add: (epoch: Epoch) => void): CheckpointOptions {
  return {
    ...checkpoint,
    onResume(kept) {
      kept.epochs.forEach(add);
      checkpoint.onResume?.(kept);
    },
  };
}

/** The folder of a method's student. */
export function studentPath(directory: string, {folder}: Pick<PlannedMethod, 'folder'>, seed: number): string {
  return join(directory, 'students', folder, `seed-${seed}`);
}

/** The file of a run that is under way: beside its student's folder. */
export function checkpointPath(directory: string, method: Pick<PlannedMethod, 'folder'>, seed: number): string {
  return `${studentPath(directory, method, seed)}.checkpoint`;
}

interface CalibrateOptions {
  /** T, fitted to none of the calibration answers. */
  readonly temperature: number;
  /** Inputs, by their index, whose answers calibrate; the student must not have learned from them. */
  readonly calibrationInputs: readonly number[];
  /**
   * Inputs that were drawn as well and have no answer: they count as disagreements.
   *
   * @default 0
   */
  readonly unanswered?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds out how sure a student must be for its cascade to keep what the recipe promises. It is asked about inputs as they
 * are: the first version of each.
 *
 * @param student - as it is kept
 * @returns the temperature alone if nothing is promised, or if the answers are true labels, which say nothing of a teacher
 */
export async function calibrate(
  recipe: Pick<Recipe, 'calibration'>,
  student: Student,
  knowledge: Knowledge | StoredKnowledge,
  {temperature, calibrationInputs, unanswered = 0, signal}: CalibrateOptions,
): Promise<Calibration> {
  const target = cascadeTarget(recipe);
  if (target === undefined || knowledge.source.access === 'truth') return {temperature};
  const {versions = 1, classes} = knowledge;
  const {logits, labels} = await answeredLogits(student, knowledge, calibrationInputs, signal);
  const {threshold, guarantee} = certify(logits, labels, classes.length, {temperature, unanswered, ...target});
  if (calibrationInputs.length > 0) return {temperature, threshold, guarantee};
  // If there are enough and yet none may calibrate, as in traffic, those that are asked for next are drawn at random.
  const short = answersShort(countOf(knowledge) / versions, target, recipe.calibration?.share);
  const moreAnswers = short || answersNeeded(0, target);
  return {temperature, threshold, guarantee: {...guarantee, moreAnswers}};
}
