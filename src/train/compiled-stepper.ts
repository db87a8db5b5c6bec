import {CompiledCalls} from '../engine/compiled/compiled-calls.ts';
import {tf} from '../engine/tf.ts';
import {type Step, type StepInputs, type Stepper, stepInputs} from './step.ts';

/**
 * Runs each step as one graph, where the native engine runs and the step can be compiled; else as `eagerStepper` does.
 *
 * @param onFallback - told once why a step can't be compiled on the native engine, as a clause
 */
export function compiledStepper(step: Step, onFallback?: (reason: string) => void): Stepper {
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
