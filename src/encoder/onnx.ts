import {dirname} from 'node:path';
import {InputError} from '../errors.ts';
import {loadPeer} from '../peer.ts';
import type {EncoderModel} from './encoder.ts';
import type {EncoderFolder} from './folder.ts';

/** The parts of `@huggingface/transformers` that are used. */
interface TransformersJs {
  readonly AutoTokenizer: {from_pretrained(path: string, options: object): Promise<Tokenizer>};
  readonly AutoModel: {from_pretrained(path: string, options: object): Promise<Model>};
  readonly Tensor: new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => unknown;
}

interface Encoding {
  readonly input_ids: {readonly dims: readonly number[]; readonly data: BigInt64Array};
}

type Tokenizer = (texts: readonly string[], options: object) => Encoding;

interface Model {
  (encoding: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, States | undefined>>>;
  dispose(): Promise<unknown>;
}

interface States {
  readonly dims: readonly number[];
  readonly data: unknown;
}

/**
 * Opens an encoder that is an ONNX model.
 *
 * @throws InputError if the package that runs it is missing
 */
export async function openOnnx(folder: EncoderFolder): Promise<EncoderModel> {
  const {path, file, tokens, length} = folder;
  const {AutoTokenizer, AutoModel, Tensor} = await loadPeer<TransformersJs>(
    '@huggingface/transformers',
    'An encoder that is an ONNX model',
  );
  const local = {local_files_only: true};
  const tokenizer = await AutoTokenizer.from_pretrained(path, local);
  const model = await AutoModel.from_pretrained(path, {
    ...local,
    device: 'cpu',
    dtype: 'fp32',
    subfolder: dirname(file) === '.' ? '' : dirname(file),
    model_file_name: file.replace(/^.*\/|\.onnx$/g, ''),
  });
  return {
    // Without padding, a text has the same bits in every batch.
    step: 1,
    tokensOf(text) {
      const {input_ids: ids} = tokenizer([text.slice(0, length)], {truncation: true, max_length: tokens});
      return Array.from(ids.data, Number);
    },
    async statesOf(batch) {
      const dims = [batch.length, batch[0]!.length];
      const tensor = (values: readonly number[]): unknown =>
        new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
      const ids = batch.flat();
      const outputs = await model({
        input_ids: tensor(ids),
        attention_mask: tensor(ids.map(() => 1)),
        token_type_ids: tensor(ids.map(() => 0)),
      });
      return statesIn(outputs, dims, folder);
    },
    close: async () => void (await model.dispose()),
  };
}

function statesIn(
  outputs: Readonly<Record<string, States | undefined>>,
  [count, length]: readonly number[],
  {path, output, dimensions}: EncoderFolder,
): Float32Array {
  const states = outputs[output];
  if (states === undefined) {
    throw new InputError(`The model in ${path} gives no \`${output}\`. It gives: ${Object.keys(outputs).join(', ')}.`);
  }
  const {dims, data} = states;
  if (dims.join() === [count, length, dimensions].join() && data instanceof Float32Array) return data;
  throw new InputError(
    `\`${output}\` of the model in ${path} is [${dims.join(', ')}]. Expected [${count}, ${length}, ${dimensions}] of 32-bit floats. Name the tensor with the states of the tokens.`,
  );
}
