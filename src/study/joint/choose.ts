import {jointPart} from '../../ask/joint-knowledge.ts';
import {mixSeed, shuffledIndices} from '../../data/random.ts';
import {InputError} from '../../errors.ts';
import {accuracy} from '../../evaluate/metrics.ts';
import {answersAt} from '../../knowledge/knowledge.ts';
import {targetsOf} from '../../losses/targets.ts';
import {columnsOf, headsOf} from '../../student/heads.ts';
import {predictLogits} from '../../student/predict.ts';
import type {StudentBuilder} from '../../student/student.ts';
import {bestOf, type Chosen} from '../choose.ts';
import {type CrossFit, temperatureFor} from '../cross-fit.ts';
import type {Candidate} from '../methods.ts';
import type {OnStep} from '../training.ts';
import {freshJointly, type JointJob, type JointTeaching} from './teaching.ts';

/** The student that a joint run trains, and the temperatures that calibrate its heads. */
export interface JointlyChosen extends Omit<Chosen, 'temperature'> {
  /** In the order of the questions. Undefined if the recipe has no calibration. */
  readonly temperatures: readonly number[] | undefined;
}

/**
 * Chooses among the students of a recipe and fits a temperature for each head of the chosen one, both by the same answers,
 * which none of them learned from. The agreement of a student is the mean over the questions, by their weights.
 *
 * @param onStep - called with the index of the trial, and its steps
 */
export async function chooseJointly(
  {seed, teaching}: JointJob,
  onStep: (trial: number) => OnStep | undefined,
): Promise<JointlyChosen> {
  const {students, trials, calibration} = teaching.parts[0]!.study.recipe;
  if (trials === 0) return {build: students[0]!, choice: undefined, temperatures: undefined};
  const tried: (Candidate & {readonly fits: readonly CrossFit[]})[] = [];
  let trial = 0;
  for (const build of students) {
    const {model} = freshJointly(teaching, seed, build);
    const fits = await crossFitJointly(teaching, build, seed, () => onStep(trial++));
    tried.push({name: model.name, parameters: model.countParams(), agreement: agreementOf(teaching, fits), fits});
    model.dispose();
  }
  const choice = students.length > 1 ? bestOf(tried.map(({fits: _, ...candidate}) => candidate)) : undefined;
  const chosen = choice?.chosen ?? 0;
  const temperatures =
    calibration && tried[chosen]!.fits.map((fit, index) => temperatureFor(teaching.knowledge.parts[index]!, fit));
  return {build: students[chosen]!, choice, temperatures};
}

function classesIn({knowledge}: JointTeaching, part: number): number {
  return knowledge.parts[part]!.classes.length;
}

function agreementOf(teaching: JointTeaching, fits: readonly CrossFit[]): number {
  const {questionWeights = {}} = teaching.parts[0]!.study.recipe.training;
  const weights = teaching.parts.map(({question}) => questionWeights[question.name] ?? 1);
  const agreements = fits.map(({logits, labels}, index) => accuracy(logits, labels, classesIn(teaching, index)));
  const sum = agreements.reduce((total, agreement, index) => total + weights[index]! * agreement, 0);
  return sum / weights.reduce((total, weight) => total + weight, 0);
}

/** As `crossFit` of one question: the answers of each head to inputs that no head learned from. */
async function crossFitJointly(
  teaching: JointTeaching,
  build: StudentBuilder,
  seed: number,
  onStep: () => OnStep | undefined,
): Promise<readonly CrossFit[]> {
  const {parts, knowledge} = teaching;
  const {recipe, trainer, signal} = parts[0]!.study;
  const {versions = 1} = knowledge;
  const count = knowledge.count / versions;
  if (count < recipe.folds) {
    throw new InputError(
      `To try students in ${recipe.folds} parts takes as many answers at least, and there are ${count}. Ask for more, or divide them in fewer parts: \`calibration.folds\`.`,
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
    const student = freshJointly(teaching, seed, build);
    const part = {...teaching, knowledge: jointPart(knowledge, known)};
    for await (const _ of trainer.trainJointly(student, part, seed, {onStep: onStep()}));
    const logits = await predictLogits(student, await knowledge.readInputs(asked), {signal});
    for (const [index, head] of headsOf(student).entries()) {
      const classes = head.classes.length;
      const own = columnsOf(logits, asked.length, head);
      const answered = asked.flatMap((row, at) => (knowledge.rows[index]![row] === -1 ? [] : [at]));
      const rows = answered.map(at => knowledge.rows[index]![asked[at]!]!);
      const {labels} = targetsOf(await answersAt(knowledge.parts[index]!, rows), classes);
      for (const at of answered) found[index]!.logits.push(...own.subarray(at * classes, (at + 1) * classes));
      found[index]!.labels.push(...labels);
    }
    student.model.dispose();
  }
  return found.map(({logits, labels}) => ({logits: Float32Array.from(logits), labels}));
}
