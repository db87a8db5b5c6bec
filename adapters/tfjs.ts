import {basename, resolve} from 'node:path';
import {startEngine} from '../src/engine/engine.ts';
import type {GraphModel} from '../src/engine/graphs/graph-model.ts';
import type {layers} from '../src/engine/tf.ts';
import {InputError} from '../src/errors.ts';
import {type AsTeacherOptions, asTeacher} from '../src/student/as-teacher.ts';
import {type LoadOptions, loadStudent} from '../src/student/files.ts';
import {makeStudent} from '../src/student/make-student.ts';
import {readGraphModel} from '../src/student/model-files.ts';
import {endsInSoftmax} from '../src/student/softmax.ts';
import type {Student} from '../src/student/student.ts';
import type {Teacher} from '../src/teacher.ts';
import {graphModelTeacher} from './_graph/model.ts';
import type {GraphOutput, ScoreKind} from './_graph/parts.ts';

export type {GraphOutput, ScoreKind} from './_graph/parts.ts';

export interface TfjsOptions extends AsTeacherOptions, Omit<LoadOptions, 'output'> {
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
export type TfjsModel = TfjsOptions & {
  readonly model: layers.LayersModel | GraphModel;
  readonly classes: readonly string[];
};

/**
 * A layers model or graph model of TensorFlow.js in this process: white-box, with logits and the activations of its
 * layers or nodes. If the model ends in a softmax, the logits are the softmax's input.
 *
 * By default `output` is the kind of the model's last operation, and there is no `preprocessing`.
 *
 * @throws InputError if the model can't be loaded or does not match the options
 */
export async function tfjs(options: TfjsPath | TfjsModel): Promise<Teacher<'white-box'>> {
  await startEngine();
  const graph = 'path' in options ? await readGraphModel(options.path) : graphIn(options.model);
  if (graph !== undefined) return ofGraph(graph, options);
  const known = layersOptions(options);
  return asTeacher('path' in known ? await loadStudent(known.path, known) : fromMemory(known), known);
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

function fromMemory({model, classes, preprocessing = {}, dtype, output}: LayersModel): Student {
  const given = output ?? (endsInSoftmax(model) ? 'probabilities' : 'logits');
  return makeStudent({model, classes, preprocessing, output: given, ...(dtype && {dtype})});
}
