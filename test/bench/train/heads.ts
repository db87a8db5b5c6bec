/**
 * One student with three heads beside three students of one question each: agreement with their teacher on each
 * question, and training time. See `../README.md`.
 */

import {joinKnowledge} from '../../../src/ask/joint-knowledge.ts';
import {agreement} from '../../../src/evaluate/metrics.ts';
import {type Knowledge, trueLabels} from '../../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../../src/losses/hard-labels.ts';
import {softLabels} from '../../../src/losses/soft-labels.ts';
import {classesOf} from '../../../src/question.ts';
import {columnsOf, headsOf, withHeads} from '../../../src/student/heads.ts';
import {lenet} from '../../../src/student/lenet.ts';
import {predictLogits} from '../../../src/student/predict.ts';
import type {Student} from '../../../src/student/student.ts';
import {train} from '../../../src/train/train.ts';
import {questions, shape, type TwoDigits, twoDigits} from './two-digits.ts';

/** Numbers of images. */
const [TEACHER_TRAINING, TRANSFER, TEST] = [20_000, 6_000, 10_000];
const EPOCHS = 8;

/** What came out at one seed. */
export interface HeadsRun {
  readonly seed: number;
  /** By question: agreement with the teacher, from 0 to 1. */
  readonly joint: readonly number[];
  readonly separate: readonly number[];
  /** Training time of the joint student over the mean of the others. Of processor time, a busy machine changes less. */
  readonly ratio: {readonly wall: number; readonly processor: number};
}

export async function* benchHeads(seeds: number): AsyncGenerator<HeadsRun> {
  const [transfer, test] = [await twoDigits('train', TRANSFER, 2), await twoDigits('t10k', TEST, 3)];
  const teacher = await teacherOf(await twoDigits('train', TEACHER_TRAINING, 1));
  const knowledge = await answersOf(teacher, transfer);
  const wanted = await answersOf(teacher, test);
  for (let seed = 1; seed <= seeds; seed++) {
    // In turns, so that other load of the machine falls on all.
    const separate = [];
    for (const index of questions.keys()) separate.push(await trained([index], knowledge, seed));
    const joint = await trained([...questions.keys()], knowledge, seed);
    yield {
      seed,
      joint: await agreements(joint.student, test, wanted),
      separate: (
        await Promise.all(separate.map(({student}, index) => agreements(student, test, [wanted[index]!])))
      ).flat(),
      ratio: {wall: ratioOf('wall', joint, separate), processor: ratioOf('processor', joint, separate)},
    };
  }
}

const task = {classes: [], inputShape: shape, preprocessing: {scale: 1 / 255}};

async function teacherOf({inputs, labels}: TwoDigits): Promise<Student> {
  const student = withHeads(lenet({filters: [16, 32], units: 128}), questions)(task, 1);
  const parts = questions.map(
    (question, index): Knowledge => ({
      ...trueLabels({inputs, labels: labels[index]!}, classesOf(question)),
      question,
    }),
  );
  await run(student, parts, hardLabels(), 1);
  return student;
}

/** What a student says about images, to each question. */
async function answersOf(student: Student, {inputs}: TwoDigits): Promise<readonly Knowledge[]> {
  const logits = await predictLogits(student, inputs);
  return headsOf(student).map(head => ({
    source: {access: 'white-box', identity: {}},
    classes: head.classes,
    question: head.question!,
    detail: {kind: 'logits'},
    inputs,
    answers: {kind: 'logits', count: inputs.count, logits: columnsOf(logits, inputs.count, head), features: {}},
  }));
}

async function trained(indices: readonly number[], knowledge: readonly Knowledge[], seed: number) {
  const student = withHeads(
    lenet(),
    indices.map(index => questions[index]!),
  )(task, seed);
  const [start, before] = [performance.now(), process.cpuUsage()];
  await run(
    student,
    indices.map(index => knowledge[index]!),
    softLabels({temperature: 2}),
    seed,
  );
  const {user, system} = process.cpuUsage(before);
  return {student, wall: performance.now() - start, processor: user + system};
}

interface Times {
  readonly wall: number;
  readonly processor: number;
}

function ratioOf(time: keyof Times, joint: Times, separate: readonly Times[]): number {
  return joint[time] / (separate.reduce((sum, each) => sum + each[time], 0) / separate.length);
}

async function run(student: Student, parts: readonly Knowledge[], loss: ReturnType<typeof hardLabels>, seed: number) {
  const options = {losses: [loss], seed, epochs: EPOCHS, batchSize: 64};
  for await (const _ of train(student, await joinKnowledge(parts), options));
}

async function agreements(student: Student, {inputs}: TwoDigits, wanted: readonly Knowledge[]): Promise<number[]> {
  const logits = await predictLogits(student, inputs);
  return headsOf(student).map((head, index) => {
    const {answers} = wanted[index]!;
    if (answers.kind !== 'logits') throw new Error('Expected logits.');
    return agreement(columnsOf(logits, inputs.count, head), answers.logits, head.classes.length);
  });
}

/** The runs as a table, with means and medians. */
export function headsTable(runs: readonly HeadsRun[]): string {
  const percent = (share: number) => (100 * share).toFixed(2);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
  const lines = questions.map(({name}, index) => {
    const [joint, separate] = [mean(runs.map(run => run.joint[index]!)), mean(runs.map(run => run.separate[index]!))];
    const points = (100 * (joint - separate)).toFixed(2);
    return `${name.padEnd(8)} joint ${percent(joint)} %, separate ${percent(separate)} %: ${points} points`;
  });
  const times = (['wall', 'processor'] as const).map(time => {
    const ratios = runs.map(({ratio}) => ratio[time]);
    return `${time} time of the joint student over one: ${median(ratios).toFixed(3)} (${ratios.map(ratio => ratio.toFixed(3)).join(', ')})`;
  });
  return [...lines, ...times].join('\n');
}
