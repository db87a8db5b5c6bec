import {readFile, realpath, stat, writeFile} from 'node:fs/promises';
import {join, resolve, sep} from 'node:path';
import {type GraphModel, loadGraphModel} from '../engine/graphs/graph-model.ts';
import {layers, tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';

/** The content of `model.json` and `weights.bin`, which `tf.loadLayersModel` reads in a browser or anywhere else. */
export interface ModelFiles {
  readonly json: tf.io.ModelJSON;
  readonly weights: Uint8Array;
}

export async function modelFilesOf(model: layers.LayersModel): Promise<ModelFiles> {
  let files: ModelFiles | undefined;
  const handler = tf.io.withSaveHandler(async artifacts => {
    const {modelTopology, format, generatedBy, convertedBy, weightSpecs = [], weightData = []} = artifacts;
    const weightsManifest = [{paths: ['weights.bin'], weights: weightSpecs}];
    files = {
      json: {modelTopology, format, generatedBy, convertedBy, weightsManifest} as tf.io.ModelJSON,
      weights: new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData)),
    };
    return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
  });
  await model.save(handler);
  return files!;
}

export async function writeModel(directory: string, model: layers.LayersModel): Promise<void> {
  const {json, weights} = await modelFilesOf(model);
  await writeFile(join(directory, 'model.json'), JSON.stringify(json));
  await writeFile(join(directory, 'weights.bin'), weights);
}

/**
 * Reads a layers model of TensorFlow.js, whatever program wrote it.
 *
 * @throws InputError if a file is missing or is not what it should be
 */
export async function readModel(directory: string): Promise<layers.LayersModel> {
  const artifacts = await readArtifacts(directory);
  const path = join(directory, 'model.json');
  if (artifacts.format === 'graph-model') {
    throw new InputError(`${path} is a graph model. Convert it to a layers model, which names its layers.`);
  }
  checkTopology(path, artifacts.modelTopology);
  return loadFrom(directory, () => layers.loadLayersModel(tf.io.fromMemory(artifacts)));
}

/**
 * Reads a graph model of TensorFlow.js. Undefined if the model is a layers model.
 *
 * @throws InputError if a file is missing or is not what it should be
 */
export async function readGraphModel(directory: string): Promise<GraphModel | undefined> {
  const json = (await readJson(join(directory, 'model.json'))) as Partial<tf.io.ModelJSON> | null;
  if (json?.format !== 'graph-model') return undefined;
  const artifacts = await readArtifacts(directory);
  return loadFrom(directory, () => loadGraphModel(artifacts));
}

async function readArtifacts(directory: string): Promise<tf.io.ModelArtifacts> {
  const path = join(directory, 'model.json');
  const json = (await readJson(path)) as tf.io.ModelJSON;
  if (json?.modelTopology === undefined || !Array.isArray(json.weightsManifest)) {
    throw new InputError(`${path} is not a model of TensorFlow.js. Save it with \`model.save\` or saveStudent().`);
  }
  return loadFrom(directory, () => tf.io.getModelArtifactsForJSON(json, manifest => readWeights(directory, manifest)));
}

async function loadFrom<T>(directory: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(`The model in ${directory} does not load: ${reason}. Save or convert it again.`, {cause});
  }
}

