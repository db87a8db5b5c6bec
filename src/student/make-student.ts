import {checkReading, kindRead, type Reading, shapeRead} from '../data/reading.ts';
import type {layers} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {oneOfKind} from '../input-kinds.ts';
import {classesOf} from '../question.ts';
import {endsInSoftmax} from './forward.ts';
import {inputShapeOf, shown} from './input-shape.ts';
import type {Student, Task} from './student.ts';

/**
 * Joins a model with its description, after it checks that they fit.
 *
 * @throws InputError if the model hasn't exactly one input and one output [batch, classes], or ends in a softmax though
 * its `output` is `logits`, or takes another shape than its `reading` makes, or its `classes` are not those of its
 * questions
 */
export function makeStudent(student: Student): Student {
  const {model, classes, output, reading} = student;
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new InputError(
      `Model ${model.name} has ${model.inputs.length} inputs and ${model.outputs.length} outputs. Give one with one of each.`,
    );
  }
  const [, ...shape] = model.outputs[0]!.shape;
  if (output === 'vector') {
    checkVectors(student, shape);
    return Object.freeze({...student});
  }
  if (shape.length !== 1 || shape[0] !== classes.length) {
    throw new InputError(
      `Model ${model.name} gives [${shape.join(', ')}] for each input, but there are ${classes.length} classes. Its last layer must give one number a class.`,
    );
  }
  if (reading !== undefined) checkRead(model, reading);
  checkHeads(student);
  if (output === 'logits' && endsInSoftmax(model)) {
    throw new InputError(
      `Model ${model.name} ends in a softmax, so its \`output\` is \`probabilities\`, not \`logits\`.`,
    );
  }
  return Object.freeze({...student});
}

/** @throws InputError if a student gives vectors, where classes are needed */
export function checkClassifies({output, model}: Pick<Student, 'output' | 'model'>, what: string): void {
  if (output !== 'vector') return;
  throw new InputError(
    `Student ${model.name} gives vectors, and ${what} needs classes. Serve it with \`limbeck serve\`, or use \`vectorTeacher\`.`,
  );
}

/** @throws InputError if the model does not give a vector of a fixed length, or something of classes is given */
function checkVectors({model, classes, reading, ...others}: Student, shape: readonly (number | null)[]): void {
  if (shape.length !== 1 || shape[0] === null) {
    throw new InputError(
      `Model ${model.name} gives [${shape.join(', ')}] for each input. Its last layer must give one vector of a fixed length.`,
    );
  }
  const stray = (['question', 'heads', 'calibration', 'gate'] as const).find(name => others[name] !== undefined);
  if (classes.length > 0 || stray !== undefined) {
    throw new InputError(
      `Student ${model.name} gives vectors, which have no ${stray ?? 'classes'}. Leave \`${stray ?? 'classes'}\` ${stray ? 'out' : 'empty'}.`,
    );
  }
  if (reading !== undefined) checkRead(model, reading);
}

function checkHeads({model, classes, output, question, heads}: Student): void {
  const questions = heads?.map(head => head.question) ?? (question ? [question] : []);
  if (questions.length === 0) return;
  const count = questions.reduce((sum, each) => sum + classesOf(each).length, 0);
  if (count !== classes.length) {
    throw new InputError(
      `Student ${model.name} has ${classes.length} classes, but its questions have ${count}. Give both the same.`,
    );
  }
  if (heads === undefined || output === 'logits') return;
  throw new InputError(
    `Student ${model.name} gives probabilities, and several questions need logits. Leave the softmax of its last layer out.`,
  );
}

function checkRead(model: layers.LayersModel, reading: Reading): void {
  checkReading(reading);
  const shape = inputShapeOf(model);
  const made = shapeRead(reading);
  if (shape.length === made.length && shape.every((length, axis) => length === null || length === made[axis])) return;
  throw new InputError(
    `Model ${model.name} takes inputs of shape ${shown(shape)}, but ${oneOfKind(kindRead(reading))} becomes ${made.join(' × ')} numbers. Make both equal.`,
  );
}

/** Makes a student for a task from a model that gives logits. */
export function studentFor({classes, preprocessing, dtype, reading}: Task, model: layers.LayersModel): Student {
  const read = {...(dtype && {dtype}), ...(reading && {reading})};
  return makeStudent({model, classes, preprocessing, output: 'logits', ...read});
}
