import {join} from 'node:path';
import type {Dataset} from '../data/split.ts';
import {accuracy, evaluateLogits} from '../evaluate/metrics.ts';
import type {Knowledge} from '../knowledge/knowledge.ts';
import type {Method} from '../recipe/recipe.ts';
import {saveStudent} from '../student/files.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student, Task} from '../student/student.ts';
import {train} from '../train/train.ts';
import type {Reference} from './asking.ts';
import type {CurvePoint, ResultRow} from './results.ts';
import type {Study} from './study.ts';

/** What a student of these data must fit. */
export function taskOf({classes, train: {inputs}}: Dataset, preprocessing: Task['preprocessing'] = {}): Task {
  if (inputs.kind === 'text') return {classes, inputShape: [], preprocessing};
  return {classes, inputShape: inputs.shape, preprocessing, dtype: inputs.dtype};
}

export interface Learned {
  readonly student: Student;
  readonly curve: readonly CurvePoint[];
  readonly seconds: number;
  /** Where it was saved. */
  readonly directory: string;
}

/** Trains and saves one student. Methods of one seed share initial weights and the order of batches. */
export async function learn(study: Study, method: Method, knowledge: Knowledge, seed: number): Promise<Learned> {
  const {recipe, data, signal, onProgress} = study;
  const student = recipe.student(taskOf(data, recipe.preprocessing), seed);
  const curve: CurvePoint[] = [];
  const started = performance.now();
  const epochs = train(student, knowledge, {
    ...recipe.training,
    losses: method.losses,
    seed,
    validation: data.validation,
    ...(signal && {signal}),
    onStep: ({step, steps}) => onProgress({task: `train ${method.method}, seed ${seed}`, done: step, total: steps}),
  });
  for await (const {epoch, step, loss, validation} of epochs) {
    curve.push({epoch, step, loss, validationAccuracy: validation?.accuracy ?? null});
  }
  const seconds = (performance.now() - started) / 1000;
  const directory = studentPath(study.directory, method, seed);
  await saveStudent(directory, student, {recipe: recipe.name, level: method.level, method: method.method, seed});
  return {student, curve, seconds, directory};
}

/** Where a method's student is saved. */
export function studentPath(directory: string, {method}: Method, seed: number): string {
  const folder = method.replace(/[^\w.=-]+/g, '-').replace(/^-|-$/g, '');
  return join(directory, 'students', folder, `seed-${seed}`);
}

/** One trained and measured student of a study. */
export interface Run {
  readonly method: Method;
  readonly row: ResultRow;
  /** [test examples, classes] */
  readonly logits: Float32Array;
}

/** Trains one student and measures it on the test split, against true labels and against the teacher. */
export async function runMethod(
  study: Study,
  method: Method,
  knowledge: Knowledge,
  seed: number,
  reference: Reference,
): Promise<Run> {
  const {student, curve, seconds} = await learn(study, method, knowledge, seed);
  const {test} = study.data;
  const logits = await predictLogits(student, test.inputs, {...(study.signal && {signal: study.signal})});
  student.model.dispose();
  const classes = student.classes.length;
  const teacherLogits = reference.logits;
  const measured = evaluateLogits({logits, labels: test.labels, classes, ...(teacherLogits && {teacherLogits})});
  const row: ResultRow = {
    level: method.level,
    method: method.method,
    seed,
    budget: knowledge.inputs.count,
    accuracy: measured.accuracy,
    agreement: accuracy(logits, reference.labels, classes),
    klToTeacher: measured.klToTeacher ?? Number.NaN,
    nll: measured.nll,
    ece: measured.ece,
    brier: measured.brier,
    entropy: measured.entropy,
    seconds,
    curve,
  };
  return {method, row, logits};
}
