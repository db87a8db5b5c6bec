import {type JointKnowledge, joinKnowledge, jointPart} from '../ask/joint-knowledge.ts';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import {InputError} from '../errors.ts';
import {fitTemperature} from '../knowledge/fit-temperature.ts';
import {answersAt} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import type {Question} from '../question.ts';
import {saveStudent} from '../student/files.ts';
import {columnsOf, headOf, headsOf, withHeads} from '../student/heads.ts';
import {predictLogits} from '../student/predict.ts';
import type {Calibration, Student} from '../student/student.ts';
import type {Json} from '../teacher.ts';
import type {Epoch} from '../train/options.ts';
import {NO_TIME, type Profile} from '../train/profile.ts';
import type {Fit} from '../train/trend.ts';
import {atBudget} from './divide.ts';
import type {AnsweredMethod} from './methods.ts';
import type {CurvePoint} from './results.ts';
import {calibrate, gateOver, type LearnOptions, studentPath, withEpochs} from './run.ts';
import type {QuestionStudy, Study} from './study.ts';
import {checkSource, type OnStep, pointOf} from './training.ts';

/** One question of a study of several, and a method with the answers to it. */
export interface JointPart {
  readonly question: Question;
  /** The study of this question. */
  readonly study: Study;
  readonly method: AnsweredMethod;
}

/** @param methods - in the order of the studies */
export function jointParts(
  studies: readonly QuestionStudy[],
  methods: readonly AnsweredMethod[],
): readonly JointPart[] {
  return studies.map(({question, study}, index) => ({question: question!, study, method: methods[index]!}));
}

/** A student of several questions that was trained and saved. */
export interface LearnedJointly {
  readonly student: Student;
  readonly directory: string;
  readonly curve: readonly CurvePoint[];
  readonly fit: Fit | undefined;
  readonly profile: Profile;
}

/** What joint runs learn from. */
export interface JointTeaching {
  /** The same method for each question, at the budget. */
  readonly parts: readonly JointPart[];
  /** Number of inputs; undefined if all of them. */
  readonly budget: number | undefined;
  /** All answers but those to inputs that calibrate any head. */
  readonly taught: JointKnowledge;
}

/** One run of a study of several questions. */
export interface JointJob {
  /** The folder of the whole study. */
  readonly directory: string;
  /** Runs from several seeds share it. */
  readonly teaching: JointTeaching;
  readonly seed: number;
}

/**
 * An input that calibrates one head trains none of them: all share their layers.
 *
 * @param whole - the same method for each question
 * @param budget - number of inputs that it learns from; undefined if from all of them
 */
export async function teachingOf(whole: readonly JointPart[], budget: number | undefined): Promise<JointTeaching> {
  const parts = whole.map(part => ({...part, method: atBudget(part.study.recipe, part.method, budget)}));
  for (const {method} of parts) checkSource(method);
  const joint = await joinKnowledge(parts.map(({question, method}) => ({...method.knowledge, question})));
  const {versions = 1} = joint;
  const isApart = new Set<number>();
  for (const [index, {method}] of parts.entries()) {
    const own = new Set(method.apart.calibrationInputs.map(input => input * versions));
    for (const [row, at] of joint.rows[index]!.entries()) if (own.has(at)) isApart.add(Math.floor(row / versions));
  }
  const taught = Array.from({length: joint.count / versions}, (_, input) => input).filter(input => !isApart.has(input));
  return {parts, budget, taught: jointPart(joint, taught)};
}

