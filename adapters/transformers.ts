import {createRequire} from 'node:module';
import {basename, resolve} from 'node:path';
import {InputError, TeacherError} from '../src/errors.ts';
import {once} from '../src/once.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import {loadPeer, resolvePeer} from '../src/peer.ts';
import type {Outcome, Query, Teacher} from '../src/teacher.ts';
import {checkCounts, checkForm} from './_local/given.ts';
import {
  type AnswerReader,
  answersInHalves,
  answersOf,
  askedFeatures,
  type Pooling,
  pooledFeature,
} from './_onnx/answers.ts';
import {checkFeatures, loadModel, type OnnxModel, readModel, type ScoreOutput, scoreSource} from './_onnx/model.ts';
import type {OnnxRuntime, Session} from './_onnx/runtime.ts';
import {
  modelFile,
  readFolder,
  type Tokenizer,
  type TokenReader,
  tokenReader,
  tokenTable,
} from './_onnx/transformers.ts';

export type {Pooling} from './_onnx/answers.ts';
export type {ScoreOutput} from './_onnx/model.ts';

export interface TransformersOptions {
  /**
   * A folder with `config.json`, `tokenizer.json`, `tokenizer_config.json` and the model as ONNX. Nothing is
   * downloaded.
   */
  readonly path: string;
  /**
   * The model in that folder.
   *
   * @default 'onnx/model.onnx', or 'model.onnx' if that is not there
   */
  readonly file?: string;
  /**
   * Names of the classes, in the order of the model's scores.
   *
   * @default those of its `config.json`
   */
  readonly classes?: readonly string[];
  /**
   * The tensor that holds the scores, [texts, classes].
   *
   * @default {logits: 'logits'}
   */
  readonly output?: ScoreOutput;
  /**
   * Tensors that can be asked for as features: outputs of the model, or any tensors in it. Their shape is [texts,
   * width], or [texts, tokens, width] for token states, which `pooling` reduces to one vector per text.
   *
   * @default none
   */
  readonly features?: readonly string[];
  /**
   * How the states of a text's tokens become one feature: their mean, or the state of the first or the last token.
   *
   * @default 'mean'
   */
  readonly pooling?: Pooling;
  /**
   * The most tokens of a text, special tokens included. Longer texts are cut at their end.
   *
   * @default the limit of the tokenizer and the model
   */
  readonly maxTokens?: number;
  /** @default `transformers` and the name of the folder */
  readonly name?: string;
  /**
   * The most queries in one `ask`.
   *
   * @default 32
   */
  readonly maxBatch?: number;
  /**
   * The most threads that one operation uses.
   *
   * @default one per core
   */
  readonly threads?: number;
}

const KINDS = {
  path: kinds.text,
  file: kinds.text,
  classes: kinds.texts,
  output: kinds.textOrObject,
  features: kinds.texts,
  pooling: kinds.text,
  maxTokens: kinds.number,
  name: kinds.text,
  maxBatch: kinds.number,
  threads: kinds.number,
} satisfies Shape<TransformersOptions>;

/**
 * A Hugging Face text classifier on disk, as ONNX, in this process: white-box, with logits and the states of its layers
 * as features. A pure embedding model has no classes, so it is no teacher. The embeddings inside a classifier are
 * features of it.
 *
 * It needs the package `@huggingface/transformers`, which is loaded at the first query. That package makes the tokens,
 * and the ONNX Runtime that comes with it runs the model.
 *
 * @throws InputError if a file is missing or damaged, or does not match the options
 */
export async function transformers(options: TransformersOptions): Promise<Teacher<'white-box'>> {
  checkOptions('transformers', options, KINDS, ['path']);
  const {path, file, output = {logits: 'logits'}, features = [], pooling = 'mean', maxTokens} = options;
  const {name = `transformers ${basename(path)}`, maxBatch = 32, threads} = options;
  checkCounts('transformers', {
    maxBatch,
    ...(threads !== undefined && {threads}),
    ...(maxTokens !== undefined && {maxTokens}),
  });
  const folder = await readFolder(path);
  const {classes = folder.classes} = options;
  if (classes === undefined) throw new InputError(`The model ${path} does not name its classes. Give \`classes\`.`);
  checkForm('transformers', {classes});
  if (classes.length === 1) throw new InputError(`The model ${path} gives one score and chooses among no classes.`);
  const model = await readModel(modelFile(path, file));
  checkInputs(model);
  const scores = scoreSource(model, output, classes);
  checkFeatures(model, features);
  const load = once(async (): Promise<Loaded> => {
    const {tokenizer, runtime} = await loadParts(path);
    const most = maxTokens ?? Math.min(tokenizer.model_max_length ?? folder.positions, folder.positions);
    const session = await loadModel(model, runtime, {name, tensors: [scores.tensor, ...features], threads});
    return {tokensOf: tokenReader(tokenizer, most), padding: tokenizer.pad_token_id ?? 0, runtime, session};
  });
  return {
    name,
    identity: {
      adapter: 'transformers',
      model: model.sha256,
      tokenizer: folder.tokenizer,
      config: folder.config,
      output: {...scores},
      maxTokens: maxTokens ?? null,
      ...(features.length > 0 && {pooling}),
    },
    access: 'white-box',
    classes,
    detail: {kind: 'logits', features},
    maxBatch,
    async ask(queries, {detail, signal} = {}) {
      signal?.throwIfAborted();
      const asked = askedFeatures(name, features, detail);
      const parts = await load();
      signal?.throwIfAborted();
      return answerAll({reader: {name, classes, scores}, model, pooling, asked, ...parts}, queries);
    },
  };
}

