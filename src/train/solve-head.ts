import {tf} from '../engine/tf.ts';
import {minimise, type Objective} from '../statistics/minimise.ts';
import type {Student} from '../student/student.ts';
import type {Lesson} from './lessons.ts';
import type {RunningOptimizer} from './optimizer.ts';
import type {TrainOptions} from './options.ts';
import {type EnteredBatch, eagerStepper, type StepParts, type Stepper, trainingStep} from './step.ts';

/** The most examples of a head that is solved for: the engine holds them all at once. */
const MOST = 20_000;
/** λ of the L2 penalty λ/2 · ‖W‖² beside the sum of the losses. `test/bench/README.md` has others. */
const PENALTY = 3;
/** Accuracy of the search, see `MinimiseOptions`. */
const TOLERANCE = 1e-5;

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
 * @param penalty - λ
 */
export function solvingStepper(
  parts: Pick<StepParts, 'forward' | 'lessonWeights' | 'terms' | 'variables'>,
  {penalty = PENALTY, tolerance = TOLERANCE}: {readonly penalty?: number; readonly tolerance?: number} = {},
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
  return {
    run(batch, settings) {
      let losses = new Float32Array() as Float32Array;
      const objective: Objective = (point, slopes) => {
        assign(variables, point);
        losses = step.run(batch, settings);
        const value = losses[0]! + addSlopes(gradients, point, penalty / batch.raw.shape[0]!, slopes);
        tf.dispose([...gradients]);
        return value;
      };
      const {point} = minimise(objective, valuesIn(variables), {tolerance});
      // The search may end beside its best point.
      objective(point, new Float64Array(point.length));
      return losses;
    },
    sync() {},
    dispose() {},
  };
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
