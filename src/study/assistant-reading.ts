import {createHash} from 'node:crypto';
import {askAll} from '../ask/batches.ts';
import type {AssistantOptions, UnlabelledOptions} from '../assistant/assistant.ts';
import type {PlainRows} from '../assistant/plain-classifier.ts';
import {unitRows, unitVector} from '../data/arrays.ts';
import {type NgramReading, readNgrams} from '../data/hashed-reading.ts';
import {type Inputs, inputAt, sizeOf} from '../data/inputs.ts';
import {KeptRows} from '../data/sparse-rows.ts';
import type {Encoder} from '../encoder/encoder.ts';
import {withKeptEncodings} from '../encoder/kept.ts';
import {encoderHash, openOnDemand} from '../encoder/open.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import type {FeatureAssistantOptions} from '../recipe/recipe.ts';
import {digestQuery, identityText} from '../store/stored-answer.ts';
import type {Teacher, TensorInput} from '../teacher.ts';
import type {TextVectors} from './expect-next.ts';
import type {Services} from './services.ts';
import {textsOf} from './unlabelled.ts';

/** How an assistant reads inputs. */
export interface AssistantReading {
  /** For people. */
  readonly name: string;
  /** Stands for all that decides encodings. */
  readonly identity: object;
  /** @returns [inputs, dimensions], each row of length 1 */
  encode(inputs: Inputs): Promise<Float32Array>;
  /** [classes, dimensions], by the names of the classes; undefined if it reads no words. */
  namesOf(classes: readonly string[]): Promise<Float32Array | undefined>;
  /** What is known of inputs without the encoder. */
  plainOf(inputs: Inputs): PlainRows;
  /** The vectors of texts, and the names of classes as it reads them; undefined if it reads no words. */
  vectorsOf(classes: readonly string[]): TextVectors | undefined;
  close(): Promise<void>;
}

/** The words and characters that are counted: those that `hashedNgrams` reads. */
const COUNTED: NgramReading = {kind: 'n-grams', buckets: 2 ** 14, words: 1, characters: [3, 4], length: 10_000};

/**
 * @param directory - encodings are kept below it
 * @throws InputError if the model is none of this process, or does not show the feature
 */
export async function openReading(
  options: AssistantOptions | FeatureAssistantOptions,
  directory: string,
  services: Services,
): Promise<AssistantReading> {
  if ('encoder' in options) return textReading(options, directory);
  const model = await options.model(services);
  checkFeature({...options, model});
  return featureReading({...options, model}, directory);
}

function checkFeature({model, feature}: ModelFeature): void {
  if (model.service !== undefined || model.parts !== undefined) {
    throw new InputError(`\`assistant.model\` must be a model in this process, and ${model.name} is none.`);
  }
  const shown = model.detail.kind === 'logits' ? (model.detail.features ?? []) : [];
  if (shown.includes(feature)) return;
  throw new InputError(
    `\`assistant.feature\`: ${model.name} shows no feature \`${feature}\`, but ${shown.join(', ') || 'none at all'}. Name one that it shows.`,
  );
}

function textReading(options: AssistantOptions, directory: string): AssistantReading {
  const {encoder: name, descriptions = {}} = options;
  let opened: Encoder | undefined;
  const open = (): Encoder => {
    opened ??= withKeptEncodings(openOnDemand(name), directory);
    return opened;
  };
  const encode = (texts: readonly string[]) => open().encode(texts);
  const describe = (label: string): string => {
    const words = label.replace(/[_\-./]+/g, ' ').trim() || label;
    return descriptions[label] === undefined ? words : `${words}: ${descriptions[label]}`;
  };
  let hash: string | undefined;
  const counted = new KeptRows();
  return {
    name,
    get identity() {
      // Hashes the files of the encoder.
      hash ??= encoderHash(name);
      return {...options, encoder: hash};
    },
    encode: inputs => encode(textsOf(inputs).texts),
    namesOf: classes => encode(classes.map(describe)),
    plainOf(inputs) {
      // Each part of a cross-fitting asks about most of the same texts.
      const {columns, starts, count} = counted.read(textsOf(inputs).texts, texts => readNgrams(texts, COUNTED));
      const texts = Array.from({length: count}, (_, row) => columns.subarray(starts[row], starts[row + 1]));
      return {kind: 'words', texts, buckets: COUNTED.buckets};
    },
    vectorsOf: classes => ({
      ...{encoder: name, width: open().dimensions, names: classes.map(describe)},
      of: encode,
    }),
    close: async () => opened?.close(),
  };
}

/** A layer of a model. */
interface ModelFeature {
  readonly model: Teacher<'white-box'>;
  readonly feature: string;
}

/** @param directory - encodings are kept below it */
function featureReading(
  {model, feature, unlabelled}: ModelFeature & UnlabelledOptions,
  directory: string,
): AssistantReading {
  const name = `${feature} of ${model.name}`;
  let opened: Promise<Encoder<TensorInput>> | undefined;
  return {
    name,
    identity: {model: model.identity, feature, ...(unlabelled && {unlabelled})},
    async encode(inputs) {
      const all = Array.from({length: inputs.count}, (_, row) => tensorAt(inputs, row));
      if (all.length === 0) return new Float32Array();
      opened ??= openFeature({model, feature}, name, all[0]!).then(encoder =>
        withKeptEncodings(encoder, directory, contentOf),
      );
      return (await opened).encode(all);
    },
    namesOf: async () => undefined,
    plainOf(inputs) {
      const all = tensorsOf(inputs);
      const width = sizeOf(all.shape);
      return {kind: 'numbers', rows: unitRows(Float32Array.from(all.data), width), width};
    },
    vectorsOf: () => undefined,
    close: async () => (await opened)?.close(),
  };
}

/** @param sample - an input, which tells how long the feature is */
async function openFeature(
  {model, feature}: ModelFeature,
  name: string,
  sample: TensorInput,
): Promise<Encoder<TensorInput>> {
  const rowsOf = async (inputs: readonly TensorInput[]): Promise<readonly Float32Array[]> => {
    const queries = inputs.map(input => ({input}));
    const outcomes = await askAll(model, queries, {detail: {kind: 'logits', features: [feature]}});
    return outcomes.map(outcome => {
      if ('error' in outcome) throw new InputError(`The assistant: ${outcome.error.message}`, {cause: outcome.error});
      return unitVector(outcome.answer.features[feature]!.values);
    });
  };
  const [first] = await rowsOf([sample]);
  const dimensions = first!.length;
  return {
    name,
    hash: createHash('sha256')
      .update(identityText({...model.identity, feature}))
      .digest('hex'),
    dimensions,
    async encode(inputs) {
      const rows = new Float32Array(inputs.length * dimensions);
      for (const [row, values] of (await rowsOf(inputs)).entries()) rows.set(values, row * dimensions);
      return rows;
    },
    // The model is the recipe's.
    close() {},
  };
}

function contentOf(input: TensorInput): string {
  const {dtype, shape, bytes} = digestQuery({input});
  return `${dtype} ${shape.join()} ${bytes}`;
}

function tensorAt(inputs: Inputs, row: number): TensorInput {
  return inputAt(tensorsOf(inputs), row) as TensorInput;
}

/** @throws InputError if the inputs are no tensors */
function tensorsOf(inputs: Inputs): Inputs & {readonly kind: 'tensor'} {
  if (inputs.kind === 'tensor') return inputs;
  throw new InputError(`A feature of a model reads tensors, but the inputs are ${inputsOfKinds(inputs.kind)}.`);
}
