import {createHash} from 'node:crypto';
import {createReadStream, existsSync} from 'node:fs';
import {readdir, readFile, stat} from 'node:fs/promises';
import {basename, join, resolve, sep} from 'node:path';
import {pipeline} from 'node:stream/promises';
import {startEngine} from '../src/engine/engine.ts';
import {type MetaGraph, readMetaGraphs, SavedModelGraph, type Signature} from '../src/engine/graphs/saved-model.ts';
import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {Question} from '../src/question.ts';
import type {Preprocessing} from '../src/student/preprocessing.ts';
import type {Teacher, TensorInput} from '../src/teacher.ts';
import {headsOf, type QuestionOutputs, type ScoreKind} from './_answers/heads.ts';
import {checkScores, featuresOf, inputOf, namedOutput} from './_graph/parts.ts';
import {graphTeacher} from './_graph/teacher.ts';

export type {QuestionOutput, QuestionOutputs, ScoreKind} from './_answers/heads.ts';

export interface SavedModelOptions {
  /** Folder of the SavedModel, which holds `saved_model.pb`. */
  readonly path: string;
  /** Names of the classes, in the order of the model's output. Or give `questions`. */
  readonly classes?: readonly string[];
  /** The questions that its outputs answer; see `choice`, `predicate` and `score` of `limbeck/ask`. Or give `classes`. */
  readonly questions?: readonly Question[];
  /**
   * The output with one number per class, by its name in the signature. If there is one output, its kind is enough. With
   * `questions`, the output of each.
   */
  readonly output: QuestionOutputs | ScoreKind;
  /**
   * Name of the model's function to call.
   *
   * @default 'serving_default', or the only one
   */
  readonly signature?: string;
  /**
   * Outputs of the signature that can be asked for as features.
   *
   * @default all outputs with a row per input, except the one of `output`
   */
  readonly features?: readonly string[];
  /**
   * How raw inputs become the values that the model takes, if it takes other values than whole numbers or texts.
   *
   * @default none
   */
  readonly preprocessing?: Preprocessing;
  /**
   * Type of the raw inputs. Others are refused.
   *
   * @default any whose values the model's own type can hold
   */
  readonly dtype?: TensorInput['dtype'];
  /** @default `saved-model` and the name of the folder */
  readonly name?: string;
  /**
   * The most queries in one `ask`. A signature with a fixed batch runs as often as needed.
   *
   * @default 256
   */
  readonly maxBatch?: number;
}

const KINDS = {
  path: kinds.text,
  classes: kinds.texts,
  questions: kinds.list,
  output: kinds.textOrObject,
  signature: kinds.text,
  features: kinds.texts,
  preprocessing: kinds.object,
  dtype: oneOf('uint8', 'int32', 'float32'),
  name: kinds.text,
  maxBatch: kinds.number,
} satisfies Shape<SavedModelOptions>;

/**
 * A TensorFlow SavedModel in this process: white-box, with logits and the other outputs of its signature as features.
 * It needs the native engine. Values are converted to the type that the signature takes. Texts go to signatures that
 * take strings. If an output gives probabilities, its logits are log(max(p, 1e-8)).
 *
 * TensorFlow loads the model at the first query, so don't change the folder before that. The model is freed some time
 * after the last reference to the teacher is gone.
 *
 * @throws InputError if the WASM engine runs, or the model can't be read or does not match the options
 */
export async function savedModel(options: SavedModelOptions): Promise<Teacher<'white-box'>> {
  checkOptions('savedModel', options, KINDS, ['path', 'output']);
  const {classes, questions, maxBatch = 256} = options;
  const path = resolve(options.path);
  await checkEngine(path);
  const owner = `SavedModel ${path}`;
  const metaGraph = servedGraph(await metaGraphsIn(path), owner);
  checkVariables(metaGraph, path);
  const {signature, called} = signatureOf(metaGraph, options.signature, owner);
  const graph = new SavedModelGraph(path, metaGraph, signature);
  const output = namedOutput(graph, options.output, owner);
  const heads = headsOf(owner, {classes, questions, output});
  for (const head of heads) checkScores(graph, head, owner);
  const input = inputOf(graph, options, owner);
  const {scale = 1, mean = 0, deviation = 1} = input.preprocessing;
  return graphTeacher({
    name: options.name ?? `saved-model ${basename(path)}`,
    identity: {
      adapter: 'saved-model',
      content: await contentHash(path),
      signature: called,
      // The output of each question is in the keys of its own answers.
      ...(classes && {output: {...output}}),
      preprocessing: {scale, mean, deviation},
    },
    classes: classes ?? [],
    graph,
    input,
    declared: heads,
    heads: heads.map(head => ({...head, node: head.output})),
    features: featuresOf(graph, heads, input, options.features, owner),
    maxBatch,
  });
}

