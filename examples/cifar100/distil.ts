import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {predictLogits, type Student, saveStudent, train, trueLabels} from 'limbeck';
import type {Cifar} from 'limbeck/data';
import {accuracy} from 'limbeck/metrics';
import {inWords, secondsAStep} from './estimate.ts';
import {type Accuracies, type Objective, preprocessing, training} from './settings.ts';
import {type Setup, type StageName, stageNames, stageOf} from './stages.ts';

export interface DistilOptions {
  readonly networks: Setup['networks'];
  readonly objective: Objective;
  readonly epochs: number;
  /** Folder for students, checkpoints and results. A run that began there continues. */
  readonly folder: string;
  /** The published results of these networks. */
  readonly published?: Accuracies | undefined;
  /**
   * Seconds between checkpoints.
   *
   * @default 30
   */
  readonly everySeconds?: number;
  readonly say: (line: string) => void;
}

export interface DistilResults {
  readonly epochs: number;
  readonly objective: Objective;
  /** Weights that are trained. */
  readonly weights: {readonly teacher: number; readonly student: number};
  /** Accuracy on the test images, in percent, at the end of the last epoch. */
  readonly accuracy: Accuracies;
  /**
   * The share of the gap between the student alone and the teacher that distillation closes, in percent. Absent if the
   * teacher is no better.
   */
  readonly gapClosed?: number;
  readonly published?: Accuracies;
}

/**
 * Trains the teacher, the student alone, and the student from the teacher, and measures each once, on the test images,
 * at its end. A repeated call continues an unfinished run, and ends with the same bits.
 */
export async function distil(data: Cifar, options: DistilOptions): Promise<DistilResults> {
  const {networks, objective, epochs, folder, published, say} = options;
  const task = {classes: data.classes, inputShape: [32, 32, 3], preprocessing};
  const setup: Setup = {task, networks, objective, knowledge: trueLabels(data.train, data.classes)};
  await sayHowLong(setup, options);
  const trained: Student[] = [];
  const found: Record<StageName, number> = {teacher: 0, student: 0, distilled: 0};
  for (const name of stageNames) {
    const student = await trainStage(name, setup, {...options, teacher: trained[0]});
    await saveStudent(join(folder, name), student, {epochs, seed: training.seed});
    found[name] = await testAccuracy(student, data);
    say(`${name}: ${found[name].toFixed(2)} % of the test images`);
    trained.push(student);
  }
  const [teacher, student] = trained as [Student, Student];
  const gap = found.teacher - found.student;
  const results: DistilResults = {
    epochs,
    objective,
    weights: {teacher: trainedWeights(teacher), student: trainedWeights(student)},
    accuracy: found,
    ...(gap > 0 && {gapClosed: (100 * (found.distilled - found.student)) / gap}),
    ...(published && {published}),
  };
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  for (const {model} of trained) model.dispose();
  return results;
}

async function sayHowLong(setup: Setup, {epochs, say}: DistilOptions): Promise<void> {
  const seconds = await secondsAStep(setup);
  const steps = epochs * Math.ceil(setup.knowledge.inputs.count / training.batchSize);
  const all = stageNames.reduce((sum, name) => sum + steps * seconds[name], 0);
  say(`${steps} steps for each of three networks, about ${inWords(all)} in all on this machine:`);
  for (const name of stageNames) {
    say(`  ${name}: ${Math.round(1000 * seconds[name])} ms a step, ${inWords(steps * seconds[name])}`);
  }
}

interface StageOptions extends Pick<DistilOptions, 'epochs' | 'folder' | 'everySeconds' | 'say'> {
  readonly teacher: Student | undefined;
}

async function trainStage(name: StageName, setup: Setup, options: StageOptions): Promise<Student> {
  const {epochs, folder, everySeconds = 30, say, teacher} = options;
  const {network, options: learning} = stageOf(name, setup, name === 'distilled' ? teacher : undefined);
  const begun = {step: 0, time: performance.now()};
  let told = begun.time;
  const run = train(network, setup.knowledge, {
    ...learning,
    epochs,
    checkpoint: {
      path: join(folder, `${name}.checkpoint`),
      everySeconds,
      resume: true,
      onResume: ({step, steps}) => {
        begun.step = step;
        say(`${name}: goes on at step ${step} of ${steps}`);
      },
    },
    onStep: ({step, steps, loss}) => {
      if (performance.now() - told < 60_000) return;
      told = performance.now();
      const left = ((steps - step) * (told - begun.time)) / (step - begun.step) / 1000;
      say(`${name}: step ${step} of ${steps}, loss ${loss.toFixed(3)}, ${inWords(left)} left`);
    },
  });
  for await (const {epoch, loss} of run) say(`${name}: epoch ${epoch} of ${epochs}, loss ${loss.toFixed(3)}`);
  return network;
}

async function testAccuracy(student: Student, {classes, test}: Cifar): Promise<number> {
  return 100 * accuracy(await predictLogits(student, test.inputs), test.labels, classes.length);
}

function trainedWeights({model}: Student): number {
  return model.trainableWeights.reduce((sum, {shape}) => sum + shape.reduce<number>((size, n) => size * n!, 1), 0);
}
