import {rm} from 'node:fs/promises';
import type {Question} from '../../question.ts';
import {saveStudent} from '../../student/files.ts';
import {columnsOf, headOf, headsOf} from '../../student/heads.ts';
import {predictLogits} from '../../student/predict.ts';
import type {Calibration, Student} from '../../student/student.ts';
import {digestOf, digestOnce} from '../../train/fingerprint.ts';
import type {CheckpointOptions} from '../../train/options.ts';
import {secondsOf} from '../../train/profile.ts';
import {type Executed, keepRun, keptAt, startsOf} from '../execute.ts';
import type {StudentChoice} from '../methods.ts';
import {
  calibrate,
  checkpointPath,
  gateOver,
  type LearnOptions,
  madeBy,
  studentPath,
  type TrainedToEnd,
  trainToEnd,
} from '../run.ts';
import {failureOf, type OnStep, questionPointOf, trainingThreads} from '../training.ts';
import {chooseJointly} from './choose.ts';
import {freshJointly, type JointJob, type JointPart} from './teaching.ts';

/** A student of several questions that was trained and saved. */
interface LearnedJointly extends TrainedToEnd {
  readonly student: Student;
  readonly directory: string;
  /** Undefined if the recipe names one student. */
  readonly choice: StudentChoice | undefined;
}

/** Trains and saves one student of all questions. See `trainToEnd`. */
export async function learnJointly(job: JointJob, {checkpoint, onStep}: LearnOptions): Promise<LearnedJointly> {
  const {seed, directory: root, teaching} = job;
  const {study, method} = teaching.parts[0]!;
  const {recipe, trainer} = study;
  const runs = recipe.trials + 1;
  const stepsOf = (run: number): OnStep | undefined =>
    onStep && (({step, steps}) => onStep({step: run * steps + step, steps: runs * steps}));
  const {build, choice, temperatures} = await chooseJointly(job, stepsOf);
  const student = freshJointly(teaching, seed, build);
  const trained = await trainToEnd(study, own => trainer.trainJointly(student, teaching, seed, own), {
    checkpoint,
    onStep: stepsOf(recipe.trials),
  });
  const heads: {question: Question; calibration?: Calibration}[] = [];
  for (const [index, part] of teaching.parts.entries()) {
    const temperature = temperatures?.[index];
    const {question} = part;
    heads.push(
      temperature === undefined ? {question} : {question, calibration: await calibrateHead(part, student, temperature)},
    );
  }
  const gate = await gateOver(recipe, teaching.knowledge, seed);
  const whole = {...student, heads, ...(gate && {gate})};
  const directory = studentPath(root, method, seed);
  await saveStudent(directory, whole, madeBy(study, method, seed, choice));
  return {student: whole, directory, choice, ...trained};
}

function calibrateHead(
  {question, study: {recipe, signal}, method: {apart, knowledge}}: JointPart,
  student: Student,
  temperature: number,
): Promise<Calibration> {
  return calibrate(recipe, headOf(student, question.name), knowledge, {temperature, ...apart, signal});
}

/**
 * Trains one student of all questions and lets it answer the test split. The run goes on from the step where an earlier
 * process with the same study left it. The outcome for each question is kept beside the student of that question.
 */
export async function executeJointly(job: JointJob, onStep: OnStep): Promise<readonly Executed[]> {
  const {directory, teaching, seed} = job;
  const {parts} = teaching;
  const {study: first, method: shared} = parts[0]!;
  const key = await keyOfRun(job);
  const path = checkpointPath(directory, shared, seed);
  const checkpoint: CheckpointOptions = {
    path,
    resume: 'if-possible',
    onResume: () => first.onNote('Goes on with the runs that an earlier process left.'),
  };
  const {student, choice, epochs, fit, profile} = await learnJointly(job, {checkpoint, onStep});
  const {inputs} = first.recipe.data.test;
  const whole = await predictLogits(student, inputs, {signal: first.signal});
  const outcomes: Executed[] = [];
  for (const [index, columns] of headsOf(student).entries()) {
    const {study, method, question} = parts[index]!;
    const {calibration} = columns;
    const {temperature} = calibration ?? {temperature: 1};
    const executed = {
      choice,
      calibration,
      curve: epochs.map(epoch => questionPointOf(epoch, question.name)),
      fit: fit?.questions?.[question.name],
      profile,
      seconds: secondsOf(profile),
      logits: columnsOf(whole, inputs.count, columns).map(logit => logit / temperature),
    };
    const folder = studentPath(study.directory, method, seed);
    await saveStudent(folder, headOf(student, question.name), madeBy(study, method, seed, choice));
    await keepRun(folder, key, executed);
    outcomes.push(executed);
  }
  student.model.dispose();
  await rm(path, {force: true});
  return outcomes;
}

/** The kept outcome of a joint run for each question. Undefined if that of any is, as `keptAt` says. */
export async function keptJointly(job: JointJob): Promise<readonly Executed[] | undefined> {
  const {parts} = job.teaching;
  let key: Promise<string> | undefined;
  // A run that can't begin is no longer the kept one. Its error is told when it is trained.
  const failed = failureOf(parts[0]!.study.signal) as (error: unknown) => never;
  const keyOf = () => (key ??= keyOfRun(job).catch(failed));
  const kept = await Promise.all(
    parts.map(({study, method}) => keptAt(studentPath(study.directory, method, job.seed), keyOf)),
  );
  return kept.every(one => one !== undefined) ? kept : undefined;
}

/** A digest of all that decides what a joint run comes to, the same in every process. */
async function keyOfRun({seed, teaching}: JointJob): Promise<string> {
  const {parts, knowledge} = teaching;
  const {study} = parts[0]!;
  const {folds, calibration} = study.recipe;
  const runs = await startsOf(study, knowledge, {
    fresh: build => freshJointly(teaching, seed, build),
    start: student => study.trainer.startJointly(student, teaching, seed),
  });
  return digestOf({
    runs,
    // As for one question, the threads are those of the study.
    threads: trainingThreads(study),
    folds,
    calibration: calibration ?? null,
    apart: parts.map(({method}) => ({...method.apart})),
    tests: parts.map(part => digestOnce(part.study.recipe.data.test.inputs)),
  });
}
