import {checkOptions, kinds, type Shape} from '../src/options.ts';
import type {Teacher} from '../src/teacher.ts';
import {mappedTeacher} from './_http/teacher.ts';
import {readTemplate} from './_http/template.ts';
import type {RefusalAdvice} from './_wire/refusal.ts';
import {checkAddress} from './_wire/request.ts';
import {CLASSIFIER_KINDS, type ServiceOptions, standInFor} from './_wire/service.ts';

export interface TextEmbeddingsInferenceOptions extends ServiceOptions {
  /** Address of the service, for example `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * The name that replaces the address and the model in the identity. A service serves one model, and its address does
   * not say which.
   *
   * @default the address
   */
  readonly service?: string;
  readonly classes: readonly string[];
  /**
   * The model's names of the classes, in the order of `classes`, for example `LABEL_0`. The service's `/info` lists
   * them as `id2label`.
   *
   * @default as `classes`
   */
  readonly labels?: readonly string[];
  /**
   * The scores to ask for. If a model scores each class by itself, use logits.
   *
   * @default 'logits'
   */
  readonly output?: 'logits' | 'probabilities';
  /**
   * If true, the service cuts texts that are longer than the model takes. If false, it refuses them.
   *
   * @default false
   */
  readonly truncate?: boolean;
  /**
   * Queries in one request. The service's own limit is `max_client_batch_size`.
   *
   * @default 32
   */
  readonly maxBatch?: number;
}

const KINDS = {...CLASSIFIER_KINDS, truncate: kinds.flag} satisfies Shape<TextEmbeddingsInferenceOptions>;

/**
 * A classifier of texts behind Hugging Face's Text Embeddings Inference: gray-box, with logits.
 *
 * If the service refuses a text, only that text fails: its batch is halved until the text is alone.
 *
 * @throws InputError if the options can't be used
 */
export function textEmbeddingsInference(options: TextEmbeddingsInferenceOptions): Teacher<'gray-box'> {
  checkOptions('textEmbeddingsInference', options, KINDS, ['url', 'classes']);
  const {classes, labels, output = 'logits', truncate = false, maxBatch = 32} = options;
  const address = checkAddress(options.url);
  const service = standInFor(options, address);
  return mappedTeacher(options, {
    name: `text-embeddings-inference at ${service}`,
    keyVariable: 'LIMBECK_TEACHER_KEY',
    address,
    url: new URL(`${address}/predict`),
    identity: {adapter: 'text-embeddings-inference', service, output, truncate, labels: labels ?? classes},
    classes,
    labels,
    // A flat list of two texts would mean one pair of texts.
    templates: [readTemplate({inputs: {'{each}': ['{text}']}, raw_scores: output === 'logits', truncate})],
    output: output === 'logits' ? {logits: '/*'} : {probabilities: '/*'},
    maxBatch,
    advice: 'Check `url`, and that the model is a classifier.',
    refusalAdvice: () => advice,
  });
}

const advice: RefusalAdvice = {
  byCause: {'too-long': 'A text is longer than the model takes. Set `truncate`, or shorten it.'},
  byCode: {
    Validation:
      'A text is longer than the model takes, or the batch larger than `max_client_batch_size`. Set `truncate`, or lower `maxBatch`.',
    Tokenizer: 'Its tokenizer can not read a text.',
    Empty: 'It takes no empty text.',
    Backend: {problem: 'Its model failed. Its own log says why.', retryable: true},
    Overloaded: 'Its queue is full. Lower `concurrency`, or raise its `max_concurrent_requests`.',
    Unhealthy: 'It is not healthy: its model does not answer. Its own log says why.',
  },
  byWords: [[/batch size/i, 'Lower `maxBatch`.']],
  byStatus: {404: 'It has no `/predict`. Check `url`, and that its model is a classifier.'},
};
