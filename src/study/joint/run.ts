import type {Question} from '../../question.ts';
import {saveStudent} from '../../student/files.ts';
import {headOf} from '../../student/heads.ts';
import type {Calibration, Student} from '../../student/student.ts';
import type {StudentChoice} from '../method-choices.ts';
import {calibrate, gateOver, type LearnOptions, madeBy, studentPath, type TrainedToEnd, trainToEnd} from '../run.ts';
import type {OnStep} from '../training.ts';
import {chooseJointly} from './choose.ts';
import {freshJointly, type JointJob, type JointPart} from './teaching.ts';

/** A student of several questions that was trained and saved. */
export interface LearnedJointly extends TrainedToEnd {
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
