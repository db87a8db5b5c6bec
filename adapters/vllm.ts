import {InputError} from '../src/errors.ts';
import type {Teacher} from '../src/teacher.ts';
import {type ChatOptions, chatTeacher} from './_chat/chat.ts';
import {CHAT_COST} from './_chat/cost-fields.ts';
import type {Body, Settings} from './_chat/dialect.ts';
import {type ModeOptions, modeFor} from './_chat/modes.ts';
import {chatCompletions, chatMessages, chatReceipt} from './_chat/openai-chat.ts';
import type {Prompt} from './_chat/prompt.ts';
import {exactTeacher} from './_exact/teacher.ts';
import {explainVllm, type VllmClassifyOptions, vllmClassifier} from './_exact/vllm-classifier.ts';
import {vllmServer} from './_exact/vllm-server.ts';
import {checkAddress} from './_wire/request.ts';

export type {VllmClassifyOptions} from './_exact/vllm-classifier.ts';

interface VllmChatOptions extends ChatOptions {
  /** @default 'generate' */
  readonly task?: 'generate';
  /**
   * Address of the server, with or without `/v1`.
   *
   * @default 'http://127.0.0.1:8000'
   */
  readonly url?: string;
  /**
   * Values for the model's chat template.
   *
   * @default {enable_thinking: false}: the answer is read from the first token, and a model that thinks would think
   *   there
   */
  readonly templateOptions?: Body;
}

export interface VllmLogProbabilitiesOptions extends Omit<VllmChatOptions, 'maxTokens'> {
  /** @default 'log-probabilities' */
  readonly output?: 'log-probabilities';
  /**
   * How the prompt becomes the text that the model reads: by its chat template, or unchanged for a model that was not
   * trained on chats.
   *
   * @default 'chat'
   */
  readonly template?: 'chat' | 'none';
  /**
   * If true, an answer counts only if the model ends its turn after it. If false, no code may begin another code, and
   * codes of one token, such as letters, cost no more than the prompt.
   *
   * @default true with a chat template, else false
   */
  readonly endsTurn?: boolean;
}

export interface VllmLabelOptions
  extends VllmChatOptions,
    Pick<ModeOptions<'label'>, 'samples' | 'structured' | 'temperature'> {
  readonly output: 'label';
}

const OWN = 'http://127.0.0.1:8000';

/**
 * A model that vLLM serves.
 *
 * A language model is gray-box: each class gets the exact probability that the model answers its code, with or without
 * a space before it, out of the whole vocabulary. `rest` is the probability of any other answer. With `output: 'label'`
 * it is black-box, and can choose only among the classes. To read only its most probable tokens, use `openai`.
 *
 * If a text holds the name of a special token, such as `<|im_end|>`, the model reads it as that token.
 *
 * With `task: 'classify'` it is a classifier, which gives the logits of all classes.
 *
 * @throws InputError if the options can't be used
 */
export function vllm(options: VllmClassifyOptions | VllmLogProbabilitiesOptions): Teacher<'gray-box'>;
export function vllm(options: VllmLabelOptions): Teacher<'black-box'>;
export function vllm(options: VllmClassifyOptions | VllmLogProbabilitiesOptions | VllmLabelOptions): Teacher {
  const address = checkAddress(options.url ?? OWN).replace(/\/v1$/, '');
  if (options.task === 'classify') return vllmClassifier(options, address);
  return options.output === 'label' ? labelTeacher(options, address) : scoringTeacher(options, address);
}

/** Turns thinking off, because the answer is read from the first token. */
const NO_THOUGHTS = {enable_thinking: false};

function scoringTeacher(options: VllmLogProbabilitiesOptions, address: string): Teacher<'gray-box'> {
  const {model, template = 'chat', endsTurn = template === 'chat', templateOptions = NO_THOUGHTS, parameters} = options;
  if (endsTurn && template === 'none') {
    throw new InputError('Without a chat template there is no turn to end. Leave `endsTurn` out.');
  }
  const ofTemplate = template === 'chat' ? {templateOptions} : {};
  return exactTeacher(options, {
    adapter: 'vllm',
    own: OWN,
    address,
    endsTurn,
    identity: {template, ...ofTemplate, ...(parameters && {parameters})},
    open: (post, {name}) => vllmServer(post, {name, model, template, templateOptions, parameters}),
    explain: explainVllm('generate'),
    advice: 'Check that `url` is that of vLLM itself.',
  });
}

const CHOICE_IGNORED = 'It was told to choose among them: a vLLM that ignores `structured_outputs` must be updated.';

function labelTeacher(options: VllmLabelOptions, address: string): Teacher<'black-box'> {
  const {structured = true, templateOptions = NO_THOUGHTS} = options;
  const mode = modeFor(options, options.classes);
  const {temperature, samples} = mode;
  return chatTeacher(options, {
    ...mode,
    adapter: 'vllm',
    provider: {own: OWN, variable: 'LIMBECK_TEACHER_KEY'},
    address,
    path: '/v1/chat/completions',
    completions: chatCompletions,
    receipt: chatReceipt,
    cost: CHAT_COST,
    explain: explainVllm('generate'),
    // The choice is among bare codes, without JSON around them.
    schema: () => undefined,
    read(completions, prompts) {
      const reading = mode.read(completions, prompts);
      const isIgnored = structured && 'problem' in reading && reading.unreadable;
      return isIgnored ? {...reading, problem: `${reading.problem} ${CHOICE_IGNORED}`} : reading;
    },
    body(prompt: Prompt, {model, maxTokens, codes}: Settings): Body {
      return {
        model,
        messages: chatMessages(prompt),
        max_tokens: maxTokens,
        ...(temperature !== null && {temperature}),
        ...(samples > 1 && {n: samples}),
        ...(structured && {structured_outputs: {choice: codes}}),
        chat_template_kwargs: templateOptions,
      };
    },
  });
}
