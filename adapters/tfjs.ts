import {createHash} from 'node:crypto';
import {basename, resolve} from 'node:path';
import {startEngine} from '../src/engine/engine.ts';
import type {Graph} from '../src/engine/graphs/graph.ts';
import {artifactsOf, type GraphModel, GraphModelGraph, type GraphOperation} from '../src/engine/graphs/graph-model.ts';
import {type layers, tf} from '../src/engine/tf.ts';
import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {Question} from '../src/question.ts';
import {type AsTeacherOptions, asTeacher} from '../src/student/as-teacher.ts';
import {type LoadOptions, loadStudent} from '../src/student/files.ts';
import {endsInSoftmax} from '../src/student/forward.ts';
import {makeStudent} from '../src/student/make-student.ts';
import {readGraphModel, readModel} from '../src/student/model-files.ts';
import type {Student} from '../src/student/student.ts';
import {architectureHash, weightsHash} from '../src/student/weights-hash.ts';
import type {Teacher} from '../src/teacher.ts';
import {type Head, headsOf, type QuestionOutputs, type ScoreKind} from './_answers/heads.ts';
import {type Activation, activationOf, LayersGraph} from './_graph/layers-graph.ts';
import {checkScores, featuresOf, inputOf, namedOutput} from './_graph/parts.ts';
import {type GraphHead, graphTeacher} from './_graph/teacher.ts';

export type {QuestionOutput, QuestionOutputs, ScoreKind} from './_answers/heads.ts';

