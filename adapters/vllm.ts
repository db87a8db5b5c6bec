import {z} from 'zod';
import {checkOptions, kinds, oneOf} from '../src/options.ts';
import type {Teacher} from '../src/teacher.ts';
import {CHAT_HINTS} from './_chat/chat.ts';
import type {Body, Settings} from './_chat/dialect.ts';
import type {ModeOptions} from './_chat/modes.ts';
import {CHAT_COMPLETIONS, chatMessages} from './_chat/openai-chat.ts';
import type {Prompt} from './_chat/prompt.ts';
import {checkChatOptions, modeOf, refuseQuestions, type WithQuestions} from './_chat/question-options.ts';
import {languageModel} from './_chat/question-teacher.ts';
import {
  LABEL_KINDS,
  NO_THOUGHTS,
  type NotOfScores,
  SCORING_KINDS,
  type ScoringOptions,
  type ServerOptions,
  templateOf,
} from './_exact/server.ts';
import {exactTeacher} from './_exact/teacher.ts';
import {vllmServer} from './_exact/vllm-server.ts';
import type {Cell} from './_http/cells.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate} from './_http/template.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {CLASSIFIER_KINDS, type ServiceOptions, standInFor} from './_wire/service.ts';

interface VllmChatOptions extends ServerOptions {
  /** @default 'generate' */
  readonly task?: 'generate';
  /**
   * Address of the server, with or without `/v1`.
   *
   * @default 'http://127.0.0.1:8000'
   */
  readonly url?: string;
}

export type VllmLogProbabilitiesOptions = Omit<VllmChatOptions, NotOfScores> & ScoringOptions;

interface VllmLabelOptions
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
export function vllm(options: VllmLabelOptions | WithQuestions<VllmLabelOptions>): Teacher<'black-box'>;
export function vllm(
  options: VllmClassifyOptions | VllmLogProbabilitiesOptions | VllmLabelOptions | WithQuestions<VllmLabelOptions>,
): Teacher {
  if (options?.output === 'label') {
    checkChatOptions('vllm', options, kindsFor(options));
  } else {
    refuseQuestions('vllm', options);
    checkOptions('vllm', options, kindsFor(options), ['model', 'classes']);
  }
  const address = checkAddress(options.url ?? OWN).replace(/\/v1$/, '');
  if (options.task === 'classify') return vllmClassifier(options, address);
  return options.output === 'label' ? labelTeacher(options, address) : scoringTeacher(options, address);
}

const TASK = oneOf('generate', 'classify');

function kindsFor({task, output}: {readonly task?: string; readonly output?: string}) {
  if (task === 'classify') return {...CLASSIFIER_KINDS, model: kinds.text, task: TASK};
  return output === 'label' ? {...LABEL_KINDS, samples: kinds.number, task: TASK} : {...SCORING_KINDS, task: TASK};
}

function scoringTeacher(options: VllmLogProbabilitiesOptions, address: string): Teacher<'gray-box'> {
  const {model, parameters} = options;
  const {template, endsTurn, templateOptions, identity} = templateOf(options);
  return exactTeacher(options, {
    adapter: 'vllm',
    own: OWN,
    address,
    endsTurn,
    identity: {...identity, ...(parameters && {parameters})},
    open: (post, {name}) => vllmServer(post, {name, model, template, templateOptions, parameters}),
    refusalAdvice: adviceFor('generate'),
    advice: 'Check that `url` is that of vLLM itself.',
  });
}

const CHOICE_IGNORED = 'It was told to choose among them: a vLLM that ignores `structured_outputs` must be updated.';

function labelTeacher(
  options: VllmLabelOptions | WithQuestions<VllmLabelOptions>,
  address: string,
): Teacher<'black-box'> {
  const {structured = true, templateOptions = NO_THOUGHTS} = options;
  const mode = modeOf(options);
  const {temperature, samples} = mode;
  return languageModel(options, {
    ...mode,
    adapter: 'vllm',
    provider: {own: OWN, variable: 'LIMBECK_TEACHER_KEY'},
    address,
    path: '/v1/chat/completions',
    ...CHAT_COMPLETIONS,
    refusalAdvice: adviceFor('generate'),
    // The choice is among bare codes, without JSON around them.
    schema: () => undefined,
    read(completions, prompts) {
      const reading = mode.read(completions, prompts);
      const isIgnored = structured && 'problem' in reading && reading.unreadable;
      return isIgnored ? {...reading, problem: `${reading.problem} ${CHOICE_IGNORED}`} : reading;
    },
    body(prompt: Prompt, {model, maxTokens, codes, schema}: Settings): Body {
      return {
        model,
        messages: chatMessages(prompt),
        max_tokens: maxTokens,
        ...(temperature !== null && {temperature}),
        ...(samples > 1 && {n: samples}),
        ...(structured && {structured_outputs: schema ? {json: schema} : {choice: codes}}),
        chat_template_kwargs: templateOptions,
      };
    },
  });
}

