import {createHash, type Hash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {basename, resolve} from 'node:path';
import {InputError} from '../src/errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../src/options.ts';
import type {LogitsAnswer, Teacher, TopKAnswer} from '../src/teacher.ts';
import type {Writer} from '../src/writer.ts';
import {PROMPT_KINDS, type PromptOptions, promptsFor} from './_chat/prompt.ts';
import {PROMPTED_CLASSES, WRITER_SYSTEM, writes} from './_chat/writer.ts';
import {openLlama} from './_llama/library.ts';
import {type AnswerTo, asker} from './_llama/queue.ts';
import {scorerFor} from './_llama/scorer.ts';
import {SAMPLING, type WritingOptions, writingBy} from './_llama/writer.ts';
import {checkCounts} from './_local/given.ts';

interface FileOptions {
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

export interface LlamaOptions extends FileOptions, PromptOptions {
  /**
   * If true, an answer counts only if the model ends its turn after it. If false, no code may begin another code.
   *
   * @default true with a chat template, else false
   */
  readonly endsTurn?: boolean;
}

/** A model in this process that writes inputs. */
export interface LlamaWriterOptions extends FileOptions, Partial<WritingOptions> {
  /** `texts`: the model writes inputs, see `limbeck write`. */
  readonly output: 'texts';
}

const FILE_KINDS: Shape<FileOptions> = {
  path: kinds.text,
  template: oneOf('chat', 'none'),
  contextSize: kinds.number,
  gpu: kinds.flag,
  threads: kinds.number,
};

const WRITER_KINDS: Shape<LlamaWriterOptions> = {
  ...FILE_KINDS,
  output: oneOf('texts'),
  maxTokens: kinds.number,
  temperature: kinds.number,
};

const KINDS = {
  ...PROMPT_KINDS,
  ...FILE_KINDS,
  output: oneOf('top-k', 'logits'),
  endsTurn: kinds.flag,
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
 * With `output: 'texts'` it is a writer, for `limbeck write`.
 *
 * @throws InputError if the options can't be used, or the file can't be read
 */
export async function llama(options: LlamaWriterOptions): Promise<Writer>;
export async function llama(options: LlamaOptions & {readonly output: 'logits'}): Promise<Teacher<'white-box'>>;
export async function llama(options: LlamaOptions & {readonly output?: 'top-k'}): Promise<Teacher<'gray-box'>>;
export async function llama(
  options: (LlamaOptions & {readonly output?: 'top-k' | 'logits'}) | LlamaWriterOptions,
): Promise<Teacher | Writer> {
  return writes(options) ? llamaWriter(options) : llamaTeacher(options);
}

async function llamaTeacher(options: LlamaOptions & {readonly output?: 'top-k' | 'logits'}): Promise<Teacher> {
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
  const load = async (): Promise<AnswerTo> => {
    const score = scorerFor(await openLlama({path, contextSize, gpu, threads, readsTemplate}), prompts, endsTurn);
    if (output !== 'logits') return score;
    return async (...query) => {
      const scored = await score(...query);
      return typeof scored === 'string' ? scored : toLogits(scored, classes.length);
    };
  };
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
    ask: asker(name, load),
  };
}

/** The most tokens of one answer of a writer. A context has room for prompt and answer. */
const MOST_TOKENS = 2048;

async function llamaWriter(options: LlamaWriterOptions): Promise<Writer> {
  checkOptions('llama', options, WRITER_KINDS, ['path']);
  const {path, template = 'chat', contextSize, gpu = true, threads, maxTokens = MOST_TOKENS, temperature = 1} = options;
  checkCounts('llama', {
    maxTokens,
    ...(contextSize !== undefined && {contextSize}),
    ...(threads !== undefined && {threads}),
  });
  const readsTemplate = template === 'chat';
  const name = `llama ${basename(path)}`;
  const identity = {
    ...{adapter: 'llama', model: await modelHash(path), system: WRITER_SYSTEM, output: 'texts'},
    ...{template, maxTokens, temperature, contextSize: contextSize ?? null, sampling: SAMPLING},
  };
  const load = async () =>
    writingBy(await openLlama({path, contextSize, gpu, threads, readsTemplate}), {maxTokens, temperature});
  const prompted = {name, identity, access: 'black-box', classes: PROMPTED_CLASSES, detail: {kind: 'label'}} as const;
  return {
    model: basename(path),
    prompted: {...prompted, maxBatch: 1, ask: asker(name, load) as Teacher<'black-box'>['ask']},
  };
}

function toLogits({classes, logProbabilities}: TopKAnswer, count: number): LogitsAnswer {
  const logits = new Float32Array(count);
  for (const [index, label] of classes.entries()) logits[label] = logProbabilities[index]!;
  return {kind: 'logits', logits, features: {}};
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