/** Trains and saves one student of all questions. */
export async function learnJointly(job: JointJob, {checkpoint, onStep}: LearnOptions): Promise<LearnedJointly> {
  const {seed, directory: root, teaching} = job;
  const {parts, taught} = teaching;
  const [{study, method}] = parts as readonly [JointPart];
  const {recipe, trainer, signal, onNote} = study;
  const losses = lossesOf(parts);
  const runs = recipe.trials + 1;
  const stepsOf = (run: number): OnStep | undefined =>
    onStep && (({step, steps}) => onStep({step: run * steps + step, steps: runs * steps}));
  const temperatures = recipe.calibration && (await fitTemperatures(job, stepsOf));
  const student = freshStudent(parts, seed);
  const curve: CurvePoint[] = [];
  const add = (epoch: Epoch): void => {
    curve.push(pointOf(epoch));
  };
  let [profile, fit]: [Profile, Fit | undefined] = [NO_TIME, undefined];
  const epochs = trainer.trainJointly(student, taught, losses, seed, {
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
  for await (const epoch of epochs) add(epoch);
  const heads: {question: Question; calibration?: Calibration}[] = [];
  for (const [index, part] of parts.entries()) {
    const {question, study: own, method: answered} = part;
    const temperature = temperatures?.[index];
    if (temperature === undefined) heads.push({question});
    else {
      const head = headOf(student, question.name);
      const settings = {temperature, ...answered.apart, signal};
      heads.push({question, calibration: await calibrate(own.recipe, head, answered.knowledge, settings)});
    }
  }
  const gate = await gateOver(recipe, taught, seed);
  const whole = {...student, heads, ...(gate && {gate})};
  const directory = studentPath(root, method, seed);
  await saveStudent(directory, whole, madeBy(study, method, seed));
  return {student: whole, directory, curve, fit, profile};
}

export function freshStudent(parts: readonly JointPart[], seed: number): Student {
  const [{study}] = parts as readonly [JointPart];
  const {students, task} = study.recipe;
  return withHeads(
    students[0]!,
    parts.map(({question}) => question),
  )(task, seed);
}

export function lossesOf(parts: readonly JointPart[]): Readonly<Record<string, AnsweredMethod['losses']>> {
  return Object.fromEntries(parts.map(({question, method}) => [question.name, method.losses]));
}

export function madeBy(
  {recipe}: Study,
  {level, method, changes}: AnsweredMethod,
  seed: number,
): Readonly<Record<string, Json>> {
  return {recipe: recipe.name, level, method, seed, ...(changes.learnsLabels && {learnsLabels: true})};
}

/** T of each head, by cross-fitting: fitted to answers that none of the students learned from. */
async function fitTemperatures(
  {seed, teaching: {parts, taught}}: JointJob,
  stepsOf: (run: number) => OnStep | undefined,
): Promise<readonly number[]> {
  const [{study}] = parts as readonly [JointPart];
  const {trainer, signal, recipe} = study;
  const {versions = 1} = taught;
  const count = taught.count / versions;
  if (count < recipe.folds) {
    throw new InputError(
      `To calibrate students in ${recipe.folds} parts takes as many answers at least, and there are ${count}. Ask for more, or set \`calibration.folds\`.`,
    );
  }
  const order = shuffledIndices(count, mixSeed(seed, 'parts to calibrate by'));
  const found = parts.map(() => ({logits: [] as number[], labels: [] as number[]}));
  for (let fold = 0; fold < recipe.folds; fold++) {
    const known = order.filter((_, index) => index % recipe.folds !== fold);
    const asked = Array.from(
      order.filter((_, index) => index % recipe.folds === fold),
      input => input * versions,
    );
    const student = freshStudent(parts, seed);
    const options = {onStep: stepsOf(fold)};
    for await (const _ of trainer.trainJointly(student, jointPart(taught, known), lossesOf(parts), seed, options));
    const logits = await predictLogits(student, await taught.readInputs(asked), {signal});
    for (const [index, head] of headsOf(student).entries()) {
      const classes = head.classes.length;
      const own = columnsOf(logits, asked.length, head);
      const answered = asked.flatMap((row, at) => (taught.rows[index]![row] === -1 ? [] : [at]));
      const rows = answered.map(at => taught.rows[index]![asked[at]!]!);
      const {labels} = targetsOf(await answersAt(taught.parts[index]!, rows), classes);
      for (const at of answered) found[index]!.logits.push(...own.subarray(at * classes, (at + 1) * classes));
      found[index]!.labels.push(...labels);
    }
    student.model.dispose();
  }
  return found.map(({logits, labels}, index) =>
    fitTemperature(Float32Array.from(logits), labels, taught.parts[index]!.classes.length),
  );
}
