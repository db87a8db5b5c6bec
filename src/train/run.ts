import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {answersAt, countOf} from '../knowledge/knowledge.ts';
import {checkObjective, needsOf} from '../losses/loss.ts';
import {targetsOf} from '../losses/targets.ts';
import type {Student} from '../student/student.ts';
import {type BatchSource, keptAnswers, liveAnswers, rowsIn} from './batch-source.ts';
import {BATCH_SIZE, checkCount, defaultOptimizer, defaultSchedule, epochsOf} from './defaults.ts';
import {type AnyKnowledge, type Lesson, lessonsOf} from './lessons.ts';
import {type MadeStep, makeStep, termsOf, type Updates, updatesOf} from './make-step.ts';
import type {Optimizer} from './optimizer.ts';
import type {TrainOptions} from './options.ts';
import {balancedRows, type EpochOrder, everyInput} from './order.ts';
import {ratesOf, type Schedule} from './schedule.ts';
import {isSolvable} from './solve-head.ts';
import {checkValidation} from './validation.ts';

/** A checked training run, ready for its first step. */
export interface Run extends MadeStep {
  readonly options: TrainOptions;
  /** One for each head of the student. */
  readonly lessons: readonly Lesson[];
  /** Number of examples in one epoch: each input counts once, whatever its number of versions. */
  readonly count: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly steps: number;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  /** True if its one step finds the weights: see `solvingStepper`. */
  readonly isSolved: boolean;
  /** [steps], the learning rate of each step; 0 if it has none. */
  readonly rates: Float64Array;
  readonly order: EpochOrder;
  readonly source: BatchSource;
  /** All weights of the student, trained or not (batch norm has both). */
  readonly weights: readonly tf.Variable[];
}

/** Checks everything that can be checked before the first step, and prepares the step. */
export async function startRun(student: Student, knowledge: AnyKnowledge, options: TrainOptions): Promise<Run> {
  const lessons = lessonsOf(student, knowledge, options);
  checkOptions(student, lessons, options);
  const {balance = 0} = options;
  const {versions = 1} = knowledge;
  const count = countOf(knowledge) / versions;
  const isSolved = versions === 1 && isSolvable(student, lessons, options, count);
  const {batchSize = BATCH_SIZE, epochs} = isSolved
    ? {batchSize: count, epochs: 1}
    : {batchSize: options.batchSize, epochs: epochsOf(options, count)};
  const stepsPerEpoch = Math.ceil(count / batchSize);
  const steps = options.exactSteps && options.steps !== undefined ? options.steps : stepsPerEpoch * epochs;
  const {optimizer = defaultOptimizer(student, steps), schedule = defaultSchedule(student, options.optimizer)} =
    options;
  const updates = updatesOf(student, optimizer, options);
  const source = await batchSource(student, knowledge, lessons, {...options, updates});
  return {
    options,
    lessons,
    count,
    batchSize,
    epochs,
    stepsPerEpoch,
    steps,
    optimizer,
    schedule,
    isSolved,
    rates: isSolved ? new Float64Array(1) : ratesOf(schedule, steps, optimizer),
    order:
      balance > 0
        ? await balancedRows(lessons[0]!.knowledge, options.seed, balance)
        : everyInput(count, versions, options.seed),
    source,
    weights: student.model.weights.map(weight => weight.read() as tf.Variable),
    ...makeStep(student, {source, lessons, optimizer, updates, isSolved}, options),
  };
}

async function batchSource(
  student: Student,
  knowledge: AnyKnowledge,
  lessons: readonly Lesson[],
  {teacher, view, seed, mostParts, updates}: TrainOptions & {readonly updates: Updates},
): Promise<BatchSource> {
  const viewing = {student, view, seed, mostParts, isSparse: updates === 'lazy'};
  const source = teacher
    ? await liveAnswers(lessons[0]!.knowledge, {teacher, detail: needsOf(lessons[0]!.losses), ...viewing})
    : await keptAnswers(knowledge, lessons, viewing);
  return termsOf(lessons).some(({loss}) => loss.needsTrueLabels) ? withTrueLabels(source, lessons) : source;
}

