import {setImmediate} from 'node:timers/promises';
import {startEngine} from '../../src/engine/engine.ts';
import type {Graph, GraphNumbers} from '../../src/engine/graphs/graph.ts';
import {InputError, TeacherError} from '../../src/errors.ts';
import {shown} from '../../src/student/input-shape.ts';
import type {Feature, Input, Outcome, Query, Teacher} from '../../src/teacher.ts';
import {type AskedInput, type Head, headFor, inputsIn, NO_QUESTION, partOf, questionsOf} from '../_answers/heads.ts';
import {batchesOf, type GraphBatch, type GraphInput, misfitOf, ONE_EACH, shapeProblem, valuesOf} from './parts.ts';

/** A part of a graph's outputs, with the tensor from which it is read. */
export interface GraphHead extends Head {
  /** If the output is a softmax or a sigmoid, that one's input; the kind is then `logits`. */
  readonly node: string;
}

/** A graph and the properties that a teacher needs. */
export interface GraphTeacher {
  readonly name: string;
  readonly identity: Teacher['identity'];
  /** None if it has questions. */
  readonly classes: readonly string[];
  readonly graph: Graph;
  readonly input: GraphInput;
  /** As the options name them, for the keys of answers. */
  readonly declared: readonly Head[];
  /** The same, as they are read. */
  readonly heads: readonly GraphHead[];
  /** Tensors that can be asked for. */
  readonly features: readonly string[];
  readonly maxBatch: number;
}

/**
 * Logits of probabilities, up to a constant per row: log(max(p, 1e-8)), as for a student that ends in probabilities.
 */
function logarithms(probabilities: Float32Array): Float32Array {
  return probabilities.map(probability => Math.log(Math.max(probability, 1e-8)));
}

/** A graph that runs in this process, as a white-box teacher. */
export function graphTeacher(teacher: GraphTeacher): Teacher<'white-box'> {
  const {name, identity, classes, declared, features, maxBatch} = teacher;
  return {
    name,
    identity,
    access: 'white-box',
    classes,
    questions: questionsOf(declared),
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
  const inputs = inputsIn(queries);
  const settle = ({rows}: AskedInput, outcomeOf: (query: Query) => Outcome<'white-box'>) => {
    for (const row of rows) outcomes[row] = outcomeOf(queries[row]!);
  };
  const fitting = new Map<number, Input>();
  for (const [index, asked] of inputs.entries()) {
    const {input} = asked.query;
    const problem = misfitOf(input, teacher.input);
    if (problem === undefined) fitting.set(index, input);
    else settle(asked, () => ({error: new TeacherError(teacher.name, problem)}));
  }
  const waiting = batchesOf(fitting, teacher.input.tensor.shape?.[0] ?? Number.POSITIVE_INFINITY);
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    // The engine computes without a pause. Signals and other work of the process get a turn before it.
    await setImmediate();
    signal?.throwIfAborted();
    const given = await run(teacher, batch, features);
    if (!(given instanceof Error)) {
      const answerTo = answersIn(teacher, batch, features, given);
      for (const [row, index] of batch.rows.entries()) settle(inputs[index]!, query => answerTo(row, query));
    } else if (batch.rows.length === 1) {
      settle(inputs[batch.rows[0]!]!, () => ({error: given}));
    } else {
      // One input that an operation can't process fails the whole run.
      waiting.unshift(...halvesOf(batch));
    }
  }
  return outcomes;
}

/** Returns the tensors of the heads, then the features. Returns an error if an operation can't process the inputs. */
async function run(
  {name, graph, input, heads}: GraphTeacher,
  {inputs}: GraphBatch,
  features: readonly string[],
): Promise<readonly GraphNumbers[] | TeacherError> {
  const count = input.tensor.shape?.[0] ?? inputs.length;
  const filled = Array.from({length: count}, (_, row) => inputs[row] ?? inputs[0]!);
  const locations = [...heads.map(({node}) => node), ...features];
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

/** Returns a function of a row of the batch and a query about it. */
function answersIn(
  {name, heads, input}: GraphTeacher,
  {rows}: GraphBatch,
  features: readonly string[],
  given: readonly GraphNumbers[],
): (row: number, query: Query) => Outcome<'white-box'> {
  const count = input.tensor.shape?.[0] ?? rows.length;
  for (const [index, head] of heads.entries()) checkWidth(name, head, given[index]!, count);
  const activations = given.slice(heads.length);
  for (const [index, {shape}] of activations.entries()) {
    if (shape[0] === count) continue;
    const problem = `Feature \`${features[index]}\` is ${shown(shape)} for ${count} inputs: it has no part for each.`;
    throw new TeacherError(name, `${problem} Leave it out.`);
  }
  return (row, query) => {
    const head = headFor(heads, query);
    if (head === undefined) return {error: new TeacherError(name, NO_QUESTION)};
    const part = partOf(head, rowOf(given[heads.indexOf(head)]!, row).values);
    if (typeof part === 'string') return {error: new TeacherError(name, part)};
    const logits = 'logits' in part ? part.logits : head.kind === 'logits' ? part : logarithms(part);
    const read = activations.map((activation, index) => [features[index], rowOf(activation, row)]);
    return {answer: {kind: 'logits', logits, features: Object.fromEntries(read)}};
  };
}

function checkWidth(name: string, head: GraphHead, {shape}: GraphNumbers, count: number): void {
  const problem = shape[0] === count ? shapeProblem(head, shape) : `gives ${shown(shape)} for ${count} inputs`;
  if (problem !== undefined) throw new TeacherError(name, `Output \`${head.output}\` ${problem}. ${ONE_EACH}`);
}

function rowOf({shape: [count, ...shape], data}: GraphNumbers, row: number): Feature {
  const width = data.length / count!;
  return {shape, values: data.slice(row * width, (row + 1) * width)};
}

function reasonOf(cause: unknown): string {
  const [message = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
  return message.trim().replace(/\.$/, '');
}
