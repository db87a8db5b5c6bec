import type {Question} from '../question.ts';
import {saveStudent} from '../student/files.ts';
import {headOf} from '../student/heads.ts';
import type {Calibration, Student} from '../student/student.ts';
import type {Json} from '../teacher.ts';
import type {Epoch} from '../train/options.ts';
import {NO_TIME, type Profile} from '../train/profile.ts';
import type {JointFit} from '../train/trend.ts';
import {chooseJointly} from './joint-choose.ts';
import {freshJointly, type JointJob, type JointPart} from './joint-teaching.ts';
import type {StudentChoice} from './method-choices.ts';
import {calibrate, gateOver, type LearnOptions, studentPath, withEpochs} from './run.ts';
import type {OnStep} from './training.ts';

/** A student of several questions that was trained and saved. */
export interface LearnedJointly {
  readonly student: Student;
  readonly directory: string;
  /** Undefined if the recipe names one student. */
  readonly choice: StudentChoice | undefined;
  readonly epochs: readonly Epoch[];
  /** The epoch whose weights the student has: the last, or with early stopping the best. */
  readonly kept: Epoch;
  readonly fit: JointFit | undefined;
  readonly profile: Profile;
}

/**
 * Trains and saves one student of all questions. With a checkpoint that it goes on from, the epochs are those of the whole
 * run.
 */
export async function learnJointly(job: JointJob, {checkpoint, onStep}: LearnOptions): Promise<LearnedJointly> {
  const {seed, directory: root, teaching} = job;
  const {study, method} = teaching.parts[0]!;
  const {recipe, trainer, onNote} = study;
  const runs = recipe.trials + 1;
  const stepsOf = (run: number): OnStep | undefined =>
    onStep && (({step, steps}) => onStep({step: run * steps + step, steps: runs * steps}));
  const {build, choice, temperatures} = await chooseJointly(job, stepsOf);
  const student = freshJointly(teaching, seed, build);
  const epochs: Epoch[] = [];
  let kept: Epoch | undefined;
  const add = (epoch: Epoch): void => {
    epochs.push(epoch);
    if (epoch.best || !recipe.training.earlyStopping) kept = epoch;
  };
  let [profile, fit]: [Profile, JointFit | undefined] = [NO_TIME, undefined];
  const training = trainer.trainJointly(student, teaching, seed, {
    onStep: stepsOf(recipe.trials),
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
  await saveStudent(directory, whole, madeBy(teaching.parts[0]!, seed, choice));
  return {student: whole, directory, choice, epochs, kept: kept!, fit, profile};
}

function calibrateHead(
  {question, study: {recipe, signal}, method: {apart, knowledge}}: JointPart,
  student: Student,
  temperature: number,
): Promise<Calibration> {
  return calibrate(recipe, headOf(student, question.name), knowledge, {temperature, ...apart, signal});
}

/** What is saved beside a student, or a head of it. */
export function madeBy(
  {study: {recipe}, method: {level, method, changes}}: JointPart,
  seed: number,
  choice: StudentChoice | undefined,
): Readonly<Record<string, Json>> {
  return {
    recipe: recipe.name,
    level,
    method,
    seed,
    ...(changes.learnsLabels && {learnsLabels: true}),
    ...(choice && {choice: {...choice, candidates: choice.candidates.map(candidate => ({...candidate}))}}),
  };
}