function checkOptions(student: Student, lessons: readonly Lesson[], options: TrainOptions): void {
  const {teacher, view, validation, earlyStopping, balance = 0} = options;
  checkCount('validateEvery', options.validateEvery ?? 1);
  if (options.mostParts !== undefined) checkCount('mostParts', options.mostParts);
  if (options.clipNorm !== undefined && !(options.clipNorm > 0)) {
    throw new InputError(`Expected \`clipNorm\` to be above 0, got ${options.clipNorm}.`);
  }
  if (!(balance >= 0 && balance <= 1)) {
    throw new InputError(`Expected \`balance\` to be from 0 to 1, got ${balance}.`);
  }
  if (balance > 0 && teacher) {
    throw new InputError('`balance` needs kept answers, and a live teacher has given none yet. Leave one of them out.');
  }
  if (earlyStopping) {
    checkCount('earlyStopping.patience', earlyStopping.patience);
    if (!validation)
      throw new InputError('Early stopping needs `validation`: give the split that decides when to stop.');
  }
  if (student.heads) checkForOneQuestion(options);
  if (validation) checkValidation(validation, lessons);
  for (const lesson of lessons) checkLesson(lesson, options);
  if (view?.takesPartner && !teacher) {
    throw new InputError(
      `What \`${view.name}\` shows has no true label. Leave it out, or give a \`teacher\` that answers live.`,
    );
  }
  if (student.model.trainableWeights.length === 0) {
    throw new InputError(
      `Student ${student.model.name} has no weights to train: all its layers are frozen. Set \`trainable\` of one at least.`,
    );
  }
}

function checkForOneQuestion({teacher, balance = 0}: TrainOptions): void {
  const option = teacher ? 'teacher' : balance > 0 ? 'balance' : undefined;
  if (option === undefined) return;
  throw new InputError(`\`${option}\` is for students of one question. Leave it out.`);
}

function checkLesson(lesson: Lesson, {teacher, view}: TrainOptions): void {
  const {name, knowledge, losses} = lesson;
  if (view && !teacher && knowledge.source.access !== 'truth') {
    throw new InputError(
      `View \`${view.name}\` needs \`teacher\`: the kept answers are about the inputs as they are, not about their views.`,
    );
  }
  checkObjective(losses, teacher?.detail ?? knowledge.detail, name && `The objective of \`${name}\``);
  checkTrueLabels(lesson, view);
}

/**
 * Checks that true labels exist if a term learns from them, and that they hold for the student's view of the inputs.
 *
 * @throws InputError if they don't
 */
function checkTrueLabels({losses, knowledge: {source}}: Lesson, view: TrainOptions['view']): void {
  const term = losses.find(({needsTrueLabels}) => needsTrueLabels);
  if (term === undefined) return;
  if (source.access !== 'truth') {
    throw new InputError(
      `${term.name} learns from true labels, but the knowledge holds a ${source.access} teacher's answers. ` +
        'Give the true labels as knowledge and the teacher as `teacher`, which answers live.',
    );
  }
  if (view?.takesPartner) {
    throw new InputError(
      `${term.name} learns from true labels, and what \`${view.name}\` shows has none. Leave one of them out.`,
    );
  }
}

/** Adds the true labels of the rows to each batch. */
function withTrueLabels(source: BatchSource, lessons: readonly Lesson[]): BatchSource {
  return {
    ...source,
    async batch(rows, epoch, signal) {
      const labels = await Promise.all(
        lessons.map(async lesson => {
          const {knowledge} = lesson;
          return targetsOf(await answersAt(knowledge, rowsIn(lesson, rows)), knowledge.classes.length).labels;
        }),
      );
      const {raw, targets} = await source.batch(rows, epoch, signal);
      return {raw, targets: targets.map((own, index) => ({...own, trueLabels: tf.tensor1d(labels[index]!, 'int32')}))};
    },
  };
}
