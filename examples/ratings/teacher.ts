import {existsSync} from 'node:fs';
import {
  asTeacher,
  hardLabels,
  type Knowledge,
  loadStudent,
  type RunningService,
  saveStudent,
  serveTeacher,
  train,
} from 'limbeck';
import {classesOf, joinKnowledge} from 'limbeck/ask';
import {mlp, type Student, taskOf, weightsHash, withHeads} from 'limbeck/students';
import {dataFor, diamonds, questions} from './table.ts';

export const folder = 'out/ratings/teacher';
export const PORT = 47_914;

/** The teacher's model, trained on true labels at the first call. */
export async function teacherModel(): Promise<Student> {
  if (!existsSync(`${folder}/limbeck.json`)) await trainTeacher();
  return loadStudent(folder);
}

/** A service on this machine that answers questions about rows at `/v1/systemone`, with probabilities. */
export async function serve(model: Student): Promise<RunningService> {
  return serveTeacher(asTeacher(model), {
    model: 'ratings',
    version: weightsHash(model),
    access: 'gray-box',
    input: {kind: 'record'},
    port: PORT,
  });
}

async function trainTeacher(): Promise<void> {
  const {inputs, labels} = await diamonds('teacher');
  const parts = questions.map(
    (question, index): Knowledge => ({
      source: {access: 'truth', identity: {}},
      classes: classesOf(question),
      question,
      detail: {kind: 'label'},
      inputs,
      answers: {kind: 'label', count: inputs.count, labels: labels[index]!},
    }),
  );
  const task = await taskOf(await dataFor(questions[0]!));
  const model = withHeads(mlp({units: [128, 64]}), questions)(task, 1);
  const options = {losses: [hardLabels()], seed: 1, epochs: 10, batchSize: 128};
  for await (const {epoch, loss} of train(model, await joinKnowledge(parts), options)) {
    console.error(`The teacher: epoch ${epoch} of 10, loss ${loss.toFixed(4)}`);
  }
  await saveStudent(folder, model);
}
