import {createHash} from 'node:crypto';
import {
  artifactsOf,
  type GraphModel,
  GraphModelGraph,
  type GraphOperation,
} from '../../src/engine/graphs/graph-model.ts';
import {tf} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import type {Preprocessing} from '../../src/student/preprocessing.ts';
import type {Teacher, TensorInput} from '../../src/teacher.ts';
import {checkScores, featuresOf, type GraphOutput, inputOf, namedOutput, partsOf, type ScoreKind} from './parts.ts';
import {type GraphTeacher, graphTeacher, logarithms} from './teacher.ts';

/** Options of a teacher that runs a graph model. */
export interface GraphModelOptions {
  readonly classes: readonly string[];
  readonly output: GraphOutput | ScoreKind | undefined;
  readonly features: readonly string[] | undefined;
  readonly preprocessing: Preprocessing | undefined;
  readonly dtype: TensorInput['dtype'] | undefined;
  readonly name: string;
  readonly maxBatch: number | undefined;
  readonly compile: boolean | undefined;
  readonly onFallback: ((reason: string) => void) | undefined;
}

/** A graph model of TensorFlow.js as a teacher. */
export async function graphModelTeacher(model: GraphModel, options: GraphModelOptions): Promise<Teacher<'white-box'>> {
  const {name, classes, maxBatch = 256, compile = true, onFallback} = options;
  const owner = `Graph model ${name}`;
  const artifacts = await artifactsOf(model);
  const operations = (artifacts.modelTopology as {readonly node: readonly GraphOperation[]}).node;
  const graph = new GraphModelGraph(model, operations, {compile, onFallback});
  const output = namedOutput(graph, options.output ?? guessed(graph, operations), owner);
  const {kind, node: location} = partsOf(output);
  checkScores(graph, location, classes, owner);
  const softmax = softmaxAt(location, graph, operations);
  if (kind === 'logits' && softmax !== undefined) {
    throw new InputError(
      `Output \`${location}\` of ${owner} is a softmax: it gives \`probabilities\`, not \`logits\`.`,
    );
  }
  const input = inputOf(graph, options, owner);
  return graphTeacher({
    name,
    identity: identityOf(artifacts, graph.signature, output, input.preprocessing, owner),
    classes,
    graph,
    input,
    scores: scoresOf(kind, location, softmax),
    features: featuresOf(graph, location, input, options.features, owner),
    maxBatch,
  });
}

function identityOf(
  {modelTopology, modelInitializer, weightSpecs, weightData}: tf.io.ModelArtifacts,
  signature: object,
  output: GraphOutput,
  {scale = 1, mean = 0, deviation = 1}: Preprocessing,
  owner: string,
): Teacher['identity'] {
  if (weightData === undefined) {
    throw new InputError(`${owner} keeps no weights that can be told apart. Load it without \`streamWeights\`.`);
  }
  const weights = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
  return {
    adapter: 'tfjs',
    weights: createHash('sha256').update(JSON.stringify(weightSpecs)).update(weights).digest('hex'),
    architecture: sha256([modelTopology, modelInitializer ?? null, signature]),
    preprocessing: {scale, mean, deviation},
    output: {...output},
  };
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** Reads logits from the input of a final softmax, if there is one. */
function scoresOf(kind: ScoreKind, location: string, softmax: GraphOperation | undefined): GraphTeacher['scores'] {
  if (softmax !== undefined) return {node: softmax.input![0]!, toLogits: values => values};
  return {node: location, toLogits: kind === 'logits' ? values => values : logarithms};
}

function guessed(graph: GraphModelGraph, operations: readonly GraphOperation[]): ScoreKind {
  const [only] = graph.outputs;
  return only !== undefined && softmaxAt(only.name, graph, operations) ? 'probabilities' : 'logits';
}

/** Returns the softmax whose result an output passes on. */
function softmaxAt(
  output: string,
  {signature: {outputs = {}}}: GraphModelGraph,
  operations: readonly GraphOperation[],
): GraphOperation | undefined {
  const node = (location: string): GraphOperation | undefined =>
    operations.find(({name}) => name === location.split(':')[0]);
  let found = node(outputs[output]?.name ?? output);
  while (found?.op === 'Identity' && found.input?.[0] !== undefined) found = node(found.input[0]);
  return found?.op === 'Softmax' ? found : undefined;
}
