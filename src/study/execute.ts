import {existsSync} from 'node:fs';
import {readFile, rm} from 'node:fs/promises';
import {join} from 'node:path';
import {deserialize, serialize} from 'node:v8';
import {replaceFile} from '../data/files.ts';
import {predictLogits} from '../student/predict.ts';
import type {Calibration, Student, StudentBuilder} from '../student/student.ts';
import type {Json} from '../teacher.ts';
import {digestOf, digestOnce, fingerprintOf} from '../train/fingerprint.ts';
import type {AnyKnowledge} from '../train/lessons.ts';
import type {CheckpointOptions} from '../train/options.ts';
import {type Profile, secondsOf} from '../train/profile.ts';
import type {Run} from '../train/run.ts';
import type {Fit} from '../train/trend.ts';
import {atBudget, taught} from './divide.ts';
import type {ExpectedNext} from './expect-next.ts';
import {type AnsweredMethod, type AssistantUse, type CurvePoint, folderAt, type StudentChoice} from './methods.ts';
import {checkpointPath, learn, studentPath} from './run.ts';
import type {Study} from './study.ts';
import {engineOf, failureOf, type OnStep, trainingThreads} from './training.ts';

/** One run of a study: a method at a budget, from one seed. */
export interface RunJob {
  readonly method: AnsweredMethod;
  /** Number of inputs that it learns from, the first of its method's; undefined if from all of them. */
  readonly budget: number | undefined;
  readonly seed: number;
}

/** A student that was trained and has answered the test split. */
export interface Executed {
  /** Undefined if the recipe names one student. */
  readonly choice: StudentChoice | undefined;
  /** Undefined if the recipe has no assistant. */
  readonly assistant?: AssistantUse | undefined;
  /** See `Learned.next`. */
  readonly next?: ExpectedNext | undefined;
  readonly curve: readonly CurvePoint[];
  /** How well the student fits what it learned from. */
  readonly fit: Fit | undefined;
  readonly seconds: number;
  readonly profile: Profile;
  /** [test examples, classes], divided by the temperature that the student was calibrated to. */
  readonly logits: Float32Array;
  /** The student's. */
  readonly calibration: Calibration | undefined;
}

/**
 * Trains one student and lets it answer the test split. The run goes on from the step where an earlier process with the same
 * study left it. Its outcome is kept beside the student, and the checkpoint is then removed.
 */
export async function execute(study: Study, job: RunJob, onStep: OnStep): Promise<Executed> {
  const {seed} = job;
  const key = await keyOfRun(study, job);
  const method = atBudget(study.recipe, job.method, job.budget);
  const path = checkpointPath(study.directory, method, seed);
  const checkpoint: CheckpointOptions = {
    path,
    resume: 'if-possible',
    onResume: () => study.onNote('Goes on with the runs that an earlier process left.'),
  };
  const learned = await learn(study, method, seed, {checkpoint, onStep});
  const {student, choice, assistant, next, curve, fit, profile, directory} = learned;
  const {signal, recipe} = study;
  const logits = await predictLogits(student, recipe.data.test.inputs, {signal});
  student.model.dispose();
  const {calibration} = student;
  const {temperature} = calibration ?? {temperature: 1};
  const executed = {
    choice,
    assistant,
    next,
    calibration,
    curve,
    fit,
    seconds: secondsOf(profile),
    profile,
    logits: logits.map(logit => logit / temperature),
  };
  await keepRun(directory, key, executed);
  await rm(path, {force: true});
  return executed;
}

const FORMAT = 'limbeck.run/1';

interface KeptRun {
  readonly format: typeof FORMAT;
  /** See `keyOfRun`. */
  readonly key: string;
  readonly executed: Executed;
}

/** Keeps the outcome of a run beside its student, so that a study that goes on does not train it again. */
export async function keepRun(student: string, key: string, executed: Executed): Promise<void> {
  const kept: KeptRun = {format: FORMAT, key, executed};
  await replaceFile(keptPath(student), file => file.writeFile(serialize(kept)));
}

/** The kept outcome of a run by the folder of its student. Undefined if there is none, if it is damaged or of another run, or if its student is gone. */
export async function keptAt(student: string, keyOf: () => Promise<string>): Promise<Executed | undefined> {
  if (!existsSync(join(student, 'limbeck.json'))) return undefined;
  const bytes = await readFile(keptPath(student)).catch(() => undefined);
  const kept = bytes && deserialized(bytes);
  if (kept?.format !== FORMAT) return undefined;
  return kept.key === (await keyOf()) ? kept.executed : undefined;
}

/** The kept outcome of a run. Undefined as `keptAt` says. */
export function keptRun(study: Study, {method: whole, budget, seed}: RunJob): Promise<Executed | undefined> {
  const student = studentPath(study.directory, {folder: folderAt(whole, budget)}, seed);
  // A run that can't begin is no longer the kept one. Its error is told when it is trained.
  const keyOf = () => keyOfRun(study, {method: whole, budget, seed}).catch(failureOf(study.signal)) as Promise<string>;
  return keptAt(student, keyOf);
}

function keptPath(student: string): string {
  return `${student}.run`;
}

function deserialized(bytes: Buffer): KeptRun | undefined {
  try {
    return deserialize(bytes) as KeptRun;
  } catch {
    return undefined;
  }
}

/** The key of a run, which stands for all that decides what the run comes to: a digest, the same in every process. */
async function keyOfRun(study: Study, {method: whole, budget, seed}: RunJob): Promise<string> {
  const {recipe, trainer} = study;
  const {folds, assistedFolds, calibration, data} = recipe;
  const method = atBudget(recipe, whole, budget);
  const teaching = taught(method);
  const runs = await startsOf(study, teaching.knowledge, {
    fresh: build => trainer.fresh(seed, teaching, build),
    start: student => trainer.start(student, teaching, seed),
  });
  return digestOf({
    runs,
    // A worker has other threads than this process, and the students are trained with those of the study.
    threads: trainingThreads(study),
    folds,
    calibration: calibration ?? null,
    ...method.apart,
    ...(recipe.assistant && {assistant: trainer.assistantIdentity, assistedFolds}),
    test: digestOnce(data.test.inputs),
  });
}

/** How a run makes a student, and how it begins to train it. */
interface RunStart {
  readonly fresh: (build: StudentBuilder) => Student | Promise<Student>;
  readonly start: (student: Student) => Promise<Run>;
}

/** By student of the recipe: all that decides how a run goes, up to its first weights. */
export async function startsOf(
  study: Study,
  knowledge: AnyKnowledge,
  {fresh, start}: RunStart,
): Promise<readonly Json[]> {
  const engine = engineOf(study);
  const runs: Json[] = [];
  for (const build of study.recipe.students) {
    const student = await fresh(build);
    const run = await start(student);
    try {
      const weights = digestOf(run.weights.map(weight => weight.dataSync()));
      const own = await fingerprintOf(student, knowledge, run);
      runs.push({...own, engine: `${engine.name} ${engine.version}`, start: weights});
    } finally {
      run.dispose();
      student.model.dispose();
    }
  }
  return runs;
}