interface Loaded {
  readonly tokensOf: TokenReader;
  readonly padding: number;
  readonly runtime: OnnxRuntime;
  readonly session: Session;
}

/** The part of `@huggingface/transformers` that is used. */
interface TransformersJs {
  readonly AutoTokenizer: {
    from_pretrained(path: string, options: {readonly local_files_only: true}): Promise<Tokenizer>;
  };
}

const peer = '@huggingface/transformers';

async function loadParts(path: string): Promise<{readonly tokenizer: Tokenizer; readonly runtime: OnnxRuntime}> {
  const {AutoTokenizer} = await loadPeer<TransformersJs>(peer, 'The adapter transformers');
  // Uses the ONNX Runtime that comes with it: two versions of the native library in one process conflict.
  const require = createRequire(resolvePeer(peer)!);
  const runtime = require('onnxruntime-node') as OnnxRuntime;
  // Resolves the path, because a relative one such as `models/mine` is taken for a name on the hub.
  return {runtime, tokenizer: await AutoTokenizer.from_pretrained(resolve(path), {local_files_only: true})};
}

const INT64 = 7;

/** Inputs that a text has values for. */
const inputNames = ['input_ids', 'attention_mask', 'token_type_ids'];

function checkInputs({path, graph}: OnnxModel): void {
  const other = graph.inputs.find(({name, elementType}) => !inputNames.includes(name) || elementType !== INT64);
  if (other === undefined) return;
  throw new InputError(
    `${path} needs \`${other.name}\`, which a text does not give: only ${inputNames.join(', ')} are fed, as int64. Export it for text classification.`,
  );
}

interface Running extends Loaded {
  readonly reader: AnswerReader;
  readonly model: OnnxModel;
  readonly pooling: Pooling;
  /** Names of the features to return. */
  readonly asked: readonly string[];
}

async function answerAll(running: Running, queries: readonly Query[]): Promise<Outcome<'white-box'>[]> {
  const {tokensOf, reader} = running;
  const outcomes = new Array<Outcome<'white-box'>>(queries.length);
  const rows: number[] = [];
  const texts: (readonly number[])[] = [];
  for (const [row, {input}] of queries.entries()) {
    const ids = input.kind === 'text' ? tokensOf(input.text) : [];
    if (ids.length === 0) {
      const problem = input.kind === 'text' ? 'The text has no tokens.' : 'The model takes texts, got numbers.';
      outcomes[row] = {error: new TeacherError(reader.name, problem)};
      continue;
    }
    rows.push(row);
    texts.push(ids);
  }
  const answers = texts.length === 0 ? [] : await answersInHalves(reader.name, texts, some => answersTo(running, some));
  for (const [index, answer] of answers.entries()) outcomes[rows[index]!] = answer;
  return outcomes;
}

function answersTo(
  {reader, model, session, runtime, padding, pooling, asked}: Running,
  texts: readonly (readonly number[])[],
): Promise<Outcome<'white-box'>[]> {
  const {tokens, ids, mask} = tokenTable(texts, padding);
  // A single text has type 0 throughout.
  const values: Record<string, BigInt64Array> = {
    input_ids: ids,
    attention_mask: mask,
    token_type_ids: new BigInt64Array(ids.length),
  };
  const feeds = Object.fromEntries(
    model.graph.inputs.map(({name}) => [name, new runtime.Tensor('int64', values[name]!, [texts.length, tokens])]),
  );
  const featureOf = pooledFeature(
    pooling,
    texts.map(text => text.length),
  );
  return answersOf(reader, {feeds, count: texts.length}, {session, features: asked, featureOf});
}
