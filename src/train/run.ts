import {sameClasses} from '../data/arrays.ts';
import {mixSeed} from '../data/random.ts';
import {CompiledCalls} from '../engine/compiled/compiled-calls.ts';
import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {answersAt, countOf, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {BatchOutputs} from '../losses/loss.ts';
import {checkObjective, needsOf} from '../losses/objective.ts';
import {targetsOf} from '../losses/targets.ts';
import {featureShapes, outputsOf} from '../student/forward.ts';
import {preprocess} from '../student/preprocessing.ts';
import type {Student} from '../student/student.ts';
import {type BatchSource, keptAnswers, liveAnswers, storedAnswers} from './batch-source.ts';
import {BATCH_SIZE, checkCount, defaultOptimizer, defaultSchedule, epochsOf} from './defaults.ts';
import type {Optimizer} from './optimizer.ts';
import type {TrainOptions} from './options.ts';
import {balancedRows, type EpochOrder, everyInput} from './order.ts';
import {ratesOf, type Schedule} from './schedule.ts';
import {
  eagerStepper,
  type Step,
  type StepInputs,
  type Stepper,
  stepInputs,
  trainingStep,
  type WeightedTerm,
} from './step.ts';

/** A checked training run, ready for its first step. */
export interface Run {
  readonly options: TrainOptions;
  /** Number of examples in one epoch: each input counts once, whatever its number of versions. */
  readonly count: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly steps: number;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  /** [steps], the learning rate of each step. */
  readonly rates: Float64Array;
  readonly order: EpochOrder;
  readonly source: BatchSource;
  /** All weights of the student, trained or not (batch norm has both). */
  readonly weights: readonly tf.Variable[];
  /** The trained ones among them. */
  readonly trainable: readonly tf.Variable[];
  /** Runs the student on a raw batch, in training mode. */
  readonly forward: (raw: tf.Tensor) => BatchOutputs;
  /** The other variables that change with each step: the terms' own and the optimizer's slots. */
  readonly state: readonly tf.Variable[];
  readonly terms: readonly WeightedTerm[];
  readonly stepper: Stepper;
  dispose(): void;
}

/** Checks everything that can be checked before the first step, and prepares the step. */
export async function startRun(
  student: Student,
  knowledge: Knowledge | StoredKnowledge,
  options: TrainOptions,
): Promise<Run> {
  checkOptions(student, knowledge, options);
  const {batchSize = BATCH_SIZE, balance = 0} = options;
  const {versions = 1} = knowledge;
  const count = countOf(knowledge) / versions;
  const epochs = epochsOf(options, count);
  const stepsPerEpoch = Math.ceil(count / batchSize);
  const steps = options.exactSteps && options.steps !== undefined ? options.steps : stepsPerEpoch * epochs;
  const {optimizer = defaultOptimizer(student, steps), schedule = defaultSchedule(student, options.optimizer)} =
    options;
  const source = await batchSource(student, knowledge, options);
  return {
    options,
    count,
    batchSize,
    epochs,
    stepsPerEpoch,
    steps,
    optimizer,
    schedule,
    rates: ratesOf(schedule, steps, optimizer),
    order:
      balance > 0 ? await balancedRows(knowledge, options.seed, balance) : everyInput(count, versions, options.seed),
    source,
    weights: student.model.weights.map(weight => weight.read() as tf.Variable),
    ...makeStep(student, source, optimizer, options),
  };
}

async function batchSource(
  student: Student,
  knowledge: Knowledge | StoredKnowledge,
  options: TrainOptions,
): Promise<BatchSource> {
  const source = await answerSource(student, knowledge, options);
  return options.losses.some(({needsTrueLabels}) => needsTrueLabels) ? withTrueLabels(source, knowledge) : source;
}

function answerSource(
  student: Student,
  knowledge: Knowledge | StoredKnowledge,
  {teacher, view, losses, seed}: TrainOptions,
): Promise<BatchSource> | BatchSource {
  const viewing = {student, view, seed};
  if (teacher !== undefined) return liveAnswers(knowledge, {teacher, detail: needsOf(losses), ...viewing});
  return 'inputs' in knowledge ? keptAnswers(knowledge, viewing) : storedAnswers(knowledge, viewing);
}

function makeStep(
  student: Student,
  source: BatchSource,
  optimizer: Optimizer,
  {losses, seed, clipNorm, compile = true, onFallback}: TrainOptions,
): Pick<Run, 'trainable' | 'forward' | 'state' | 'terms' | 'stepper' | 'dispose'> {
  const layers = [...new Set(losses.flatMap(term => term.studentFeatures))];
  const shapes = {teacher: source.featureShapes, student: featureShapes(student, layers)};
  const terms = losses.map((term, index) => ({
    ...term.prepare(shapes, mixSeed(seed, `term ${index}`)),
    weight: term.weight,
  }));
  const own = terms.flatMap(term => term.variables);
  const trainable = student.model.trainableWeights.map(weight => weight.read() as tf.Variable);
  const variables = [...trainable, ...own];
  const running = optimizer.start(variables);
  const outputs = outputsOf(student, layers);
  const forward: Run['forward'] = raw => outputs(preprocess(raw, student.preprocessing), {training: true});
  const step = trainingStep({
    forward,
    terms,
    variables,
    optimizer: running,
    clipNorm,
  });
  const stepper = compile ? compiledStepper(step, onFallback) : eagerStepper(step);
  return {
    trainable,
    forward,
    state: [...own, ...running.slots],
    terms,
    stepper,
    dispose() {
      stepper.dispose();
      running.dispose();
      for (const variable of own) variable.dispose();
    },
  };
}

function checkOptions(student: Student, knowledge: Knowledge | StoredKnowledge, options: TrainOptions): void {
  const {losses, teacher, view, validation, earlyStopping, balance = 0} = options;
  checkCount('validateEvery', options.validateEvery ?? 1);
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
  if (view && !teacher && knowledge.source.access !== 'truth') {
    throw new InputError(
      `View \`${view.name}\` needs \`teacher\`: the kept answers are about the inputs as they are, not about their views.`,
    );
  }
  if (view?.takesPartner && !teacher) {
    throw new InputError(
      `What \`${view.name}\` shows has no true label. Leave it out, or give a \`teacher\` that answers live.`,
    );
  }
  if (!sameClasses(student.classes, knowledge.classes)) {
    throw new InputError(
      `The student's classes (${student.classes.join(', ')}) are not those of the knowledge (${knowledge.classes.join(', ')}).`,
    );
  }
  checkObjective(losses, teacher?.detail ?? knowledge.detail);
  if (student.model.trainableWeights.length === 0) {
    throw new InputError(
      `Student ${student.model.name} has no weights to train: all its layers are frozen. Set \`trainable\` of one at least.`,
    );
  }
  checkTrueLabels(knowledge, options);
}

/**
 * Runs each step as one graph, if the native engine is used and the step can be compiled, else like `eagerStepper`.
 *
 * @param onFallback - called once with the reason, as a clause, if the step can't be compiled on the native engine
 */
function compiledStepper(step: Step, onFallback?: (reason: string) => void): Stepper {
  const calls = new CompiledCalls(onFallback);
  return {
    run: (batch, settings) =>
      tf.tidy(() => {
        const inputs = stepInputs(batch, settings);
        return calls.call(tensorsOf(inputs), () => step(inputs)).dataSync<'float32'>();
      }),
    sync: () => calls.sync(),
    dispose: () => calls.dispose(),
  };
}

function tensorsOf({raw, targets, learningRate, seed, progress}: StepInputs): tf.Tensor[] {
  const {labels, trueLabels, logProbabilities, named, features} = targets;
  const all = [
    raw,
    labels,
    trueLabels,
    logProbabilities,
    named,
    ...Object.values(features),
    learningRate,
    seed,
    progress,
  ];
  return all.filter(tensor => tensor !== undefined);
}

/**
 * Checks that true labels exist if a term learns from them, and that they hold for the student's view of the inputs.
 *
 * @throws InputError if they don't
 */
function checkTrueLabels({source}: Knowledge | StoredKnowledge, {losses, view}: TrainOptions): void {
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
function withTrueLabels(source: BatchSource, knowledge: Knowledge | StoredKnowledge): BatchSource {
  return {
    ...source,
    async batch(rows, epoch, signal) {
      const {labels} = targetsOf(await answersAt(knowledge, rows), knowledge.classes.length);
      const {raw, targets} = await source.batch(rows, epoch, signal);
      return {raw, targets: {...targets, trueLabels: tf.tensor1d(labels, 'int32')}};
    },
  };
}
