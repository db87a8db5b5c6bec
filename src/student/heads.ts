import {layers} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {classesOf, type Question} from '../question.ts';
import {checkQuestions} from '../questions.ts';
import {preparedAs} from './building-blocks.ts';
import {headsOf} from './head-columns.ts';
import {makeStudent} from './make-student.ts';
import type {Student, StudentBuilder} from './student.ts';

export {columnsOf, type HeadColumns, headsOf} from './head-columns.ts';

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
  const build: StudentBuilder = (task, seed) => {
    const student = builder({...task, classes}, seed);
    return makeStudent({...student, heads: questions.map(question => ({question}))});
  };
  return preparedAs(build, builder, prepared => withHeads(prepared, questions));
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
