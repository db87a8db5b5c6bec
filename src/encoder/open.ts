import {createHash} from 'node:crypto';
import {encodeInBatches} from './batches.ts';
import type {Encoder} from './encoder.ts';
import {type EncoderFolder, readFolder} from './folder.ts';

/**
 * Opens a frozen local text encoder. Nothing is downloaded.
 *
 * @param nameOrFolder - a name that `limbeck encoder add` fetched, or a folder in Hugging Face's layout: `config.json`,
 * `tokenizer.json`, `tokenizer_config.json`, and `model.safetensors` of an encoder of the architecture BERT, RoBERTa or
 * XLM-RoBERTa, or `onnx/model.onnx` of any. ONNX needs the package `@huggingface/transformers`. The pooling is that of
 * `1_Pooling/config.json`, else the mean.
 * @throws InputError if it is not there, damaged, or asks for what is not computed here
 */
export async function openEncoder(nameOrFolder: string): Promise<Encoder> {
  return openFolder(readFolder(nameOrFolder), nameOrFolder);
}

/** The `hash` that an encoder has when it is open. Throws as `openEncoder` does, but loads nothing. */
export function encoderHash(nameOrFolder: string): string {
  return hashOf(readFolder(nameOrFolder));
}

/**
 * Opens an encoder whose weights are loaded when it first encodes a text. If all texts are kept, that is never. Its files
 * are hashed at once.
 *
 * @throws InputError as `openEncoder` does; if its weights or its tokenizer don't load, when it encodes
 */
export function openOnDemand(nameOrFolder: string): Encoder {
  const folder = readFolder(nameOrFolder);
  let opened: Promise<Encoder> | undefined;
  return {
    name: nameOrFolder,
    hash: hashOf(folder),
    dimensions: folder.dimensions,
    async encode(texts, options) {
      opened ??= openFolder(folder, nameOrFolder);
      return (await opened).encode(texts, options);
    },
    async close() {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

/** Opens an encoder whose settings were read. */
export async function openFolder(folder: EncoderFolder, name: string): Promise<Encoder> {
  const {dimensions, file} = folder;
  // Loaded on demand, because most programs encode nothing.
  const model = file.endsWith('.onnx')
    ? await (await import('./onnx.ts')).openOnnx(folder)
    : await (await import('./bert.ts')).openBert(folder);
  return {
    name,
    hash: hashOf(folder),
    dimensions,
    encode: (texts, options) => encodeInBatches(model, texts, folder, options),
    close: () => model.close(),
  };
}

/** Of the files, and of the settings that decide vectors and are elsewhere. */
function hashOf({hash, output, pooling, tokens, length}: EncoderFolder): string {
  return createHash('sha256')
    .update(JSON.stringify([hash, output, pooling, tokens, length]))
    .digest('hex');
}
