import {tf} from '../tf.ts';
import type {NativeBackend} from './binding.ts';
import {Recorder, type Untraceable} from './recorder.ts';
import type {Recording} from './recording.ts';
import {syncSessions} from './session.ts';

/** Runs a function of the inputs and of any variables to take down what it does. Variables keep their values. */
export function record(
  backend: NativeBackend,
  inputs: readonly tf.Tensor[],
  run: () => tf.Tensor,
): Recording | Untraceable {
  const {binding} = backend;
  const recorder = new Recorder(binding);
  // Below, all variables look assigned outside, and of those a graph forgets its own values.
  syncSessions();
  const variables = registeredVariables();
  for (const variable of variables) separate(backend, variable);
  recorder.knowVariables(variables, backend.getInputTensorIds(variables));
  recorder.knowInputs(inputs, backend.getInputTensorIds(inputs));
  const values = variables.map(variable => tf.clone(variable));
  const isAssigned = (variable: tf.Variable, index: number) => variable.dataId !== values[index]!.dataId;
  tf.engine().startScope();
  backend.binding = recorder.binding;
  try {
    const result = run();
    const assigned = variables.filter(isAssigned);
    const [resultId, ...assignedIds] = backend.getInputTensorIds([result, ...assigned]);
    const fresh = registeredVariables().find(variable => !variables.includes(variable));
    if (fresh !== undefined) recorder.giveUp(`the variable ${fresh.name} is made inside of it`);
    return recorder.finish(resultId!, assigned, assignedIds);
  } finally {
    backend.binding = binding;
    for (const [index, variable] of variables.entries()) {
      if (isAssigned(variable, index)) variable.assign(values[index]!);
    }
    tf.engine().endScope();
    tf.dispose(values);
  }
}

function registeredVariables(): tf.Variable[] {
  return Object.values(tf.engine().registeredVariables);
}

/**
 * Gives a variable's value a number of its own. Copies of a variable share its number until either changes; under it
 * a copy that the function keeps would pass for the variable.
 */
function separate(backend: NativeBackend, variable: tf.Variable): void {
  const [info] = backend.binding.executeOp('Identity', [], backend.getInputTensorIds([variable]), 1);
  const own = backend.createOutputTensor(info!);
  variable.assign(own);
  own.dispose();
}
