import {adam, hardLabels, predictLogits, type Student, train} from 'limbeck';
import {fitTemperature} from 'limbeck/metrics';
import {argmaxRows} from '../../../src/data/arrays.ts';
import {selectTensors} from '../../../src/data/inputs.ts';
import {randomFraction, seededRandom, shuffledIndices} from '../../../src/data/random.ts';
import {judgedAnswers} from '../../../src/evaluate/calibration.ts';
import {calibrationSize} from '../../../src/evaluate/guarantee.ts';
import type {Knowledge, StoredKnowledge} from '../../../src/knowledge/knowledge.ts';
import {cascadeTarget} from '../../../src/recipe/resolve.ts';
import {crossFit} from '../../../src/study/cross-fit.ts';
import {taught, withAnswers} from '../../../src/study/divide.ts';
import {calibrate} from '../../../src/study/run.ts';
import {type CascadeTask, studentOf} from './cascade-tasks.ts';
import {pointThreshold} from './point-estimate.ts';

/** The outcome of one draw of answers. Shares are of the inputs that the draw left. */
export interface Draw {
  readonly isMissed: boolean;
  /** Number of calibration answers. */
  readonly apart: number;
  readonly local: number;
  /** With the lowest threshold that keeps the target on the remaining inputs, known only in hindsight. */
  readonly localBest: number;
  /** By the procedure that estimated the threshold, whose student learns from all answers; in some draws. */
  readonly point?: {readonly isMissed: boolean; readonly local: number; readonly localBest: number};
}

/** Buys answers, trains a student, calibrates it like `limbeck train`, and compares it with all remaining answers. */
export async function drawOnce(
  task: CascadeTask,
  seed: number,
  {withPoint}: {readonly withPoint: boolean},
): Promise<Draw> {
  const order = shuffledIndices(task.inputs.count, seed, 'draw of answers');
  const [bought, left] = [order.slice(0, task.answers), order.slice(task.answers)];
  const knowledge = knowledgeOf(task, bought, seed);
  const recipe = {calibration: {agreement: task.target}};
  const calibrationSizeOf = (answers: number) => calibrationSize(answers, cascadeTarget(recipe));
  const answered = withAnswers({calibrationSizeOf}, {method: 'labels'}, knowledge);
  const {calibrationInputs} = answered.apart;
  const {knowledge: training} = taught(answered);
  // Two parts are enough to fit a temperature, and faster.
  const {logits, labels} = await fitted(task, training, seed, 2);
  const temperature = fitTemperature(logits, labels, task.classes.length);
  const student = await trained(task, training, seed);
  const {threshold = 0} = await calibrate(recipe, student, knowledge, {temperature, calibrationInputs});
  const costs = await costsOf(task, student, left, temperature);
  const {isMissed, local} = cascadeAt(costs, threshold, task.target);
  return {
    ...{isMissed, apart: calibrationInputs.length, local, localBest: bestOf(costs, task.target)},
    ...(withPoint && {point: await pointEstimate(task, knowledge, left, seed)}),
  };
}

async function pointEstimate(
  task: CascadeTask,
  knowledge: Knowledge,
  left: Int32Array,
  seed: number,
): Promise<NonNullable<Draw['point']>> {
  const {logits, labels} = await fitted(task, knowledge, seed, 5);
  const classes = task.classes.length;
  const temperature = fitTemperature(logits, labels, classes);
  const threshold = pointThreshold(logits, labels, classes, {temperature, agreement: task.target});
  const costs = await costsOf(task, await trained(task, knowledge, seed), left, temperature);
  return {...cascadeAt(costs, threshold, task.target), localBest: bestOf(costs, task.target)};
}

function knowledgeOf({inputs, labels, probabilities, classes}: CascadeTask, rows: Int32Array, seed: number): Knowledge {
  const random = seededRandom(seed, 'noise of the teacher');
  const said = (row: number) => labels?.[row] ?? drawn(probabilities!, row, classes.length, randomFraction(random));
  return {
    source: {access: 'black-box', identity: {bench: 'promises'}},
    ...{classes, detail: {kind: 'label'}, inputs: selectTensors(inputs, rows)},
    answers: {kind: 'label', count: rows.length, labels: rows.map(said)},
  };
}

function drawn(probabilities: Float32Array, row: number, classes: number, fraction: number): number {
  let left = fraction;
  for (let k = 0; k < classes - 1; k++) {
    left -= probabilities[row * classes + k]!;
    if (left < 0) return k;
  }
  return classes - 1;
}

async function trained(task: CascadeTask, knowledge: Knowledge | StoredKnowledge, seed: number): Promise<Student> {
  const {inputs, classes} = task;
  const student = studentOf(task)({classes, inputShape: inputs.shape, preprocessing: {}}, seed);
  const optimizer = adam({learningRate: 0.01});
  const options = {losses: [hardLabels()], seed, epochs: 10, batchSize: 32, optimizer};
  for await (const _epoch of train(student, knowledge, options));
  return student;
}

function fitted(task: CascadeTask, knowledge: Knowledge | StoredKnowledge, seed: number, folds: number) {
  return crossFit(knowledge, {folds, seed, train: part => trained(task, part, seed)});
}

/** An input that was not bought: the student's confidence, and the probability that the teacher disagrees. */
interface Cost {
  readonly confidence: number;
  readonly cost: number;
}

/** Costs sorted by confidence, the highest first. Disposes of the student. */
async function costsOf(task: CascadeTask, student: Student, left: Int32Array, temperature: number): Promise<Cost[]> {
  const {labels, probabilities} = task;
  const classes = task.classes.length;
  const logits = await predictLogits(student, selectTensors(task.inputs, left));
  student.model.dispose();
  const names = argmaxRows(logits, classes);
  const costOf = (index: number) => {
    const row = left[index]!;
    if (labels) return names[index] === labels[row] ? 0 : 1;
    return 1 - probabilities![row * classes + names[index]!]!;
  };
  const judged = judgedAnswers(logits, names, classes, temperature).map(({confidence}, index) => ({
    confidence,
    cost: costOf(index),
  }));
  return judged.sort((a, b) => b.confidence - a.confidence);
}

function cascadeAt(
  costs: readonly Cost[],
  threshold: number,
  target: number,
): {readonly isMissed: boolean; readonly local: number} {
  const local = costs.filter(({confidence}) => confidence >= threshold);
  const risk = local.reduce((sum, {cost}) => sum + cost, 0) / costs.length;
  return {isMissed: risk > 1 - target + 1e-12, local: local.length / costs.length};
}

function bestOf(costs: readonly Cost[], target: number): number {
  const allowed = (1 - target) * costs.length + 1e-9;
  let sum = 0;
  let best = 0;
  for (const [index, {confidence, cost}] of costs.entries()) {
    sum += cost;
    if (sum > allowed) break;
    if (confidence !== costs[index + 1]?.confidence) best = index + 1;
  }
  return best / costs.length;
}
