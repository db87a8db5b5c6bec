import {startEngine} from '../src/engine/engine.ts';
import type {layers} from '../src/engine/tf.ts';
import {type AsTeacherOptions, asTeacher} from '../src/student/as-teacher.ts';
import {type LoadOptions, loadStudent} from '../src/student/files.ts';
import {makeStudent} from '../src/student/make-student.ts';
import {endsInSoftmax} from '../src/student/softmax.ts';
import type {Student} from '../src/student/student.ts';
import type {Teacher} from '../src/teacher.ts';

/** A model on disk: what saveStudent() wrote, or any layers model of TensorFlow.js with its `classes`. */
export type TfjsPath = AsTeacherOptions & LoadOptions & {readonly path: string};

/** A model in memory. */
export type TfjsModel = AsTeacherOptions &
  LoadOptions & {readonly model: layers.LayersModel; readonly classes: readonly string[]};

/**
 * A layers model of TensorFlow.js in this process: white-box, with logits and the activations of its layers.
 *
 * `output` is by default what the model ends in, `preprocessing` none.
 *
 * @throws InputError where the model can't be loaded or does not fit what is said of it
 */
export async function tfjs(options: TfjsPath | TfjsModel): Promise<Teacher<'white-box'>> {
  await startEngine();
  return asTeacher('path' in options ? await loadStudent(options.path, options) : fromMemory(options), options);
}

function fromMemory({model, classes, preprocessing = {}, dtype, output}: TfjsModel): Student {
  const given = output ?? (endsInSoftmax(model) ? 'probabilities' : 'logits');
  return makeStudent({model, classes, preprocessing, output: given, ...(dtype && {dtype})});
}
