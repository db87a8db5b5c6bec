import {createRequire} from 'node:module';
import {basename, resolve} from 'node:path';
import {once} from '../src/concurrency.ts';
import {TeacherError} from '../src/errors.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import {loadPeer, resolvePeer} from '../src/peer.ts';
import type {Question} from '../src/question.ts';
import type {Outcome, Query, Teacher} from '../src/teacher.ts';
import {type AskedInput, headsOf, inputsIn, type QuestionOutputs, questionsOf} from './_answers/heads.ts';
import {checkCounts} from './_local/given.ts';
import {
  type AnswerReader,
  answersInHalves,
  answersOf,
  askedFeatures,
  type ModelAnswer,
  type Pooling,
  pooledFeature,
} from './_onnx/answers.ts';
import {checkFeatures, headIn, loadModel, type OnnxModel, readModel} from './_onnx/model.ts';
import type {OnnxRuntime, Session} from './_onnx/runtime.ts';
import {
  checkChoice,
  checkInputs,
  modelFile,
  readFolder,
  type Tokenizer,
  type TokenReader,
  tokenReader,
  tokenTable,
} from './_onnx/transformers.ts';

export type {QuestionOutput, QuestionOutputs} from './_answers/heads.ts';
export type {Pooling} from './_onnx/answers.ts';

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
   * The questions that its outputs answer; see `choice`, `predicate` and `score` of `limbeck/ask`. A multi-label
   * classifier has a predicate for each of its classes, in their order.
   *
   * @default the choice among its classes
   */
  readonly questions?: readonly Question[];
  /**
   * The tensor that holds the scores, [texts, classes]. With `questions`, the tensor of each.
   *
   * @default {logits: 'logits'}
   */
  readonly output?: QuestionOutputs;
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
  questions: kinds.list,
  output: kinds.object,
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
  const {name = `transformers ${basename(path)}`, questions, maxBatch = 32, threads} = options;
  checkCounts('transformers', {
    maxBatch,
    ...(threads !== undefined && {threads}),
    ...(maxTokens !== undefined && {maxTokens}),
  });
  const folder = await readFolder(path);
  const classes = options.classes ?? (questions ? undefined : folder.classes);
  if (questions === undefined) checkChoice(path, classes, folder.other);
  const model = await readModel(modelFile(path, file));
  checkInputs(model);
  const heads = headsOf(`transformers ${path}`, {classes, questions, output}).map(head => headIn(model, head));
  checkFeatures(model, features);
  const load = once(async (): Promise<Loaded> => {
    const {tokenizer, runtime} = await loadParts(path);
    const most = maxTokens ?? Math.min(tokenizer.model_max_length ?? folder.positions, folder.positions);
    const session = await loadModel(model, runtime, {
      name,
      tensors: [...heads.map(({tensor}) => tensor), ...features],
      threads,
    });
    return {tokensOf: tokenReader(tokenizer, most), padding: tokenizer.pad_token_id ?? 0, runtime, session};
  });
  return {
    name,
    identity: {
      adapter: 'transformers',
      model: model.sha256,
      tokenizer: folder.tokenizer,
      config: folder.config,
      // The output of each question is in the keys of its own answers.
      ...(classes && {output: {tensor: heads[0]!.tensor, kind: heads[0]!.kind}}),
      maxTokens: maxTokens ?? null,
      ...(features.length > 0 && {pooling}),
    },
    access: 'white-box',
    classes: classes ?? [],
    questions: questionsOf(heads),
    detail: {kind: 'logits', features},
    maxBatch,
    async ask(queries, {detail, signal} = {}) {
      signal?.throwIfAborted();
      const asked = askedFeatures(name, features, detail);
      const parts = await load();
      signal?.throwIfAborted();
      return answerAll({reader: {name, heads}, model, pooling, asked, ...parts}, queries);
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
  const settle = ({rows}: AskedInput, answer: ModelAnswer) => {
    for (const row of rows) outcomes[row] = 'error' in answer ? answer : answer(queries[row]!);
  };
  const asked: AskedInput[] = [];
  const texts: (readonly number[])[] = [];
  for (const one of inputsIn(queries)) {
    const {input} = one.query;
    const ids = input.kind === 'text' ? tokensOf(input.text) : [];
    if (ids.length === 0) {
      const problem = input.kind === 'text' ? 'The text has no tokens.' : 'The model takes texts, got numbers.';
      settle(one, {error: new TeacherError(reader.name, problem)});
      continue;
    }
    asked.push(one);
    texts.push(ids);
  }
  const answers = texts.length === 0 ? [] : await answersInHalves(reader.name, texts, some => answersTo(running, some));
  for (const [index, answer] of answers.entries()) settle(asked[index]!, answer);
  return outcomes;
}

function answersTo(
  {reader, model, session, runtime, padding, pooling, asked}: Running,
  texts: readonly (readonly number[])[],
): Promise<ModelAnswer[]> {
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
