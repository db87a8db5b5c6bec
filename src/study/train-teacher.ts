import {isLabelled} from '../data/split.ts';
import {startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {trueLabels} from '../knowledge/knowledge.ts';
import type {Recipe, TeacherModel} from '../recipe/recipe.ts';
import {taskOf} from '../recipe/task.ts';
import {saveStudent} from '../student/files.ts';
import {train} from '../train/train.ts';
import type {StudyOptions} from './study.ts';

/** Makes a recipe's teacher model again, from true labels, and saves it where the recipe says. */
export async function trainTeacher(recipe: Recipe, {signal, onProgress}: StudyOptions = {}): Promise<TeacherModel> {
  const {teacherModel} = recipe;
  if (teacherModel === undefined) {
    throw new InputError(
      'The recipe has no `teacherModel` to train. Say in it where the model goes and how it is made.',
    );
  }
  await startEngine();
  const data = await recipe.data();
  if (!isLabelled(data)) throw new InputError('The data have no true labels to train a teacher from.');
  const {directory, student: build, preprocessing, images, records, losses, seed, training = {}} = teacherModel;
  const student = build(await taskOf(data, {preprocessing, images, records}), seed);
  const epochs = train(student, trueLabels(data.train, data.classes), {
    ...training,
    losses,
    seed,
    validation: data.validation,
    signal,
    onStep: ({step, steps, loss}) =>
      onProgress?.({task: 'train the teacher', done: step, total: steps, detail: `loss ${loss.toFixed(4)}`}),
  });
  let validationAccuracy: number | undefined;
  for await (const {validation, best} of epochs) {
    // With early stopping the student ends with the best weights, not with the last.
    if (best || !training.earlyStopping) validationAccuracy = validation?.accuracy ?? validationAccuracy;
  }
  await saveStudent(directory, student, {recipe: recipe.name, seed, validationAccuracy: validationAccuracy ?? null});
  return teacherModel;
}
