import {selectRows} from '../data/inputs.ts';
import {mixSeed, shuffledIndices} from '../data/random.ts';
import {accuracy} from '../evaluate/metrics.ts';
import {expectedLevels} from '../evaluate/scores.ts';
import {mean} from '../evaluate/statistics.ts';
import {namedBy} from '../knowledge/coarsen.ts';
import {answersAt, countOf, inputsAt} from '../knowledge/knowledge.ts';
import {type Targets, targetsOf} from '../losses/targets.ts';
import {columnsOf} from '../student/heads.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {rowsIn} from './batch-source.ts';
import {type AnyKnowledge, ASSISTANT, type Lesson} from './lessons.ts';
import type {Progress} from './progress.ts';
import type {Run} from './run.ts';
import {type Fit, growthOf, type JointFit, type Moment, PARTS, partOf, trendOf} from './trend.ts';

/** A student that gives this share of its training answers has learned them. */
const LEARNED = 0.95;

/** A loss still falls if twice the run would take away this share of it, or if it has kept this share of its pace. */
const FALLING = 0.25;

/** Validation accuracy still grows if twice the run would add so much to it. */
const GROWING = 0.005;

/** So few steps bring no student to rest, and are too few for a trend. */
const FEW_STEPS = 100;

/** After few steps, a student that gives less than this share of its answers has hardly begun. */
const BEGUN = 0.9;

/** A student that has learned less than this share of what the most frequent class leaves has hardly begun. */
const LEAST_LEARNED = 0.1;

/** The most training inputs that a student is asked about. */
const ASKED = 1000;

/**
 * Asks a trained student about inputs that it learned from, and looks at the course of its run.
 *
 * @param stopped - true if early stopping ended the run
 */
export async function fitOf(
  student: Student,
  knowledge: AnyKnowledge,
  {run, progress, stopped}: {readonly run: Run; readonly progress: Progress; readonly stopped: boolean},
): Promise<JointFit> {
  const {seed, signal, compile} = run.options;
  const answered = 'answered' in knowledge ? knowledge.answered : knowledge;
  const rows = shuffledIndices(countOf(answered), mixSeed(seed, 'fit')).subarray(0, ASKED);
  const logits = await predictLogits(student, await inputsAt(knowledge, rows), {signal, compile});
  const lessons = run.lessons.filter(({name}) => name !== ASSISTANT);
  const learned = await Promise.all(lessons.map(lesson => learnedOf(lesson, rows, logits)));
  const meanOf = (key: keyof Learned) => learned.reduce((sum, each) => sum + each[key], 0) / learned.length;
  const shares = {trainingAgreement: meanOf('trainingAgreement'), mostFrequent: meanOf('mostFrequent')};
  const judge = (shares: Learned, question?: string) =>
    judgeFit({...shares, stopped, steps: run.steps, ...courseOf(run, progress, question)});
  const questions = lessons.flatMap(({name}, index) =>
    name === undefined ? [] : [[name, judge(learned[index]!, name)] as const],
  );
  return {...judge(shares), ...(questions.length > 0 && {questions: Object.fromEntries(questions)})};
}

type Learned = Pick<Judged, 'trainingAgreement' | 'mostFrequent'>;

/**
 * How much of one lesson a student has learned.
 *
 * @param logits - [rows, all columns]
 */
async function learnedOf(lesson: Lesson, rows: Int32Array, logits: Float32Array): Promise<Learned> {
  const {knowledge, head} = lesson;
  const answered = Array.from(rows.keys()).filter(index => lesson.rows?.[rows[index]!] !== -1);
  const own = Int32Array.from(answered, index => rows[index]!);
  const classes = knowledge.classes.length;
  const targets = targetsOf(await answersAt(knowledge, rowsIn(lesson, own)), classes);
  const scores = columnsOf(selectRows(logits, logits.length / rows.length, answered), own.length, head);
  return {trainingAgreement: agreementOf(scores, targets, classes), mostFrequent: mostFrequentShare(targets.labels)};
}

/** Which level is the most probable is not learned from expected levels. The level nearest to the student's own is. */
function agreementOf(logits: Float32Array, {labels, expectedLevels: taught}: Targets, classes: number): number {
  if (taught === undefined) return accuracy(logits, labels, classes);
  const named = Array.from(expectedLevels(logits, classes), level => namedBy({kind: 'expected', level}));
  return mean(named.map((level, row) => (level === labels[row] ? 1 : 0)));
}

/** The share of the labels that name the most frequent class. */
export function mostFrequentShare(labels: ArrayLike<number>): number {
  const counts = new Map<number, number>();
  for (const label of Array.from(labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return Math.max(...counts.values()) / labels.length;
}

/** The course of a run. */
export interface Course {
  /** Mean losses of the parts of the run. */
  readonly losses: readonly Moment[];
  /** Measurements of validation accuracy. */
  readonly validation: readonly Moment[];
}

export interface Judged extends Course {
  readonly trainingAgreement: number;
  /** The share of the training answers that name the most frequent class. */
  readonly mostFrequent: number;
  readonly stopped: boolean;
  readonly steps: number;
}

/**
 * Tells an underfitted student by its training answers and the trend of its loss. A student that learns by heart what
 * contradicts itself has a falling loss, too: if there is validation, its accuracy must still grow.
 */
export function judgeFit({trainingAgreement, mostFrequent, stopped, steps, losses, validation}: Judged): Fit {
  const trend = trendOf(losses);
  const isFalling = trend.fall >= FALLING || trend.pace >= FALLING;
  const mayGrow = validation.length < PARTS / 2 || growthOf(validation) >= GROWING;
  const learned = (trainingAgreement - mostFrequent) / (1 - mostFrequent);
  const hasHardlyBegun = (steps < FEW_STEPS && trainingAgreement < BEGUN) || learned < LEAST_LEARNED;
  const underfitted = !stopped && trainingAgreement < LEARNED && ((isFalling && mayGrow) || hasHardlyBegun);
  return {trainingAgreement, ...trend, underfitted};
}

/**
 * The losses and measurements of a run against its movement. Parts without a step are left out.
 *
 * @param question - whose measurements; those of the whole if none is named. The losses are those of the whole
 */
export function courseOf(
  {steps, rates}: Pick<Run, 'steps' | 'rates'>,
  {course, epochs}: Pick<Progress, 'course' | 'epochs'>,
  question?: string,
): Course {
  const [counts, movements] = [new Float64Array(PARTS), new Float64Array(PARTS)];
  const moved = new Float64Array(steps + 1);
  for (let step = 0; step < steps; step++) {
    const [part, rate] = [partOf(step, steps), rates[step]!];
    moved[step + 1] = moved[step]! + rate;
    counts[part]!++;
    movements[part]! += moved[step]! + rate / 2;
  }
  const all = moved[steps]!;
  const parts = Array.from(course, (sum, part) => ({
    movement: movements[part]! / counts[part]! / all,
    value: sum / counts[part]!,
  }));
  return {
    // A run that went on from a checkpoint of an earlier version doesn't know its first parts.
    losses: parts.filter(({value}) => Number.isFinite(value) && value !== 0),
    validation: epochs.flatMap(epoch => {
      const {validation} = question === undefined ? epoch : (epoch.questions?.[question] ?? {});
      return validation ? [{movement: moved[epoch.step]! / all, value: validation.accuracy}] : [];
    }),
  };
}
