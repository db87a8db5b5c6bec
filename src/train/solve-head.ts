import {tf} from '../engine/tf.ts';
import {mapTargets} from '../losses/targets.ts';
import {minimise, type Objective} from '../statistics/minimise.ts';
import type {Student} from '../student/student.ts';
import type {Lesson} from './lessons.ts';
import type {RunningOptimizer} from './optimizer.ts';
import type {TrainOptions} from './options.ts';
import {disposeBatch} from './prefetch.ts';
import {
  type EnteredBatch,
  eagerStepper,
  type StepParts,
  type Stepper,
  type StepSettings,
  trainingStep,
} from './step.ts';

/** The most examples of a head that is solved for: the engine holds them all at once. */
const MOST = 20_000;
/**
 * λ of the L2 penalty λ/2 · ‖W‖² beside the sum of the losses, the strongest first. Answers that contradict each other need
 * a stronger one, the more so the more there are. `test/bench/README.md` compares them.
 */
const PENALTIES = [100, 30, 10, 3, 1];
/** λ where examples are too few to choose by. */
const [DEFAULT, FEWEST] = [3, 100];
/** One in so many examples is left out while λ is chosen, and chooses it. */
const HELD = 3;
/** Accuracy of the search, see `MinimiseOptions`; and of those that choose λ. */
const [TOLERANCE, TRIED] = [1e-5, 1e-3];

/** Options of a training by steps: whoever gives one wants steps. */
const OF_STEPS = [
  ...(['epochs', 'steps', 'exactSteps', 'batchSize', 'balance', 'optimizer', 'schedule', 'clipNorm'] as const),
  ...(['earlyStopping', 'view', 'teacher'] as const),
] as const;

/**
 * Whether a student's weights are found as the one minimum of a convex objective: it is a linear map on the vectors of a
 * frozen encoder, and no option asks for training by steps.
 */
export function isSolvable(
  {reading, model, heads}: Student,
  lessons: readonly Lesson[],
  options: TrainOptions,
  examples: number,
): boolean {
  const isLinear = reading?.kind === 'embeddings' && model.layers.length === 2 && model.trainableWeights.length === 2;
  return (
    isLinear &&
    heads === undefined &&
    lessons.length === 1 &&
    lessons[0]!.losses.every(({isConvex}) => isConvex) &&
    examples <= MOST &&
    OF_STEPS.every(name => options[name] === undefined)
  );
}

/**
 * One step to the minimum of the objective over all examples, with an L2 penalty on the weights but not on the biases, by
 * L-BFGS. With labels it is what scikit-learn's `LogisticRegression(C=1/λ)` fits.
 *
 * @param penalty - λ. By default that of the lowest objective over a third of the examples, for heads that were fitted to
 *   the others; 3 if there are fewer than 100
 */
export function solvingStepper(
  parts: Pick<StepParts, 'forward' | 'lessonWeights' | 'terms' | 'variables'>,
  {penalty, tolerance = TOLERANCE}: {readonly penalty?: number; readonly tolerance?: number} = {},
): Stepper<EnteredBatch> {
  const {variables} = parts;
  let gradients: readonly tf.Tensor[] = [];
  const collecting: RunningOptimizer = {
    slots: [],
    apply(found) {
      gradients = found.map(gradient => tf.keep(gradient));
    },
    dispose() {},
  };
  const step = eagerStepper(
    trainingStep({...parts, optimizer: collecting, clipNorm: undefined, givesInputGradient: false}),
  );
  /** What the step gives for the weights as they are. */
  const lossesOf = (batch: EnteredBatch, settings: StepSettings): Float32Array => {
    const losses = step.run(batch, settings);
    tf.dispose([...gradients]);
    return losses;
  };
  const solve = (batch: EnteredBatch, settings: StepSettings, {penalty, tolerance}: Search): void => {
    const objective: Objective = (point, slopes) => {
      assign(variables, point);
      const [loss] = step.run(batch, settings);
      const value = loss! + addSlopes(gradients, point, penalty / batch.raw.shape[0]!, slopes);
      tf.dispose([...gradients]);
      return value;
    };
    // The search may end beside its best point.
    assign(variables, minimise(objective, valuesIn(variables), {tolerance}).point);
  };
  return {
    run(batch, settings) {
      const lossOf: HeldLoss = (penalty, {known, held}) => {
        solve(known, settings, {penalty, tolerance: TRIED});
        return lossesOf(held, settings)[0]!;
      };
      solve(batch, settings, {penalty: penalty ?? chosenPenalty(batch, lossOf), tolerance});
      return lossesOf(batch, settings);
    },
    sync() {},
    dispose() {},
  };
}

interface Search {
  readonly penalty: number;
  readonly tolerance: number;
}

interface Divided {
  readonly known: EnteredBatch;
  readonly held: EnteredBatch;
}

/** The loss on the examples that are held, of the head that fits the others with a λ. */
type HeldLoss = (penalty: number, examples: Divided) => number;

/** The λ with the lowest loss. */
function chosenPenalty(batch: EnteredBatch, lossOf: HeldLoss): number {
  const count = batch.raw.shape[0]!;
  if (count < FEWEST) return DEFAULT;
  const most = Math.floor(count / HELD);
  const [known, held] = [rowsOf(batch, most, count - most), rowsOf(batch, 0, most)];
  let [best, lowest] = [DEFAULT, Number.POSITIVE_INFINITY];
  for (const penalty of PENALTIES) {
    const loss = lossOf(penalty, {known, held});
    // It rises from here on, and the weakest take the longest.
    if (loss >= lowest) break;
    [best, lowest] = [penalty, loss];
  }
  disposeBatch(known);
  disposeBatch(held);
  return best;
}

/** Some examples of a batch, which come in no order. The caller disposes of them. */
function rowsOf({raw, targets}: EnteredBatch, start: number, count: number): EnteredBatch {
  const cut = <T extends tf.Tensor>(all: T): T => tf.slice(all, [start], [count]);
  return {raw: cut(raw), targets: targets.map(own => mapTargets(own, cut))};
}

function valuesIn(variables: readonly tf.Variable[]): Float64Array {
  return Float64Array.from(variables.flatMap(variable => [...variable.dataSync()]));
}

function assign(variables: readonly tf.Variable[], point: Float64Array): void {
  let start = 0;
  for (const variable of variables) {
    const values = Float32Array.from(point.subarray(start, start + variable.size));
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    start += variable.size;
  }
}

/** Writes the slopes of the mean loss and of the penalty, and returns the penalty. Biases have none. */
function addSlopes(
  gradients: readonly tf.Tensor[],
  point: Float64Array,
  penalty: number,
  slopes: Float64Array,
): number {
  let [start, square] = [0, 0];
  for (const gradient of gradients) {
    const own = gradient.rank > 1 ? penalty : 0;
    for (const [index, slope] of gradient.dataSync<'float32'>().entries()) {
      const weight = point[start + index]!;
      slopes[start + index] = slope + own * weight;
      square += own * weight * weight;
    }
    start += gradient.size;
  }
  return square / 2;
}
