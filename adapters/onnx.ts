import {basename} from 'node:path';
import {TeacherError} from '../src/errors.ts';
import type {Preprocessing} from '../src/student/preprocessing.ts';
import type {AskOptions, Outcome, Query, Teacher} from '../src/teacher.ts';
import {checkCounts, checkForm} from './_local/given.ts';
import {loadPeer} from './_local/peer.ts';
import {type AnswerReader, answersInHalves, answersOf, askedFeatures, rowOf} from './_onnx/answers.ts';
import {type Batch, batchesOf, feedsOf, type InputPlan, inputPlan, type Layout, rowsPerRun} from './_onnx/inputs.ts';
import {checkFeatures, loadModel, readModel, type ScoreOutput, scoreSource} from './_onnx/model.ts';
import type {OnnxRuntime, Session} from './_onnx/runtime.ts';

export type {Layout} from './_onnx/inputs.ts';
export type {ScoreOutput} from './_onnx/model.ts';

export interface OnnxOptions {
  /** Of the `.onnx` file. Files of weights lie beside it. */
  readonly path: string;
  /** Names of the classes, in the order of the model's scores. */
  readonly classes: readonly string[];
  /**
   * The tensor that holds the scores, [batch, classes]: an output of the model, or any tensor in it. Of probabilities that
   * come from a softmax what goes into it is read; elsewhere their logits are log(max(p, 1e-8)).
   */
  readonly output: ScoreOutput;
  /**
   * How the shape of an example becomes what the model takes, which is often `channels-first` for images.
   *
   * @default 'as-is'
   */
  readonly layout?: Layout;
  /**
   * How raw inputs become what the model takes. Channels are the last dimension of the raw input, whatever the layout.
   *
   * @default none
   */
  readonly preprocessing?: Preprocessing;
  /**
   * Tensors to be had as features, [batch, ...]: outputs of the model, or any tensors in it, such as its hidden layers.
   *
   * @default none
   */
  readonly features?: readonly string[];
  /** @default `onnx` and the name of the file */
  readonly name?: string;
  /**
   * The most queries one `ask` may carry.
   *
   * @default 64
   */
  readonly maxBatch?: number;
  /**
   * Threads that one operation may use.
   *
   * @default one a core
   */
  readonly threads?: number;
}

/**
 * A model of ONNX in this process: white-box, with logits and its inner tensors as features. It takes tensors or, where
 * its input holds strings, texts; for a model that takes tokens there is `transformers`. Inputs of one shape are run
 * together, as many as the model takes.
 *
 * Needs the package `onnxruntime-node`, which is loaded at the first query.
 *
 * @throws InputError where the file can't be read or does not fit what is said of it
 */
export async function onnx(options: OnnxOptions): Promise<Teacher<'white-box'>> {
  const {path, classes, output, features = [], maxBatch = 64, threads} = options;
  const {name = `onnx ${basename(path)}`, layout = 'as-is', preprocessing = {}} = options;
  checkForm('onnx', {classes});
  checkCounts('onnx', {maxBatch, ...(threads !== undefined && {threads})});
  const model = await readModel(path);
  const plan = inputPlan(model, layout, preprocessing);
  const scores = scoreSource(model, output, classes);
  checkFeatures(model, features);
  const load = async (): Promise<Loaded> => {
    const runtime = await loadPeer<OnnxRuntime>('onnxruntime-node', 'onnx');
    return {runtime, session: await loadModel(model, runtime, {name, tensors: [scores.tensor, ...features], threads})};
  };
  let loaded: Promise<Loaded> | undefined;
  return {
    name,
    identity: {
      adapter: 'onnx',
      model: model.sha256,
      layout: plan.layout,
      preprocessing: plan.preprocessing,
      output: {...scores},
    },
    access: 'white-box',
    classes,
    detail: {kind: 'logits', features},
    maxBatch,
    async ask(queries, askOptions = {}) {
      askOptions.signal?.throwIfAborted();
      const asked = askedFeatures(name, features, askOptions.detail);
      loaded ??= load();
      return answerAll({reader: {name, classes, scores}, plan, ...(await loaded)}, queries, {...askOptions, asked});
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
  {asked, signal}: AskOptions & {readonly asked: readonly string[]},
): Promise<Outcome<'white-box'>[]> {
  const outcomes = new Array<Outcome<'white-box'>>(queries.length);
  const {plan, reader} = running;
  const batches = batchesOf(plan, queries, (row, problem) => {
    outcomes[row] = {error: new TeacherError(reader.name, problem)};
  });
  for (const {rows, inputs} of batches) {
    const step = rowsPerRun(plan, rows.length);
    for (let start = 0; start < rows.length; start += step) {
      signal?.throwIfAborted();
      const answers = await answersTo(running, inputs.slice(start, start + step), asked);
      for (const [index, answer] of answers.entries()) outcomes[rows[start + index]!] = answer;
    }
  }
  return outcomes;
}

function answersTo(
  {reader, plan, runtime, session}: Running,
  inputs: Batch['inputs'],
  features: readonly string[],
): Promise<Outcome<'white-box'>[]> {
  return answersInHalves(reader.name, inputs, some => {
    const feeds = feedsOf(plan, some, runtime);
    return answersOf(reader, {feeds, count: some.length}, {session, features, featureOf: rowOf});
  });
}