export interface VllmClassifyOptions extends ServiceOptions {
  /** For models that `vllm serve` runs with `--runner pooling`. */
  readonly task: 'classify';
  /** The server's name of the model. */
  readonly model: string;
  /**
   * Address of the server, with or without `/v1`.
   *
   * @default 'http://127.0.0.1:8000'
   */
  readonly url?: string;
  /**
   * The name that replaces the address in the identity, so that a server that moves keeps its answers.
   *
   * @default the address
   */
  readonly service?: string;
  /** In the order of the model's `id2label`. */
  readonly classes: readonly string[];
  /**
   * The model's names of the classes, in the same order, for example `LABEL_0`. The server names the most probable
   * class, by which a wrong order is detected.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /** @default 'logits' */
  readonly output?: 'logits' | 'probabilities';
  /**
   * Queries in one request.
   *
   * @default 32
   */
  readonly maxBatch?: number;
}

function vllmClassifier(options: VllmClassifyOptions, address: string): Teacher<'gray-box'> {
  const {model, classes, labels = classes, output = 'logits', maxBatch = 32} = options;
  const service = standInFor(options, address);
  const isLogits = output === 'logits';
  return mappedTeacher(options, {
    name: `vllm ${model} at ${service}`,
    keyVariable: 'LIMBECK_TEACHER_KEY',
    address,
    url: new URL(`${address}/classify`),
    identity: {adapter: 'vllm', service, task: 'classify', model, output, labels},
    classes,
    labels,
    templates: [readTemplate({model, input: '{texts}', use_activation: !isLogits})],
    output: isLogits ? {logits: '/data/*'} : {probabilities: '/data/*'},
    shape: found => scoresIn(found, labels),
    receipt: {model: '/model', inputTokens: '/usage/prompt_tokens'},
    maxBatch,
    advice: 'Check `url`, and that the model is a classifier.',
    refusalAdvice: () => adviceFor('classify'),
  });
}

const classified = z.object({label: z.string().nullish(), probs: z.array(z.number())});

function scoresIn(found: unknown, labels: readonly string[]): Cell {
  const {data} = classified.safeParse(found);
  if (data === undefined) return {problem: 'It gave no scores.'};
  const {label, probs} = data;
  const most = probs.indexOf(Math.max(...probs));
  if (probs.length === labels.length && label && labels[most] !== label) {
    return {
      problem:
        'Its name of the most probable class differs from the list. Give `classes` in the order of the model’s ' +
        '`id2label`, and its own names as `labels`.',
    };
  }
  return {value: probs};
}

const NO_MODEL = 'It serves no model of that name. Check `model`: `--served-model-name` or `/v1/models` gives it.';

const NO_ROUTE = {
  generate:
    'It does not have the route. Check that `url` is that of vLLM itself, whose `/tokenize` is beside `/v1`, and that ' +
    'its model writes texts.',
  classify:
    'It does not have `/classify`. Check that `url` is that of vLLM itself, and that its model is a classifier.',
};

const TOO_LONG = 'The text is longer than `--max-model-len`. Raise that, or shorten the text.';

const REFUSES = 'It does not take the request. A text can be longer than `--max-model-len`';

const REFUSED = {
  generate:
    `${REFUSES}; a model can lack a chat template (\`template: 'none'\`), or have one that knows no system message (give the ` +
    'whole `prompt` as `user`).',
  classify: `${REFUSES}.`,
};

const OTHER_TASK = 'Its model can not do that. Check `task` and `model`.';

/** What to do about vLLM's refusals, by what its model does. */
function adviceFor(task: 'generate' | 'classify'): RefusalAdvice {
  return {
    byCode: {NotFoundError: NO_MODEL},
    byCause: {model: NO_MODEL, path: NO_ROUTE[task], 'too-long': TOO_LONG},
    byWords: [[/does not support \w+ API/, OTHER_TASK], ...CHAT_HINTS],
    byStatus: {
      400: REFUSED[task],
      404: NO_ROUTE[task],
      422: REFUSED[task],
      501: {problem: OTHER_TASK, retryable: false},
    },
  };
}
