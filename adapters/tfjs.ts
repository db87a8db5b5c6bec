import {createHash} from 'node:crypto';
import {basename, resolve} from 'node:path';
import {startEngine} from '../src/engine/engine.ts';
import {artifactsOf, type GraphModel, GraphModelGraph, type GraphOperation} from '../src/engine/graphs/graph-model.ts';
import {type layers, tf} from '../src/engine/tf.ts';
import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import {type AsTeacherOptions, asTeacher} from '../src/student/as-teacher.ts';
import {type LoadOptions, loadStudent} from '../src/student/files.ts';
import {endsInSoftmax} from '../src/student/forward.ts';
import {makeStudent} from '../src/student/make-student.ts';
import {readGraphModel} from '../src/student/model-files.ts';
import type {Preprocessing} from '../src/student/preprocessing.ts';
import type {Student} from '../src/student/student.ts';
import type {Teacher, TensorInput} from '../src/teacher.ts';
import {
  checkScores,
  featuresOf,
  type GraphOutput,
  inputOf,
  namedOutput,
  partsOf,
  type ScoreKind,
} from './_graph/parts.ts';
import {type GraphTeacher, graphTeacher, logarithms} from './_graph/teacher.ts';

export type {GraphOutput, ScoreKind} from './_graph/parts.ts';

interface TfjsOptions extends AsTeacherOptions, Omit<LoadOptions, 'output' | 'question' | 'heads'> {
  /**
   * The kind of the model's output. If a graph model has several outputs, the name of the one with one number per
   * class.
   *
   * @default the kind of the model's last operation
   */
  readonly output?: GraphOutput | ScoreKind;
  /**
   * Outputs and other nodes of a graph model that can be asked for as features. In a layers model each layer can.
   *
   * @default the other outputs that have a row per input
   */
  readonly features?: readonly string[];
}

/**
 * The folder of a model on disk: one that saveStudent() wrote, or any layers model or graph model of TensorFlow.js,
 * with its `classes`.
 */
export type TfjsPath = TfjsOptions & {readonly path: string};

/** A model in memory. */
type TfjsModel = TfjsOptions & {
  readonly model: layers.LayersModel | GraphModel;
  readonly classes: readonly string[];
};

const KINDS = {
  path: kinds.text,
  model: kinds.object,
  classes: kinds.texts,
  output: kinds.textOrObject,
  features: kinds.texts,
  preprocessing: kinds.object,
  dtype: oneOf('uint8', 'int32', 'float32'),
  reading: kinds.object,
  calibration: kinds.object,
  gate: kinds.object,
  embeddingModel: kinds.text,
  name: kinds.text,
  maxBatch: kinds.number,
  compile: kinds.flag,
  onFallback: kinds.call,
} satisfies Shape<TfjsPath & TfjsModel>;

/**
 * A layers model or graph model of TensorFlow.js in this process: white-box, with logits and the activations of its
 * layers or nodes. If the model ends in a softmax, the logits are the softmax's input.
 *
 * By default `output` is the kind of the model's last operation, and there is no `preprocessing`.
 *
 * @throws InputError if the model can't be loaded or does not match the options
 */
export async function tfjs(options: TfjsPath | TfjsModel): Promise<Teacher<'white-box'>> {
  checkOptions('tfjs', options, KINDS);
  await startEngine();
  const graph = 'path' in options ? await readGraphModel(options.path) : graphIn(options.model);
  if (graph !== undefined) return ofGraph(graph, options);
  const {name, maxBatch, compile, onFallback, ...known} = layersOptions(options);
  const student = 'path' in known ? await loaded(known) : fromMemory(known);
  return asTeacher(student, {name, maxBatch, compile, onFallback});
}

/** Returns the graph model, or undefined for a layers model. Only graph models have a signature. */
function graphIn(model: TfjsModel['model']): GraphModel | undefined {
  return 'modelSignature' in model ? model : undefined;
}

function ofGraph(model: GraphModel, options: TfjsPath | TfjsModel): Promise<Teacher<'white-box'>> {
  const {classes, output, features, preprocessing, dtype, maxBatch, compile, onFallback} = options;
  const called = 'path' in options ? basename(resolve(options.path)) : 'graph model';
  if (classes === undefined) {
    throw new InputError(`Nothing says which classes the graph model ${called} has. Give its \`classes\`.`);
  }
  const {name = `tfjs ${called}`} = options;
  const rest = {output, features, preprocessing, dtype, maxBatch, compile, onFallback};
  return graphModelTeacher(model, {name, classes, ...rest});
}

type LayersPath = AsTeacherOptions & LoadOptions & {readonly path: string};
type LayersModel = AsTeacherOptions & LoadOptions & {readonly model: layers.LayersModel} & Pick<TfjsModel, 'classes'>;

/** @throws InputError if an option is only for graph models */
function layersOptions(options: TfjsPath | TfjsModel): LayersPath | LayersModel {
  if (typeof options.output === 'object' || options.features !== undefined) {
    throw new InputError(
      'This is a layers model: its `output` is `logits` or `probabilities`, and each of its layers can be asked for. Leave out `features` and names of outputs.',
    );
  }
  return options as LayersPath | LayersModel;
}

function loaded({
  path,
  ...options
}: Omit<LayersPath, 'name' | 'maxBatch' | 'compile' | 'onFallback'>): Promise<Student> {
  return loadStudent(path, options);
}

function fromMemory({model, classes, preprocessing = {}, dtype, output}: LayersModel): Student {
  const given = output ?? (endsInSoftmax(model) ? 'probabilities' : 'logits');
  return makeStudent({model, classes, preprocessing, output: given, ...(dtype && {dtype})});
}

/** Options of a teacher that runs a graph model. */
interface GraphModelOptions {
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
async function graphModelTeacher(model: GraphModel, options: GraphModelOptions): Promise<Teacher<'white-box'>> {
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
