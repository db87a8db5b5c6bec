import {z} from 'zod';
import type {Teacher} from '../../src/teacher.ts';
import type {Cell} from '../_http/cells.ts';
import {mappedTeacher} from '../_http/teacher.ts';
import {readTemplate} from '../_http/template.ts';
import type {Explain} from '../_wire/reply.ts';
import type {ServiceOptions} from '../_wire/service.ts';

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

export function vllmClassifier(options: VllmClassifyOptions, address: string): Teacher<'gray-box'> {
  const {model, classes, labels = classes, output = 'logits', maxBatch = 32} = options;
  const service = options.service ?? address;
  const isLogits = output === 'logits';
  return mappedTeacher(options, {
    name: `vllm ${model} at ${service}`,
    keyVariable: 'LIMBECK_TEACHER_KEY',
    url: new URL(`${address}/classify`),
    identity: {adapter: 'vllm', service, task: 'classify', model, output, labels},
    classes,
    labels,
    templates: [readTemplate({model, input: '{texts}', use_activation: !isLogits})],
    output: isLogits ? {logits: '/data/*'} : {probabilities: '/data/*'},
    shape: found => scoresIn(found, labels, isLogits),
    receipt: {model: '/model', inputTokens: '/usage/prompt_tokens'},
    maxBatch,
    advice: 'Check `url`, and that the model is a classifier.',
    explain: () => explainVllm('classify'),
  });
}

const classified = z.object({label: z.string().nullish(), probs: z.array(z.number())});

function scoresIn(found: unknown, labels: readonly string[], isLogits: boolean): Cell {
  const {data} = classified.safeParse(found);
  if (data === undefined) return {problem: 'It gave no scores.'};
  const {label, probs} = data;
  if (isLogits && areProbabilities(probs)) {
    return {problem: "It gave probabilities, though it was asked for logits. Set `output: 'probabilities'`."};
  }
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

/** True if all scores are from 0 to 1 and sum to 1, which logits almost never do. */
function areProbabilities(scores: readonly number[]): boolean {
  const total = scores.reduce((sum, score) => sum + score, 0);
  return scores.every(score => score >= 0) && Math.abs(total - 1) < 1e-5;
}

/** Explains vLLM's refusals that the status alone does not explain. */
export function explainVllm(task: 'generate' | 'classify'): Explain {
  return ({status, codes}) => {
    if (status === 404) return {problem: codes.includes('NotFoundError') ? NO_MODEL : NO_ROUTE[task]};
    if (status === 501) return {problem: 'Its model can not do that. Check `task` and `model`.', retryable: false};
    if (status === 400 || status === 422) return {problem: REFUSED[task]};
    return undefined;
  };
}

const NO_MODEL = 'It serves no model of that name. Check `model`: `--served-model-name` or `/v1/models` gives it.';

const NO_ROUTE = {
  generate:
    'It does not have the route. Check that `url` is that of vLLM itself, whose `/tokenize` is beside `/v1`, and that ' +
    'its model writes texts.',
  classify:
    'It does not have `/classify`. Check that `url` is that of vLLM itself, and that its model is a classifier.',
};

const TOO_LONG = 'It does not take the request: its own log says why. A text can be longer than `--max-model-len`';

const REFUSED = {
  generate:
    `${TOO_LONG}; a model can lack a chat template (\`template: 'none'\`), or have one that knows no system message (give the ` +
    'whole `prompt` as `user`).',
  classify: `${TOO_LONG}.`,
};
