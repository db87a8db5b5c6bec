import {createHash, type Hash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {basename, resolve} from 'node:path';
import {once, untilAborted} from '../src/concurrency.ts';
import {InputError, LimbeckError, TeacherError} from '../src/errors.ts';
import {kindProblem, textOf} from '../src/input-kinds.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {LogitsAnswer, Outcome, Query, Teacher, TopKAnswer} from '../src/teacher.ts';
import {PROMPT_KINDS, type PromptOptions, promptsFor} from './_chat/prompt.ts';
import {openLlama} from './_llama/library.ts';
import {type Scorer, scorerFor} from './_llama/scorer.ts';
import {checkCounts} from './_local/given.ts';

export interface LlamaOptions extends PromptOptions {
  /** The model in the format GGUF. If it has several parts, the path of the first. */
  readonly path: string;
  /**
   * How the prompt becomes the text that the model reads: by the chat template in its file, or unchanged for a model
   * that was not trained on chats.
   *
   * @default 'chat'
   */
  readonly template?: 'chat' | 'none';
  /**
   * If true, an answer counts only if the model ends its turn after it. If false, no code may begin another code.
   *
   * @default true with a chat template, else false
   */
  readonly endsTurn?: boolean;
  /**
   * The most tokens that a prompt and its answer can take together. Memory is allocated for as many.
   *
   * @default 4096, or the number of tokens that the model was trained on if that is less
   */
  readonly contextSize?: number;
  /**
   * If true, a GPU is used if there is one.
   *
   * @default true
   */
  readonly gpu?: boolean;
  /**
   * Threads that the CPU's part of the work may use.
   *
   * @default one per core that speeds it up
   */
  readonly threads?: number;
}

const KINDS = {
  ...PROMPT_KINDS,
  path: kinds.text,
  output: oneOf('top-k', 'logits'),
  template: oneOf('chat', 'none'),
  endsTurn: kinds.flag,
  contextSize: kinds.number,
  gpu: kinds.flag,
  threads: kinds.number,
} satisfies Shape<LlamaOptions & {readonly output?: unknown}>;

/**
 * A language model in a GGUF file, in this process, with the packages node-llama-cpp and @huggingface/jinja.
 *
 * Each code is scored by the exact probability that the model answers it, with or without a space before it: the
 * product over its tokens, out of the whole vocabulary. It is gray-box and scores all classes; `rest` is the
 * probability of any other answer. With `output: 'logits'` it is white-box. The logits are the same log-probabilities,
 * and the rest is lost: their softmax is the model's answer given that it answers a class. A model that thinks first is
 * told not to. If it can't be told so, nearly all of its probability is in the rest.
 *
 * The same query has the same answer to the last bit on the same machine. llama.cpp keeps its key-value cache in half
 * precision, so other programs give log-probabilities that differ by up to some thousandths. The file is read once, for
 * its hash, before this returns: one second or less per gigabyte. The model is loaded at the first `ask`.
 *
 * @throws InputError if the options can't be used, or the file can't be read
 */
export async function llama(options: LlamaOptions & {readonly output: 'logits'}): Promise<Teacher<'white-box'>>;
export async function llama(options: LlamaOptions & {readonly output?: 'top-k'}): Promise<Teacher<'gray-box'>>;
export async function llama(options: LlamaOptions & {readonly output?: 'top-k' | 'logits'}): Promise<Teacher> {
  checkOptions('llama', options, KINDS, ['path', 'classes']);
  const {path, classes, template = 'chat', endsTurn = template === 'chat', contextSize, threads} = options;
  const {gpu = true, output = 'top-k'} = options;
  const prompts = promptsFor(options, 'letters');
  checkCounts('llama', {
    ...(contextSize !== undefined && {contextSize}),
    ...(threads !== undefined && {threads}),
  });
  const name = `llama ${basename(path)}`;
  const model = await modelHash(path);
  const readsTemplate = template === 'chat';
  const load = async (): Promise<Scorer> =>
    scorerFor(await openLlama({path, contextSize, gpu, threads, readsTemplate}), prompts, endsTurn);
  const {system = null, user} = prompts.template;
  return {
    name,
    identity: {
      adapter: 'llama',
      model,
      prompt: {system, user},
      codes: prompts.codes,
      ...(prompts.rotates && {rotates: true}),
      template,
      endsTurn,
      output,
    },
    access: output === 'logits' ? 'white-box' : 'gray-box',
    classes,
    detail: output === 'logits' ? {kind: 'logits'} : {kind: 'top-k', k: classes.length},
    // One model answers one query after the other. A larger batch gains nothing, and each answer is kept as it comes.
    maxBatch: 1,
    ask: asker(name, load, scored => (output === 'logits' ? toLogits(scored, classes.length) : scored)),
  };
}

function toLogits({classes, logProbabilities}: TopKAnswer, count: number): LogitsAnswer {
  const logits = new Float32Array(count);
  for (const [index, label] of classes.entries()) logits[label] = logProbabilities[index]!;
  return {kind: 'logits', logits, features: {}};
}

/**
 * Asks a model that is loaded at the first query. The model has one state, so queries wait for each other.
 *
 * @internal
 * @param load - if it fails, it is called again at the next query
 */
export function asker(
  name: string,
  load: () => Promise<Scorer>,
  answerOf: (scored: TopKAnswer) => TopKAnswer | LogitsAnswer,
): Teacher['ask'] {
  const scorer = once(load);
  let last: Promise<unknown> = Promise.resolve();
  const answer = async ({input, sample = 0}: Query, signal?: AbortSignal): Promise<Outcome> => {
    signal?.throwIfAborted();
    if (input.kind !== 'text' && input.kind !== 'record') {
      return {error: new TeacherError(name, kindProblem(['text', 'record'], input))};
    }
    const score = await scorer();
    const scored = await score(textOf(input), sample, signal);
    return typeof scored === 'string' ? {error: new TeacherError(name, scored)} : {answer: answerOf(scored)};
  };
  const answerAll = async (queries: readonly Query[], signal?: AbortSignal): Promise<Outcome[]> => {
    const outcomes: Outcome[] = [];
    for (const query of queries) outcomes.push(await answer(query, signal));
    return outcomes;
  };
  return (queries, {signal} = {}) => {
    // The model has one state, so it answers one query at a time.
    const turn = last.then(() => answerAll(queries, signal));
    last = turn.catch(() => {});
    // An evaluation can't be stopped, and it takes long on a large model.
    return untilAborted(turn, signal).catch(error => {
      throw signal?.aborted || error instanceof LimbeckError ? error : failed(name, error);
    });
  };
}

function failed(name: string, cause: unknown): TeacherError {
  return new TeacherError(name, `It could not answer: ${(cause as Error).message}`, {cause});
}

/** Hashes of files by path, size and date. A recipe with several teachers reads each file once. */
const hashes = new Map<string, Promise<string>>();

/**
 * Returns the SHA-256 of a model's file. If the model has several parts, the hash covers all of them in order.
 *
 * @internal
 * @throws InputError if a file can't be read
 */
export async function modelHash(path: string): Promise<string> {
  try {
    const parts = partsOf(resolve(path));
    const states = await Promise.all(parts.map(part => stat(part)));
    const key = JSON.stringify(parts.map((part, index) => [part, states[index]!.size, states[index]!.mtimeMs]));
    const hash = hashes.get(key) ?? hashOf(parts);
    hashes.set(key, hash);
    hash.catch(() => hashes.delete(key));
    return await hash;
  } catch (cause) {
    throw new InputError(`The model ${path} can't be read: ${(cause as Error).message}. Check \`path\`.`, {cause});
  }
}

/** llama.cpp finds the other parts of a model by the name of the first part. */
function partsOf(path: string): readonly string[] {
  const [, stem, count] = /^(.*)-00001-of-(\d{5})\.gguf$/.exec(path) ?? [];
  if (stem === undefined) return [path];
  return Array.from({length: Number(count)}, (_, index) => {
    const number = String(index + 1).padStart(5, '0');
    return `${stem}-${number}-of-${count}.gguf`;
  });
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) await addFile(hash, path);
  return hash.digest('hex');
}

async function addFile(hash: Hash, path: string): Promise<void> {
  for await (const chunk of createReadStream(path, {highWaterMark: 2 ** 20})) hash.update(chunk as Buffer);
}
