import {mixSeed} from '../data/random.ts';
import {CompiledCalls} from '../engine/compiled/compiled-calls.ts';
import {fitsRows} from '../engine/row-kernels.ts';
import {tf, valuesOf} from '../engine/tf.ts';
import type {BatchOutputs, LossTerm} from '../losses/loss.ts';
import {embeddingBagOf, sumsOf} from '../student/embedding-bag.ts';
import {featureShapes} from '../student/forward.ts';
import {forwardFrom} from '../student/raw-inputs.ts';
import type {Student} from '../student/student.ts';
import type {Batch, BatchSource} from './batch-source.ts';
import {lazyStepper} from './lazy-step.ts';
import {type Lesson, outputsByLesson} from './lessons.ts';
import type {Optimizer} from './optimizer.ts';
import type {TrainOptions} from './options.ts';
import {solvingStepper} from './solve-head.ts';
import {
  type EnteredBatch,
  eagerStepper,
  type Step,
  type StepInputs,
  type Stepper,
  stepInputs,
  trainingStep,
  type WeightedTerm,
} from './step.ts';

/** A term of a run. */
export interface RunTerm extends WeightedTerm {
  readonly loss: LossTerm;
  /** Distinguishes it from all others of the run. */
  readonly name: string;
}

/** The terms of all lessons, one lesson after the other. A number distinguishes terms of the same name. */
export function termsOf(lessons: readonly Lesson[]): readonly Pick<RunTerm, 'loss' | 'name' | 'lesson'>[] {
  const counts = new Map<string, number>();
  return lessons.flatMap(({name: question, losses}, lesson) =>
    losses.map(loss => {
      const name = question === undefined ? loss.name : `${question}: ${loss.name}`;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return {loss, lesson, name: count === 1 ? name : `${name} ${count}`};
    }),
  );
}

/**
 * How the kernel of an embedding bag is updated: `lazy` moves only the rows that a batch counts, `dense` all of them.
 */
export type Updates = 'lazy' | 'dense';

/** The updates of a student's first layer in a run. */
export function updatesOf(student: Student, optimizer: Optimizer, options: TrainOptions): Updates {
  const {embeddingUpdates = 'lazy', clipNorm} = options;
  const bag = embeddingBagOf(student);
  if (embeddingUpdates === 'dense' || bag === undefined || !fitsRows(bag.kernel.shape[0]!, bag.units)) return 'dense';
  // The global norm of the gradients takes all of them.
  return optimizer.startRows === undefined || clipNorm !== undefined ? 'dense' : 'lazy';
}

interface StepMakers {
  readonly source: BatchSource;
  /** One for each head of the student. */
  readonly lessons: readonly Lesson[];
  readonly optimizer: Optimizer;
  readonly updates: Updates;
  readonly isSolved: boolean;
}

/** The step of a run, with what it changes. */
export interface MadeStep {
  /** Of the kernel of an embedding bag. */
  readonly updates: Updates;
  /** The weights of the student that are trained. */
  readonly trainable: readonly tf.Variable[];
  /** The tensor with which the pass over a raw batch begins, which is the caller's to dispose. */
  readonly enter: (raw: Batch['raw']) => tf.Tensor;
  /** Runs the student on such a tensor, in training mode. */
  readonly forward: (entered: tf.Tensor) => readonly BatchOutputs[];
  /** The other variables that change with each step: the terms' own and the optimizer's slots. */
  readonly state: readonly tf.Variable[];
  readonly terms: readonly RunTerm[];
  readonly stepper: Stepper;
  dispose(): void;
}

/** Prepares the step of a run. */
export function makeStep(
  student: Student,
  {source, lessons, optimizer, updates, isSolved}: StepMakers,
  {seed, clipNorm, compile = true, onFallback}: TrainOptions,
): MadeStep {
  const named = termsOf(lessons);
  const layers = [...new Set(named.flatMap(({loss}) => loss.studentFeatures))];
  const shapes = featureShapes(student, layers);
  const terms = named.map((term, index) => ({
    ...term,
    ...term.loss.prepare(
      {teacher: source.featureShapes[term.lesson]!, student: shapes},
      mixSeed(seed, `term ${index}`),
    ),
    weight: term.loss.weight,
  }));
  const own = terms.flatMap(term => term.variables);
  const trainable = student.model.trainableWeights.map(weight => weight.read() as tf.Variable);
  const bag = updates === 'lazy' ? embeddingBagOf(student) : undefined;
  const variables = [...trainable.filter(variable => variable !== bag?.kernel), ...own];
  const running = optimizer.start(variables);
  const runningRows = bag && trainable.includes(bag.kernel) ? optimizer.startRows!(bag.kernel) : undefined;
  const outputs = forwardFrom(student, bag ? 'sparse' : 'tensor', layers);
  const forward: MadeStep['forward'] = entered => outputsByLesson(outputs(entered, {training: true}), lessons);
  const parts = {forward, lessonWeights: lessons.map(({weight}) => weight), terms, variables};
  const byStep = (): Stepper<EnteredBatch> => {
    const step = trainingStep({...parts, optimizer: running, clipNorm, givesInputGradient: bag !== undefined});
    return compile ? compiledStepper(step, onFallback) : eagerStepper(step);
  };
  const rest = isSolved ? solvingStepper(parts) : byStep();
  const stepper = bag ? lazyStepper(rest, bag, runningRows) : (rest as Stepper);
  return {
    updates,
    trainable,
    enter: raw => (raw instanceof tf.Tensor ? tf.clone(raw) : sumsOf(bag!, raw)),
    forward,
    state: [...own, ...running.slots, ...(runningRows?.slots ?? [])],
    terms,
    stepper,
    dispose() {
      stepper.dispose();
      running.dispose();
      runningRows?.dispose();
      for (const variable of own) variable.dispose();
    },
  };
}

/**
 * Runs each step as one graph, if the native engine is used and the step can be compiled, else like `eagerStepper`.
 *
 * @param onFallback - called once with the reason, as a clause, if the step can't be compiled on the native engine
 */
function compiledStepper(step: Step, onFallback?: (reason: string) => void): Stepper<EnteredBatch> {
  const calls = new CompiledCalls(onFallback);
  return {
    run: (batch, settings) =>
      valuesOf(() => {
        const inputs = stepInputs(batch, settings);
        return calls.call(tensorsOf(inputs), () => step(inputs));
      }),
    sync: () => calls.sync(),
    dispose: () => calls.dispose(),
  };
}

function tensorsOf({raw, targets, learningRate, seed, progress}: StepInputs): tf.Tensor[] {
  const answers = targets.flatMap(
    ({labels, trueLabels, logProbabilities, expectedLevels, named, features, weights}) => [
      labels,
      trueLabels,
      logProbabilities,
      expectedLevels,
      named,
      ...Object.values(features),
      weights,
    ],
  );
  return [raw, ...answers, learningRate, seed, progress].filter(tensor => tensor !== undefined);
}
