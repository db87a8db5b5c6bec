import {existsSync} from 'node:fs';
import {
  asTeacher,
  type Dataset,
  hardLabels,
  type Inputs,
  loadStudent,
  type RunningService,
  type StudyOptions,
  saveStudent,
  serveTeacher,
  train,
  trueLabels,
} from 'limbeck';
import {classesOf, joinKnowledge, type Question} from 'limbeck/ask';
import {asSplit} from 'limbeck/data';
import {type Student, type StudentBuilder, taskOf, weightsHash, withHeads} from 'limbeck/students';

/** Inputs with the answers to all questions about them. */
export interface Answered {
  readonly inputs: Inputs;
  /** By question, [count]: the index of the true class. */
  readonly labels: readonly Int32Array[];
}

export type Part = 'teacher' | 'train' | 'validation' | 'test';

/** A service that answers typed questions, with a model that learned true labels. */
export interface QuestionService {
  readonly name: string;
  readonly port: number;
  readonly questions: readonly Question[];
  /** The inputs of a part, always the same. The teacher learns from inputs that nobody else sees. */
  readonly examples: (part: Part) => Promise<Answered>;
  /** The teacher's model. */
  readonly build: StudentBuilder;
  readonly epochs: number;
  /** How images become the model's inputs. */
  readonly images?: {readonly height: number; readonly width: number};
}

/** The folder of the teacher's model. */
export const teacherFolder = (name: string): string => `out/${name}/teacher`;

/** What a recipe reads: the same inputs for every question, with the true labels of that one. */
export async function dataFor(
  {questions, examples}: Pick<QuestionService, 'questions' | 'examples'>,
  question: Question,
): Promise<Dataset> {
  const index = questions.findIndex(({name}) => name === question.name);
  const labelled = async (part: Part) => {
    const {inputs, labels} = await examples(part);
    return {inputs, labels: labels[index]!};
  };
  return {
    classes: classesOf(question),
    train: asSplit('train', await labelled('train')),
    validation: asSplit('validation', await labelled('validation')),
    test: asSplit('test', await labelled('test')),
  };
}

/** The teacher's model, trained on true labels at the first call. */
export async function teacherModel(service: QuestionService): Promise<Student> {
  const folder = teacherFolder(service.name);
  if (!existsSync(`${folder}/limbeck.json`)) await trainTeacher(service, folder);
  return loadStudent(folder);
}

/** Answers all questions about an input in one request, with probabilities, at `/v1/decisions` and `/v1/systemone`. */
export async function serve({name, port, examples}: QuestionService, model: Student): Promise<RunningService> {
  const {inputs} = await examples('test');
  if (inputs.kind === 'tensor') throw new Error('Expected images, records or texts.');
  return serveTeacher(asTeacher(model), {
    model: name,
    version: weightsHash(model),
    access: 'gray-box',
    input: {kind: inputs.kind},
    port,
  });
}

/** Prints what a study notes, and each of its tasks when it begins. */
export function printing(): Required<Pick<StudyOptions, 'onNote' | 'onProgress'>> {
  let begun = '';
  return {
    onNote: note => console.error(note),
    onProgress({task}) {
      if (task !== begun) console.error(task);
      begun = task;
    },
  };
}

async function trainTeacher(service: QuestionService, folder: string): Promise<void> {
  const {questions, examples, build, epochs, images} = service;
  const {inputs, labels} = await examples('teacher');
  const parts = questions.map((question, index) => ({
    ...trueLabels({inputs, labels: labels[index]!}, classesOf(question)),
    question,
  }));
  const task = await taskOf(await dataFor(service, questions[0]!), {images});
  const model = withHeads(build, questions)(task, 1);
  const options = {losses: [hardLabels()], seed: 1, epochs, batchSize: 128};
  for await (const {epoch, loss} of train(model, await joinKnowledge(parts), options)) {
    console.error(`The teacher: epoch ${epoch} of ${epochs}, loss ${loss.toFixed(4)}`);
  }
  await saveStudent(folder, model);
}
