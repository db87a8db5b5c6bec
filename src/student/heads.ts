import {layers} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {classesOf, type Question} from '../question.ts';
import {checkQuestions} from '../questions.ts';
import {makeStudent} from './make-student.ts';
import type {Head, Student, StudentBuilder} from './student.ts';

/** A head, and the columns of the student's output that belong to it. */
export interface HeadColumns extends Partial<Head> {
  readonly classes: readonly string[];
  /** The first of its columns. */
  readonly start: number;
}

/** The heads of a student, in the order of its output. A student of one question has one. */
export function headsOf({heads, classes, question, calibration}: Omit<Student, 'model'>): readonly HeadColumns[] {
  if (heads === undefined) return [{classes, start: 0, ...(question && {question}), ...(calibration && {calibration})}];
  let start = 0;
  return heads.map(head => {
    const columns = {...head, classes: classesOf(head.question), start};
    start += columns.classes.length;
    return columns;
  });
}

/**
 * Makes students that answer several questions: one network, whose last layer is as wide as the classes of all
 * questions together. Any builder will do.
 *
 * @throws InputError if two questions have the same name, or the students of the builder give probabilities
 * @example
 * ```ts
 * import {mlp, withHeads} from 'limbeck/students';
 * import {choice, predicate} from 'limbeck/ask';
 *
 * export const student = withHeads(mlp(), [
 *   choice('topic', 'What is it about?', ['billing', 'fault', 'other']),
 *   predicate('urgent', 'Must it be answered today?'),
 * ]);
 * ```
 */
export function withHeads(builder: StudentBuilder, questions: readonly Question[]): StudentBuilder {
  checkQuestions('of the student', questions);
  const classes = questions.flatMap(question => classesOf(question).map(name => `${question.name}: ${name}`));
  return (task, seed) => {
    const student = builder({...task, classes}, seed);
    return makeStudent({...student, heads: questions.map(question => ({question}))});
  };
}

/**
 * The student of one of the questions of a student. It shares the layers and weights of the whole, so it sees later
 * changes of the weights.
 *
 * @param name - of the question
 * @throws InputError if the student has no such question
 */
export function headOf(student: Student, name: string): Student {
  const {heads: _, calibration: __, question: ___, ...shared} = student;
  const columns = headsOf(student);
  const head = columns.find(({question}) => question?.name === name);
  if (head === undefined) {
    const known = columns.flatMap(({question}) => (question ? [`\`${question.name}\``] : [])).join(', ') || 'none';
    throw new InputError(`Student ${student.model.name} has no question \`${name}\`. It has: ${known}.`);
  }
  const {classes, start, question, calibration} = head;
  const model = student.heads === undefined ? student.model : headModel(student, start, classes.length);
  return makeStudent({...shared, model, classes, question: question!, ...(calibration && {calibration})});
}

/**
 * The logits of one head among those of a student.
 *
 * @param logits - [count, all columns], row-major, as `predictLogits` gives them
 * @returns [count, classes]; the same array if the student has one head
 */
export function columnsOf(logits: Float32Array, count: number, {start, classes}: HeadColumns): Float32Array {
  const [width, own] = [logits.length / count, classes.length];
  if (own === width) return logits;
  const columns = new Float32Array(count * own);
  for (let row = 0; row < count; row++) {
    const first = row * width + start;
    columns.set(logits.subarray(first, first + own), row * own);
  }
  return columns;
}

/** Layers that TensorFlow.js knows, so that a head can be saved as a model of its own. */
function headModel({model, classes}: Student, start: number, count: number): layers.LayersModel {
  const {layers: kinds} = layers;
  const steps = [
    kinds.reshape({targetShape: [classes.length, 1, 1], name: 'heads'}),
    kinds.cropping2D({
      cropping: [
        [start, classes.length - start - count],
        [0, 0],
      ],
      name: 'head',
    }),
    kinds.reshape({targetShape: [count], name: 'head_logits'}),
  ];
  const output = steps.reduce((value, layer) => layer.apply(value) as layers.SymbolicTensor, model.outputs[0]!);
  return layers.model({name: model.name, inputs: model.inputs, outputs: output});
}
