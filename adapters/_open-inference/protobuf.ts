/** The messages of the protocol's gRPC API that queries need, from its `grpc_predict_v2.proto`. */
import {PbfReader, PbfWriter} from 'pbf';
import {decodeRaw, type InferReply, type Tensor, type TensorHead} from './tensors.ts';

/** The content type of a message. */
export const PROTOBUF = 'application/grpc';

interface InferRequest {
  readonly model: string;
  readonly version: string | undefined;
  readonly input: TensorHead;
  /** The input's values; see `encodeRaw`. */
  readonly bytes: Uint8Array;
  /** Names of the outputs to return. */
  readonly outputs: readonly string[];
}

/** Encodes a `ModelInferRequest`. */
export function encodeRequest({model, version, input, bytes, outputs}: InferRequest): Buffer {
  const writer = new PbfWriter();
  writer.writeStringField(1, model);
  if (version !== undefined) writer.writeStringField(2, version);
  writer.writeMessage(5, writeInput, input);
  for (const output of outputs) writer.writeMessage(6, writeOutput, output);
  writer.writeBytesField(7, bytes);
  return Buffer.from(writer.finish());
}

function writeInput({name, datatype, shape, parameters}: TensorHead, writer: PbfWriter): void {
  writer.writeStringField(1, name);
  writer.writeStringField(2, datatype);
  writer.writePackedVarint(3, [...shape]);
  for (const [key, value] of Object.entries(parameters ?? {})) writer.writeMessage(4, writeParameter, {key, value});
}

function writeParameter({key, value}: {readonly key: string; readonly value: string}, writer: PbfWriter): void {
  writer.writeStringField(1, key);
  writer.writeMessage(2, (text: string, inner: PbfWriter) => inner.writeStringField(3, text), value);
}

function writeOutput(name: string, writer: PbfWriter): void {
  writer.writeStringField(1, name);
}

interface Output {
  name: string;
  datatype: string;
  shape: number[];
  data: (number | string)[];
}

/** Decodes a `ModelInferResponse`; undefined if it is none. */
export function decodeResponse(bytes: Uint8Array): InferReply | undefined {
  const found: {model: string; version: string; outputs: Output[]; raw: Uint8Array[]} = {
    model: '',
    version: '',
    outputs: [],
    raw: [],
  };
  try {
    new PbfReader(bytes).readFields((field, result, reader) => {
      if (field === 1) result.model = reader.readString();
      else if (field === 2) result.version = reader.readString();
      else if (field === 5) result.outputs.push(readOutput(reader));
      else if (field === 6) result.raw.push(reader.readBytes());
    }, found);
  } catch {
    return undefined;
  }
  const {model, version, raw} = found;
  const outputs: Tensor[] = [];
  for (const [index, {name, datatype, shape, data}] of found.outputs.entries()) {
    // Either all outputs come as bytes, or none does.
    const values = raw.length === 0 ? data : decodeRaw(raw[index] ?? new Uint8Array(), datatype);
    if (values === undefined) return undefined;
    outputs.push({name, shape, data: values});
  }
  return {model, version, outputs};
}

function readOutput(reader: PbfReader): Output {
  const output: Output = {name: '', datatype: '', shape: [], data: []};
  return reader.readMessage((field, result, inner) => {
    if (field === 1) result.name = inner.readString();
    else if (field === 2) result.datatype = inner.readString();
    else if (field === 3) inner.readPackedVarint(result.shape, true);
    else if (field === 5) inner.readMessage(readContents, result.data);
  }, output);
}

/** The datatype decides which of these fields is set. */
function readContents(field: number, data: (number | string)[], reader: PbfReader): void {
  const numbers = data as number[];
  if (field === 1 || field === 4 || field === 5) reader.readPackedVarint(numbers);
  else if (field === 2 || field === 3) reader.readPackedVarint(numbers, true);
  else if (field === 6) reader.readPackedFloat(numbers);
  else if (field === 7) reader.readPackedDouble(numbers);
  else if (field === 8) data.push(reader.readString());
}