async function checkEngine(path: string): Promise<void> {
  const {name, reason} = await startEngine();
  if (name === 'native') return;
  throw new InputError(
    `SavedModel ${path} needs the native engine, but ${name} runs: ${reason} \`limbeck engine install\` gets it. A graph model made of it runs on both: \`tfjs()\` takes one.`,
  );
}

async function metaGraphsIn(path: string): Promise<readonly MetaGraph[]> {
  const file = join(path, 'saved_model.pb');
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new InputError(
      `${missing ? 'There is no' : 'Cannot read'} ${file}. Give the folder that \`tf.saved_model.save\` or \`model.export\` wrote.`,
      {cause},
    );
  }
  try {
    return readMetaGraphs(bytes);
  } catch (cause) {
    throw new InputError(`${file} is not a SavedModel, or is cut short. Save or copy it again.`, {cause});
  }
}

/** Returns the graph tagged `serve`. A model can hold other graphs, for training or for other devices. */
function servedGraph(graphs: readonly MetaGraph[], owner: string): MetaGraph {
  const served = graphs.find(({tags}) => tags.join() === 'serve') ?? (graphs.length === 1 ? graphs[0] : undefined);
  if (served !== undefined && served.tags.length > 0) return served;
  const found = graphs.map(({tags}) => `[${tags.join(', ')}]`).join(', ') || 'none';
  throw new InputError(`${owner} has no graph tagged \`serve\`, but: ${found}. Save it with TensorFlow 2.`);
}

/** Without its file of variables, TensorFlow treats a model as one that has none, and fails at every query. */
function checkVariables({hasVariables}: MetaGraph, path: string): void {
  const index = join(path, 'variables', 'variables.index');
  if (!hasVariables || existsSync(index)) return;
  throw new InputError(`SavedModel ${path} has variables, but there is no ${index}. Copy the whole folder.`);
}

function signatureOf(
  {signatures}: MetaGraph,
  wanted: string | undefined,
  owner: string,
): {readonly signature: Signature; readonly called: string} {
  const [only] = signatures.keys();
  const called = wanted ?? (signatures.size === 1 ? only! : 'serving_default');
  const signature = signatures.get(called);
  if (signature !== undefined) return {signature, called};
  const names = [...signatures].map(
    ([name, {outputs}]) => `${name} (gives ${outputs.map(output => output.name).join(', ')})`,
  );
  throw new InputError(`${owner} has no signature \`${called}\`. It has: ${names.join('; ') || 'none'}.`);
}

/** Folders that answers depend on, with `saved_model.pb`. The rest of a SavedModel's folder is for people. */
const PARTS = ['assets', 'variables'];

/** Returns the SHA-256 of the names and bytes of the files that make up a SavedModel, in hexadecimal. */
async function contentHash(folder: string): Promise<string> {
  const files = ['saved_model.pb'];
  for (const part of PARTS.filter(name => existsSync(join(folder, name)))) {
    const names = await readdir(join(folder, part), {recursive: true});
    files.push(...names.sort().map(name => join(part, name)));
  }
  const hash = createHash('sha256');
  for (const file of files) {
    // Not the entry types of `readdir`, because a file can be a link, as in the caches of model hubs.
    if (!(await stat(join(folder, file))).isFile()) continue;
    hash.update(`${JSON.stringify([file.replaceAll(sep, '/'), await fileHash(join(folder, file))])}\n`);
  }
  return hash.digest('hex');
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
