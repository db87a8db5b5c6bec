import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {readFile, stat} from 'node:fs/promises';
import {dirname, join, resolve, sep} from 'node:path';
import {InputError, TeacherError} from '../../src/errors.ts';
import {type Head, widthProblem} from '../_answers/heads.ts';
import {exposeOutputs, type Graph, readGraph} from './graph.ts';
import {type OnnxRuntime, openSession, type Session} from './runtime.ts';

/** An ONNX file that was inspected but not loaded. */
export interface OnnxModel {
  readonly path: string;
  readonly graph: Graph;
  /** Hash of its bytes, followed by those of its files of weights. In hexadecimal. */
  readonly sha256: string;
}

/** @throws InputError if there is no such file, it is no ONNX model, or a file of its weights is missing */
export async function readModel(path: string): Promise<OnnxModel> {
  const {graph, sha256} = await read(path);
  return {path, graph, sha256};
}

async function read(path: string): Promise<Omit<OnnxModel, 'path'> & {readonly bytes: Uint8Array}> {
  const bytes = await readFile(path).catch(cause => {
    throw new InputError(`The model ${path} can't be read. Check \`path\`.`, {cause});
  });
  const graph = readGraph(bytes);
  if (graph === undefined) throw new InputError(`${path} is not an ONNX model. Check \`path\`, or export it again.`);
  return {bytes, graph, sha256: await digest(path, bytes, graph)};
}

async function digest(path: string, bytes: Uint8Array, {dataFiles}: Graph): Promise<string> {
  const hash = createHash('sha256').update(bytes);
  for (const file of dataFiles) {
    try {
      const location = join(dirname(path), file);
      if (!location.startsWith(join(dirname(path), sep))) throw new Error('It is outside of its folder.');
      // Reading a device or a pipe can take forever.
      if (!(await stat(location)).isFile()) throw new Error('It is no file.');
      for await (const chunk of createReadStream(location)) hash.update(chunk as Buffer);
    } catch (cause) {
      const problem = `The model ${path} keeps weights in ${file}, which can't be read. Put it beside the model.`;
      throw new InputError(problem, {cause});
    }
  }
  return hash.digest('hex');
}

interface LoadOptions {
  /** The teacher's name, for messages. */
  readonly name: string;
  /** Tensors that become outputs. */
  readonly tensors: readonly string[];
  readonly threads: number | undefined;
}

/**
 * Loads a model that was inspected before. It is read again, so that an inspected model holds no memory.
 *
 * @throws TeacherError if it has changed since, or the runtime can't load it
 */
export async function loadModel(
  {path, graph, sha256}: OnnxModel,
  runtime: OnnxRuntime,
  {name, tensors, threads}: LoadOptions,
): Promise<Session> {
  const {bytes, ...now} = await read(path);
  if (now.sha256 !== sha256) {
    throw new TeacherError(name, `${path} has changed since this teacher was made. Start again.`);
  }
  const present = new Set(graph.outputs.map(output => output.name));
  const hidden = [...new Set(tensors)].filter(tensor => !present.has(tensor));
  try {
    const model = hidden.length === 0 ? bytes : exposeOutputs(bytes, hidden);
    return await openSession(runtime, model, {folder: resolve(dirname(path)), threads});
  } catch (cause) {
    throw new TeacherError(name, `ONNX Runtime can't load the model: ${(cause as Error).message}`, {cause});
  }
}

/** A part of a model's outputs, with the tensor that it is read from. */
export interface OnnxHead extends Head {
  /** If the output comes from a softmax or a sigmoid, that one's input; the kind is then `logits`. */
  readonly tensor: string;
}

/**
 * If probabilities come from a softmax, reads the softmax's input: logits that are exact even if probabilities round to
 * 0. If one number of a predicate comes from a sigmoid, reads the sigmoid's input.
 *
 * @throws InputError if the model has no such tensor, if it comes from a softmax or a sigmoid though it is called
 *   logits, or if it does not give the numbers that the part needs
 */
export function headIn(model: OnnxModel, head: Head): OnnxHead {
  const {output: named, kind, question, column} = head;
  checkPresent(model, named);
  const {makers} = model.graph;
  const tensor = behindCopies(makers, named);
  const maker = makers.get(tensor);
  const isSoftmax = maker?.operator === 'Softmax' && [undefined, 1, -1].includes(maker.axis) && column === undefined;
  const isSigmoid = maker?.operator === 'Sigmoid' && question?.type === 'predicate';
  if (kind === 'logits' && (isSoftmax || isSigmoid)) {
    const operator = isSoftmax ? 'softmax' : 'sigmoid';
    throw new InputError(`\`${named}\` of ${model.path} comes from a ${operator}: give it as \`probabilities\`.`);
  }
  checkTensor(model, tensor);
  checkScores(model, [named, tensor], head);
  return isSoftmax || isSigmoid ? {...head, tensor: maker.inputs[0]!, kind: 'logits'} : {...head, tensor};
}

/**
 * Returns the tensor that an output copies. ONNX Runtime can't return a ZipMap's list of maps here, so it is skipped.
 */
function behindCopies(makers: Graph['makers'], name: string): string {
  const seen = new Set<string>();
  for (let tensor = name; ; ) {
    const maker = makers.get(tensor);
    const source = maker?.operator === 'Identity' || maker?.operator === 'ZipMap' ? maker.inputs[0] : undefined;
    // In a damaged file a tensor can copy itself.
    if (source === undefined || seen.has(source)) return tensor;
    seen.add(source);
    tensor = source;
  }
}

function checkScores({path, graph}: OnnxModel, tensors: readonly string[], head: Head): void {
  const declared = graph.outputs.find(({name, shape}) => tensors.includes(name) && shape !== undefined);
  const width = declared?.shape?.slice(1).reduce((product, length) => product && length && product * length, 1);
  const problem = width === undefined ? undefined : widthProblem(head, width);
  if (problem === undefined) return;
  const subject = head.question ? 'questions' : 'classes';
  throw new InputError(`Output \`${declared!.name}\` of ${path} ${problem}. Check \`output\` and \`${subject}\`.`);
}

/** @throws InputError if the model has no tensor of one of these names */
export function checkFeatures(model: OnnxModel, names: readonly string[]): void {
  for (const name of names) checkTensor(model, name);
}

function checkTensor(model: OnnxModel, name: string): void {
  checkPresent(model, name);
  const output = model.graph.outputs.find(output => output.name === name);
  if (output === undefined || output.elementType !== undefined) return;
  throw new InputError(
    `Output \`${name}\` of ${model.path} is no tensor. Convert a model of scikit-learn with \`options={'zipmap': False}\`.`,
  );
}

function checkPresent({path, graph}: OnnxModel, name: string): void {
  const {outputs, makers} = graph;
  if (makers.has(name)) return;
  const known = outputs.map(output => `\`${output.name}\``).join(', ');
  throw new InputError(
    `${path} has no tensor \`${name}\`. Its outputs are ${known}; any tensor inside it can be named too.`,
  );
}