/** Reads a JSON file. */
export async function readJson(path: string): Promise<unknown> {
  const text = (await readWhole(path)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path} is not JSON: it may be cut short. Save or copy it again.`, {cause});
  }
}

async function readWeights(
  directory: string,
  manifest: tf.io.WeightsManifestConfig,
): Promise<[tf.io.WeightsManifestEntry[], tf.io.WeightData]> {
  const specs = tf.io.getWeightSpecs(manifest);
  const named = manifest.flatMap(group => group.paths);
  const paths = await Promise.all(named.map(name => pathWithin(directory, name)));
  const shards = await Promise.all(paths.map(readWhole));
  const expected = specs.reduce((bytes, spec) => bytes + bytesOf(spec), 0);
  const found = shards.reduce((bytes, shard) => bytes + shard.length, 0);
  // The specification of string weights doesn't state their length.
  if (found !== expected && !Number.isNaN(expected)) {
    throw new InputError(
      `${paths.join(', ')}: ${found} bytes of weights, but model.json describes ${expected}. Save or copy both again.`,
    );
  }
  return [specs, Uint8Array.from(Buffer.concat(shards)).buffer];
}

/** Files that a model names are read and exported with it, so they must be in the model's own folder. */
async function pathWithin(directory: string, name: unknown): Promise<string> {
  const path = join(directory, String(name));
  const [folder, location] = await Promise.all([realPath(directory), realPath(path)]);
  if (typeof name === 'string' && location.startsWith(folder + sep)) return location;
  throw new InputError(
    `${join(directory, 'model.json')} names weights outside its folder: ${name}. Put them beside it, and no links.`,
  );
}

/** A missing path is returned unchanged, because its reader reports it. */
function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

function bytesOf({shape, dtype, quantization}: tf.io.WeightsManifestEntry): number {
  const width = {float32: 4, int32: 4, bool: 1, complex64: 8, float16: 2, uint16: 2, uint8: 1, string: Number.NaN};
  return tf.util.sizeFromShape(shape) * width[quantization?.dtype ?? dtype];
}

/**
 * Reads a file of a saved model.
 *
 * @throws InputError if it is missing or can't be read
 */
export async function readWhole(path: string): Promise<Buffer> {
  try {
    // A device or a pipe can be endless.
    if (!(await stat(path)).isFile()) throw new Error('it is not a file');
    return await readFile(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = missing ? 'There is no' : 'Cannot read';
    throw new InputError(`${reason} ${path}. Check the path, or save the model there first.`, {cause});
  }
}

/**
 * The parts of a layer in a topology that say which layers it follows. In a damaged file any of them can be missing.
 */
interface LayerEntry {
  readonly name?: unknown;
  readonly config?: {readonly layers?: unknown};
  /** One entry for each call of the layer. Each lists the inputs: the name of a layer, and the index of its call. */
  readonly inbound_nodes?: unknown;
}

/** A call of a layer that depends on other calls. */
interface Call {
  readonly layer: unknown;
  /** The layers that it follows, with the indices of their calls. */
  readonly follows: readonly (readonly [layer: unknown, call: number])[];
}

/**
 * Checks that every layer of a model follows existing layers and never itself. Otherwise TensorFlow.js would search for
 * them without end.
 *
 * @param path - path of the file, for messages
 * @param topology - its `modelTopology`
 * @throws InputError that names the layer
 */
export function checkTopology(path: string, topology: unknown): void {
  const root = topology as {readonly model_config?: {readonly config?: unknown}; readonly config?: unknown} | null;
  checkLayers(path, (root?.model_config ?? root)?.config);
}

function checkLayers(path: string, config: unknown): void {
  const layers = (config as {readonly layers?: unknown} | null | undefined)?.layers;
  if (!Array.isArray(layers)) return;
  const entries = layers.filter(layer => typeof layer === 'object' && layer !== null) as readonly LayerEntry[];
  for (const {config: inner} of entries) checkLayers(path, inner);
  // A layer without inputs is an input of the model, and available from the start.
  const made = new Map(entries.map(({name, inbound_nodes: calls}) => [name, listOf(calls).length === 0 ? 1 : 0]));
  let waiting = entries.flatMap(callsOf);
  while (waiting.length > 0) {
    const before = waiting.length;
    // The calls of one layer happen in order.
    const held = new Set<unknown>();
    waiting = waiting.filter(({layer, follows}) => {
      if (held.has(layer) || !follows.every(([name, call]) => (made.get(name) ?? 0) > call)) {
        held.add(layer);
        return true;
      }
      made.set(layer, (made.get(layer) ?? 0) + 1);
      return false;
    });
    if (waiting.length < before) continue;
    throw new InputError(
      `${path} can't be used: layer ${waiting[0]!.layer} follows a missing layer, or itself. Save it again.`,
    );
  }
}

function callsOf({name, inbound_nodes: calls}: LayerEntry): readonly Call[] {
  return listOf(calls).map(call => ({
    layer: name,
    follows: listOf(call).map(from => [listOf(from)[0], Number(listOf(from)[1] ?? 0)] as const),
  }));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
