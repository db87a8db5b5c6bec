import {setImmediate} from 'node:timers/promises';
import {startEngine} from '../../src/engine/engine.ts';
import type {Graph, GraphNumbers} from '../../src/engine/graphs/graph.ts';
import {InputError, TeacherError} from '../../src/errors.ts';
import {shown} from '../../src/student/input-shape.ts';
import type {Feature, Input, LogitsAnswer, Outcome, Query, Teacher} from '../../src/teacher.ts';
import {batchesOf, type GraphBatch, type GraphInput, misfitOf, valuesOf} from './parts.ts';

/** A graph and the properties that a teacher needs. */
export interface GraphTeacher {
  readonly name: string;
  readonly identity: Teacher['identity'];
  readonly classes: readonly string[];
  readonly graph: Graph;
  readonly input: GraphInput;
  /** The tensor from which the logits are computed. */
  readonly scores: {readonly node: string; readonly toLogits: (values: Float32Array) => Float32Array};
  /** Tensors that can be asked for. */
  readonly features: readonly string[];
  readonly maxBatch: number;
}

/**
 * Logits of probabilities, up to a constant per row: log(max(p, 1e-8)), as for a student that ends in probabilities.
 */
export function logarithms(probabilities: Float32Array): Float32Array {
  return probabilities.map(probability => Math.log(Math.max(probability, 1e-8)));
}

/** A graph that runs in this process, as a white-box teacher. */
export function graphTeacher(teacher: GraphTeacher): Teacher<'white-box'> {
  const {name, identity, classes, features, maxBatch} = teacher;
  return {
    name,
    identity,
    access: 'white-box',
    classes,
    detail: {kind: 'logits', features},
    maxBatch,
    async ask(queries, {detail, signal} = {}) {
      signal?.throwIfAborted();
      const asked = detail?.kind === 'logits' ? (detail.features ?? []) : [];
      checkAsked(teacher, asked);
      await open(teacher);
      return answerAll(teacher, queries, asked, signal);
    },
  };
}

function checkAsked({name, features}: GraphTeacher, asked: readonly string[]): void {
  const unknown = asked.find(feature => !features.includes(feature));
  if (unknown === undefined) return;
  throw new InputError(
    `${name} has no feature \`${unknown}\`. It has: ${features.join(', ') || 'none'}. Name it in \`features\`.`,
  );
}

async function open({name, graph}: GraphTeacher): Promise<void> {
  const {version} = await startEngine();
  try {
    graph.open();
  } catch (cause) {
    const problem = `TensorFlow ${version} does not load the model: ${reasonOf(cause)}.`;
    throw new TeacherError(name, `${problem} Copy or save it again, for that version.`, {cause});
  }
}

async function answerAll(
  teacher: GraphTeacher,
  queries: readonly Query[],
  features: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Outcome<'white-box'>[]> {
  const outcomes = new Array<Outcome<'white-box'>>(queries.length);
  const fitting = new Map<number, Input>();
  for (const [row, {input}] of queries.entries()) {
    const problem = misfitOf(input, teacher.input);
    if (problem === undefined) fitting.set(row, input);
    else outcomes[row] = {error: new TeacherError(teacher.name, problem)};
  }
  const waiting = batchesOf(fitting, teacher.input.tensor.shape?.[0] ?? Number.POSITIVE_INFINITY);
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    // The engine computes without a pause. Signals and other work of the process get a turn before it.
    await setImmediate();
    signal?.throwIfAborted();
    const given = await run(teacher, batch, features);
    if (!(given instanceof Error)) {
      const answers = answersIn(teacher, batch, features, given);
      for (const [index, row] of batch.rows.entries()) outcomes[row] = {answer: answers[index]!};
    } else if (batch.rows.length === 1) {
      outcomes[batch.rows[0]!] = {error: given};
    } else {
      // One input that an operation can't process fails the whole run.
      waiting.unshift(...halvesOf(batch));
    }
  }
  return outcomes;
}

/** Returns the graph's scores, then the features. Returns an error if an operation can't process the inputs. */
async function run(
  {name, graph, input, scores}: GraphTeacher,
  {inputs}: GraphBatch,
  features: readonly string[],
): Promise<readonly GraphNumbers[] | TeacherError> {
  const count = input.tensor.shape?.[0] ?? inputs.length;
  const filled = Array.from({length: count}, (_, row) => inputs[row] ?? inputs[0]!);
  const locations = [scores.node, ...features];
  const distinct = [...new Set(locations)];
  try {
    const given = await graph.run(input.tensor, valuesOf(filled, input), distinct);
    return locations.map(location => given[distinct.indexOf(location)]!);
  } catch (cause) {
    return new TeacherError(name, `The model can't answer this input: ${reasonOf(cause)}.`, {cause});
  }
}

function halvesOf({rows, inputs}: GraphBatch): GraphBatch[] {
  const middle = Math.ceil(rows.length / 2);
  return [
    {rows: rows.slice(0, middle), inputs: inputs.slice(0, middle)},
    {rows: rows.slice(middle), inputs: inputs.slice(middle)},
  ];
}

function answersIn(
  {name, classes, input, scores}: GraphTeacher,
  {rows}: GraphBatch,
  features: readonly string[],
  [given, ...activations]: readonly GraphNumbers[],
): LogitsAnswer[] {
  const count = input.tensor.shape?.[0] ?? rows.length;
  if (shown(given!.shape) !== shown([count, classes.length])) {
    const problem = `Output \`${scores.node}\` gives ${shown(given!.shape)} for ${count} inputs, but there are ${classes.length} classes.`;
    throw new TeacherError(name, `${problem} Name an output that gives one number per class.`);
  }
  for (const [index, {shape}] of activations.entries()) {
    if (shape[0] === count) continue;
    const problem = `Feature \`${features[index]}\` is ${shown(shape)} for ${count} inputs: it has no part for each.`;
    throw new TeacherError(name, `${problem} Leave it out.`);
  }
  const logits = scores.toLogits(given!.data);
  return rows.map((_, row) => ({
    kind: 'logits',
    logits: logits.slice(row * classes.length, (row + 1) * classes.length),
    features: Object.fromEntries(activations.map((activation, index) => [features[index], rowOf(activation, row)])),
  }));
}

function rowOf({shape: [count, ...shape], data}: GraphNumbers, row: number): Feature {
  const width = data.length / count!;
  return {shape, values: data.slice(row * width, (row + 1) * width)};
}

function reasonOf(cause: unknown): string {
  const [message = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
  return message.trim().replace(/\.$/, '');
}
