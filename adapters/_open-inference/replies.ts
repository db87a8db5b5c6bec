import {z} from 'zod';
import type {Receipt, Reply} from '../../src/teacher.ts';
import {parseOnce} from '../_wire/reply.ts';
import {parsedOnce} from '../_wire/whole-reply.ts';
import {decodeResponse, PROTOBUF} from './protobuf.ts';
import {decodeRaw, type InferReply, type Tensor} from './tensors.ts';

/**
 * Parses a reply of the protocol: JSON, JSON followed by tensors as bytes, or a message of gRPC.
 *
 * @param name - the teacher's name, for messages
 * @returns undefined if it is something else
 * @throws TeacherError if it should be JSON and is not
 */
export function parseReply(name: string, reply: Reply): InferReply | undefined {
  return parsedOnce(reply, whole => {
    const type = String(whole.headers['content-type']);
    if (type.startsWith(PROTOBUF)) return decodeResponse(Buffer.from(whole.body, 'base64'));
    return parseRest(name, whole, type.startsWith('application/octet-stream'));
  });
}

/** Returns the model that a reply names as its author. Never throws. */
export function receiptOf(reply: Reply): Receipt {
  try {
    const {model, version: fingerprint} = parseReply('', reply) ?? {};
    return {...(model && {model}), ...(fingerprint && {fingerprint})};
  } catch {
    return {};
  }
}

const replySchema = z.object({
  model_name: z.string().nullish(),
  model_version: z.string().nullish(),
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.string().optional(),
      shape: z.array(z.number().int().min(0)),
      parameters: z.object({binary_data_size: z.number().int().min(0).optional()}).nullish(),
      data: z.custom<readonly unknown[]>(Array.isArray).optional(),
    }),
  ),
});

const NO_BYTES = Buffer.alloc(0);

function parseRest(name: string, reply: Reply, isBinary: boolean): InferReply | undefined {
  const bytes = isBinary ? Buffer.from(reply.body, 'base64') : NO_BYTES;
  const headSize = Number(reply.headers[HEAD_SIZE] ?? bytes.length);
  const head = isBinary ? {...reply, body: bytes.toString('utf8', 0, headSize)} : reply;
  const {data: parsed} = replySchema.safeParse(parseOnce(name, head));
  if (!parsed) return undefined;
  const outputs: Tensor[] = [];
  let at = headSize;
  for (const {name, datatype = '', shape, parameters, data} of parsed.outputs) {
    const start = at;
    if (!data) at += parameters?.binary_data_size ?? 0;
    const values = data ? flat(data) : decodeRaw(bytes.subarray(start, at), datatype);
    if (!values || at > bytes.length) return undefined;
    outputs.push({name, shape, data: values});
  }
  return {model: parsed.model_name, version: parsed.model_version, outputs};
}

/** Header with the length of the JSON at the start of a body that goes on with bytes. */
export const HEAD_SIZE = 'inference-header-content-length';

function flat(data: readonly unknown[]): readonly unknown[] {
  return data.some(Array.isArray) ? data.flat(Number.POSITIVE_INFINITY) : data;
}
