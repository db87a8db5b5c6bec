import {basename} from 'node:path';
import type {LogitsAnswer, Teacher, TopKAnswer} from '../src/teacher.ts';
import {type PromptOptions, promptsFor} from './_chat/prompt.ts';
import {asker} from './_llama/asking.ts';
import {modelHash} from './_llama/file.ts';
import {openLlama} from './_llama/library.ts';
import {type Scorer, scorerFor} from './_llama/scorer.ts';
import {checkCounts} from './_local/given.ts';

export interface LlamaOptions extends PromptOptions {
  /** The model in the format GGUF; of one in parts, the first. */
  readonly path: string;
  /**
   * How the prompt becomes the text that the model reads: by the chat template in its file, or as it is, for a model
   * that was trained on no chats.
   *
   * @default 'chat'
   */
  readonly template?: 'chat' | 'none';
  /**
   * Whether an answer counts only where the model ends its turn after it. Without, no code may begin another.
   *
   * @default true with a chat template, else false
   */
  readonly endsTurn?: boolean;
  /**
   * The most tokens that a prompt and its answer may take. Memory is set aside for as many.
   *
   * @default 4096, or as many as the model was trained on where these are fewer
   */
  readonly contextSize?: number;
  /**
   * Whether a GPU is used where there is one.
   *
   * @default true
   */
  readonly gpu?: boolean;
  /**
   * Threads that the CPU's part of the work may use.
   *
   * @default one a core that gains something for it
   */
  readonly threads?: number;
}

/**
 * A language model in a GGUF file, in this process, with the packages node-llama-cpp and @huggingface/jinja.
 *
 * Each code is scored by the exact probability that the model answers it, with and without a space before it: the
 * product over its tokens, out of the whole vocabulary. It is gray-box, and names all classes; `rest` is the
 * probability of any other answer. With `output: 'logits'` it is white-box: the logits are the same log-probabilities,
 * whose softmax is what the model would answer where it had to name a class, and the rest is lost. A model that thinks
 * first is told not to; one that can't be told so gives nearly all to the rest.
 *
 * The same question has the same answer to the last bit on the same machine. llama.cpp keeps what it has read in half
 * precision, so that other programs give log-probabilities that are up to some thousandths away. The file is read once,
 * for its hash, before this returns: a second for each gigabyte or less. The model is loaded at the first `ask`.
 *
 * @throws InputError where the options can't be used, or the file can't be read
 */
export async function llama(options: LlamaOptions & {readonly output: 'logits'}): Promise<Teacher<'white-box'>>;
export async function llama(options: LlamaOptions & {readonly output?: 'top-k'}): Promise<Teacher<'gray-box'>>;
export async function llama(options: LlamaOptions & {readonly output?: 'top-k' | 'logits'}): Promise<Teacher> {
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
    // One model answers one question after the other: more at once gain nothing, and each answer is kept as it comes.
    maxBatch: 1,
    ask: asker(name, load, scored => (output === 'logits' ? toLogits(scored, classes.length) : scored)),
  };
}

function toLogits({classes, logProbabilities}: TopKAnswer, count: number): LogitsAnswer {
  const logits = new Float32Array(count);
  for (const [place, label] of classes.entries()) logits[label] = logProbabilities[place]!;
  return {kind: 'logits', logits, features: {}};
}