interface TfjsOptions extends AsTeacherOptions, Omit<LoadOptions, 'output' | 'question' | 'heads'> {
  /**
   * The questions that the model's outputs answer; see `choice`, `predicate` and `score` of `limbeck/ask`. They take the
   * place of `classes`. Outputs of a layers model have the names of their layers.
   *
   * @default the choice among its classes
   */
  readonly questions?: readonly Question[];
  /**
   * The kind of the model's output. If a graph model has several outputs, the name of the one with one number per
   * class. With `questions`, the output of each.
   *
   * @default the kind of the model's last operation
   */
  readonly output?: QuestionOutputs | ScoreKind;
  /**
   * Outputs and other nodes of a graph model that can be asked for as features. In a layers model each layer can,
   * unless it has `questions`: then those that are named here.
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
type TfjsModel = TfjsOptions & {readonly model: layers.LayersModel | GraphModel};

const KINDS = {
  path: kinds.text,
  model: kinds.object,
  classes: kinds.texts,
  questions: kinds.list,
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
 * By default `output` is the kind of the model's last operation, and there is no `preprocessing`. If a sigmoid answers a
 * predicate, the logit is the sigmoid's input.
 *
 * @throws InputError if the model can't be loaded or does not match the options
 */
export async function tfjs(options: TfjsPath | TfjsModel): Promise<Teacher<'white-box'>> {
  checkOptions('tfjs', options, KINDS);
  await startEngine();
  const graph = 'path' in options ? await readGraphModel(options.path) : graphIn(options.model);
  if (graph !== undefined) return graphModelTeacher(graph, optionsOf(options, 'graph model'));
  if (options.questions !== undefined) return questionsOfLayers(options);
  const {name, maxBatch, compile, onFallback, ...known} = layersOptions(options);
  const student = 'path' in known ? await loaded(known) : fromMemory(known);
  return asTeacher(student, {name, maxBatch, compile, onFallback});
}

/** Returns the graph model, or undefined for a layers model. Only graph models have a signature. */
function graphIn(model: TfjsModel['model']): GraphModel | undefined {
  return 'modelSignature' in model ? model : undefined;
}

/** Options of a model whose outputs have names, with its name. */
type NamedModel = TfjsOptions & {readonly name: string};

function optionsOf(options: TfjsPath | TfjsModel, kind: string): NamedModel {
  const called = 'path' in options ? basename(resolve(options.path)) : kind;
  const {classes, questions, name = `tfjs ${called}`} = options;
  if (classes === undefined && questions === undefined) {
    throw new InputError(
      `Nothing says which classes the ${kind} ${called} has. Give its \`classes\`, or \`questions\`.`,
    );
  }
  return {...options, name};
}

type LayersPath = AsTeacherOptions & LoadOptions & {readonly path: string};
type LayersModel = AsTeacherOptions &
  LoadOptions & {readonly model: layers.LayersModel} & {
    readonly classes: readonly string[];
  };

/** @throws InputError if an option is only for graph models */
function layersOptions(options: TfjsPath | TfjsModel): LayersPath | LayersModel {
  if (typeof options.output === 'object' || options.features !== undefined) {
    throw new InputError(
      'This is a layers model: its `output` is `logits` or `probabilities`, and each of its layers can be asked for. Leave out `features` and names of outputs.',
    );
  }
  if ('model' in options && options.classes === undefined) {
    throw new InputError('A model in memory needs `classes`, or `questions`.');
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

/** Options that are about texts, or about a student alone. */
const OF_STUDENTS = ['reading', 'calibration', 'gate', 'embeddingModel'] as const;

/** A layers model whose outputs answer questions. */
async function questionsOfLayers(options: TfjsPath | TfjsModel): Promise<Teacher<'white-box'>> {
  const named = optionsOf(options, 'layers model');
  const owner = `Layers model ${named.name}`;
  const other = OF_STUDENTS.find(option => options[option] !== undefined);
  if (other !== undefined) throw new InputError(`${owner} answers questions, and \`${other}\` goes with classes.`);
  const model = 'path' in options ? await readModel(options.path) : (options.model as layers.LayersModel);
  return namedTeacher(new LayersGraph(model), named, {
    owner,
    content: {weights: weightsHash({model}), architecture: architectureHash(model)},
    activationAt: output => activationOf(model, output),
  });
}

/** A graph model of TensorFlow.js as a teacher. */
async function graphModelTeacher(model: GraphModel, options: NamedModel): Promise<Teacher<'white-box'>> {
  const {name, compile = true, onFallback} = options;
  const owner = `Graph model ${name}`;
  const artifacts = await artifactsOf(model);
  const operations = (artifacts.modelTopology as {readonly node: readonly GraphOperation[]}).node;
  const graph = new GraphModelGraph(model, operations, {compile, onFallback});
  return namedTeacher(graph, options, {
    owner,
    content: contentOf(artifacts, graph.signature, owner),
    activationAt: output => activationAt(output, graph, operations),
  });
}

/** A model whose outputs have names, and what is known of it. */
interface KnownModel {
  readonly owner: string;
  /** Hashes for the identity. */
  readonly content: {readonly weights: string; readonly architecture: string};
  readonly activationAt: (output: string) => Activation | undefined;
}

function namedTeacher(graph: Graph, options: NamedModel, known: KnownModel): Teacher<'white-box'> {
  const {name, classes, questions, maxBatch = 256} = options;
  const {owner, content, activationAt} = known;
  const [only] = graph.outputs;
  const last = only && activationAt(only.name)?.kind;
  // The classes of a softmax exclude each other. A sigmoid is for questions.
  const guessed = last === 'softmax' || (last === 'sigmoid' && questions) ? 'probabilities' : 'logits';
  const output = namedOutput(graph, options.output ?? guessed, owner);
  const heads = headsOf(owner, {classes, questions, output});
  for (const head of heads) checkScores(graph, head, owner);
  const input = inputOf(graph, options, owner);
  const {scale = 1, mean = 0, deviation = 1} = input.preprocessing;
  return graphTeacher({
    name,
    identity: {
      adapter: 'tfjs',
      ...content,
      preprocessing: {scale, mean, deviation},
      // The output of each question is in the keys of its own answers.
      ...(classes && {output: {...output}}),
    },
    classes: classes ?? [],
    graph,
    input,
    declared: heads,
    heads: heads.map(head => readFrom(head, activationAt(head.output), owner)),
    features: featuresOf(graph, heads, input, options.features, owner),
    maxBatch,
  });
}

/** Reads logits from the input of a final softmax, or of a predicate's sigmoid, if there is one. */
function readFrom(head: Head, activation: Activation | undefined, owner: string): GraphHead {
  const plain = {...head, node: head.output};
  const isOfOne = head.question?.type === 'predicate' && (head.column !== undefined || activation?.kind === 'sigmoid');
  if (activation?.kind !== (isOfOne ? 'sigmoid' : 'softmax')) return plain;
  if (head.kind === 'probabilities') return {...plain, kind: 'logits', node: activation.input};
  throw new InputError(
    `Output \`${head.output}\` of ${owner} is a ${activation.kind}: it gives \`probabilities\`, not \`logits\`.`,
  );
}

function contentOf(
  {modelTopology, modelInitializer, weightSpecs, weightData}: tf.io.ModelArtifacts,
  signature: object,
  owner: string,
): KnownModel['content'] {
  if (weightData === undefined) {
    throw new InputError(`${owner} keeps no weights that can be told apart. Load it without \`streamWeights\`.`);
  }
  const weights = new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData));
  return {
    weights: createHash('sha256').update(JSON.stringify(weightSpecs)).update(weights).digest('hex'),
    architecture: sha256([modelTopology, modelInitializer ?? null, signature]),
  };
}

function sha256(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** Returns the softmax or the sigmoid whose result an output passes on. */
function activationAt(
  output: string,
  {signature: {outputs = {}}}: GraphModelGraph,
  operations: readonly GraphOperation[],
): Activation | undefined {
  const node = (location: string): GraphOperation | undefined =>
    operations.find(({name}) => name === location.split(':')[0]);
  let found = node(outputs[output]?.name ?? output);
  while (found?.op === 'Identity' && found.input?.[0] !== undefined) found = node(found.input[0]);
  const kind = ({Softmax: 'softmax', Sigmoid: 'sigmoid'} as const)[found?.op ?? ''];
  return kind && {kind, input: found!.input![0]!};
}
