import {basename} from 'node:path';
import {once} from '../src/concurrency.ts';
import {TeacherError} from '../src/errors.ts';
import {checkOptions, kinds, type Shape} from '../src/options.ts';
import {loadPeer} from '../src/peer.ts';
import type {Question} from '../src/question.ts';
import type {Preprocessing} from '../src/student/preprocessing.ts';
import type {AskOptions, Outcome, Query, Teacher} from '../src/teacher.ts';
import {headsOf, inputsIn, type QuestionOutputs, questionsOf} from './_answers/heads.ts';
import {checkCounts, checkForm} from './_local/given.ts';
import {
  type AnswerReader,
  answersInHalves,
  answersOf,
  askedFeatures,
  type ModelAnswer,
  rowOf,
} from './_onnx/answers.ts';
import {type Batch, batchesOf, feedsOf, type InputPlan, inputPlan, type Layout, rowsPerRun} from './_onnx/inputs.ts';
import {checkFeatures, headIn, loadModel, readModel} from './_onnx/model.ts';
import type {OnnxRuntime, Session} from './_onnx/runtime.ts';

export type {QuestionOutput, QuestionOutputs} from './_answers/heads.ts';
export type {Layout} from './_onnx/inputs.ts';

export interface OnnxOptions {
  /** Path of the `.onnx` file. Its files of weights must be in the same folder. */
  readonly path: string;
  /** Names of the classes, in the order of the model's scores. Or give `questions`. */
  readonly classes?: readonly string[];
  /** The questions that its outputs answer; see `choice`, `predicate` and `score` of `limbeck/ask`. Or give `classes`. */
  readonly questions?: readonly Question[];
  /**
   * The tensor that holds the scores, [batch, classes]: an output of the model, or any tensor in it. If probabilities
   * come from a softmax, the softmax's input is read; otherwise the logits are log(max(p, 1e-8)). With `questions`, the
   * tensor of each. If a sigmoid answers a predicate, the sigmoid's input is read.
   */
  readonly output: QuestionOutputs;
  /**
   * How the shape of an example becomes the shape that the model takes. Images often need `channels-first`.
   *
   * @default 'as-is'
   */
  readonly layout?: Layout;
  /**
   * How raw inputs become the values that the model takes. Channels are the last dimension of a raw input in any
   * layout.
   *
   * @default none
   */
  readonly preprocessing?: Preprocessing;
  /**
   * Tensors that can be asked for as features, [batch, ...]: outputs of the model, or tensors in it such as hidden
   * layers.
   *
   * @default none
   */
  readonly features?: readonly string[];
  /** @default `onnx` and the name of the file */
  readonly name?: string;
  /**
   * The most queries in one `ask`.
   *
   * @default 64
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
  classes: kinds.texts,
  questions: kinds.list,
  output: kinds.object,
  layout: kinds.text,
  preprocessing: kinds.object,
  features: kinds.texts,
  name: kinds.text,
  maxBatch: kinds.number,
  threads: kinds.number,
} satisfies Shape<OnnxOptions>;

/**
 * An ONNX model in this process: white-box, with logits and its inner tensors as features. It takes tensors, or texts
 * if its input holds strings. If a model takes tokens, use `transformers`. Inputs of one shape run in one batch, up to
 * the model's own batch size.
 *
 * Needs the package `onnxruntime-node`, which is loaded at the first query.
 *
 * @throws InputError if the file can't be read or does not match the options
 */
export async function onnx(options: OnnxOptions): Promise<Teacher<'white-box'>> {
  checkOptions('onnx', options, KINDS, ['path', 'output']);
  const {path, classes, questions, output, features = [], maxBatch = 64, threads} = options;
  const {name = `onnx ${basename(path)}`, layout = 'as-is', preprocessing = {}} = options;
  if (classes !== undefined) checkForm('onnx', {classes});
  checkCounts('onnx', {maxBatch, ...(threads !== undefined && {threads})});
  const model = await readModel(path);
  const plan = inputPlan(model, layout, preprocessing);
  const heads = headsOf(`onnx ${path}`, {classes, questions, output}).map(head => headIn(model, head));
  checkFeatures(model, features);
  const load = once(async (): Promise<Loaded> => {
    const runtime = await loadPeer<OnnxRuntime>('onnxruntime-node', 'The adapter onnx');
    return {
      runtime,
      session: await loadModel(model, runtime, {
        name,
        tensors: [...heads.map(({tensor}) => tensor), ...features],
        threads,
      }),
    };
  });
  return {
    name,
    identity: {
      adapter: 'onnx',
      model: model.sha256,
      layout: plan.layout,
      preprocessing: plan.preprocessing,
      // The output of each question is in the keys of its own answers.
      ...(classes && {output: {tensor: heads[0]!.tensor, kind: heads[0]!.kind}}),
    },
    access: 'white-box',
    classes: classes ?? [],
    questions: questionsOf(heads),
    detail: {kind: 'logits', features},
    maxBatch,
    async ask(queries, askOptions = {}) {
      askOptions.signal?.throwIfAborted();
      const asked = askedFeatures(name, features, askOptions.detail);
      return answerAll({reader: {name, heads}, plan, ...(await load())}, queries, {...askOptions, features: asked});
    },
  };
}

interface Loaded {
  readonly runtime: OnnxRuntime;
  readonly session: Session;
}

interface Running extends Loaded {
  readonly reader: AnswerReader;
  readonly plan: InputPlan;
}

async function answerAll(
  running: Running,
  queries: readonly Query[],
  {features, signal}: AskOptions & {readonly features: readonly string[]},
): Promise<Outcome<'white-box'>[]> {
  const outcomes = new Array<Outcome<'white-box'>>(queries.length);
  const {plan, reader} = running;
  const asked = inputsIn(queries);
  const settle = (index: number, answer: ModelAnswer) => {
    for (const row of asked[index]!.rows) outcomes[row] = 'error' in answer ? answer : answer(queries[row]!);
  };
  const about = asked.map(({query}) => query);
  const batches = batchesOf(plan, about, (index, problem) =>
    settle(index, {error: new TeacherError(reader.name, problem)}),
  );
  for (const {rows, inputs} of batches) {
    const step = rowsPerRun(plan, rows.length);
    for (let start = 0; start < rows.length; start += step) {
      signal?.throwIfAborted();
      const answers = await answersTo(running, inputs.slice(start, start + step), features);
      for (const [position, answer] of answers.entries()) settle(rows[start + position]!, answer);
    }
  }
  return outcomes;
}

function answersTo(
  {reader, plan, runtime, session}: Running,
  inputs: Batch['inputs'],
  features: readonly string[],
): Promise<ModelAnswer[]> {
  return answersInHalves(reader.name, inputs, some => {
    const feeds = feedsOf(plan, some, runtime);
    return answersOf(reader, {feeds, count: some.length}, {session, features, featureOf: rowOf});
  });
}
