import {z} from 'zod';
import type {Reply} from '../../src/teacher.ts';
import {parseJson} from '../_wire/reply.ts';
import {type Connection, exchangeOnce, getJson, postJson} from '../_wire/request.ts';
import type {Model, Send, Transport} from './client.ts';
import {type Batch, headOf, valuesOf} from './inputs.ts';
import {HEAD_SIZE} from './replies.ts';
import {encodeRaw} from './tensors.ts';

/** True if tensors go as bytes, by the protocol's binary extension. `auto` asks the service whether it has it. */
export type Binary = boolean | 'auto';

/**
 * The protocol over HTTP.
 *
 * @param address - of the service, without a trailing slash
 */
export function restTransport(address: string, binary: Binary, target: Model): Transport {
  const {connection, model, version} = target;
  const suffix = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
  const url = new URL(`${address}/v2/models/${encodeURIComponent(model)}${suffix}/infer`);
  const index = new URL(`${address}/v2/repository/index`);
  const hasExtension = extensionProbe(connection, new URL(`${address}/v2`));
  return {
    prepare(batch, signal) {
      const sender = (isBinary: boolean): Send =>
        isBinary
          ? () => postBinary(target, url, batch, signal)
          : () => postJson(connection, url, jsonBody(target, batch), {signal});
      // Texts are as short in JSON as in bytes, and all servers accept them in JSON.
      const isAsked = binary === 'auto' && batch.inputs[0]!.kind === 'tensor';
      return isAsked ? hasExtension(signal).then(sender) : sender(binary === true);
    },
    models: async signal => {
      try {
        return modelsIn(connection.name, await postJson(connection, index, {}, {signal}));
      } catch {
        return undefined;
      }
    },
  };
}

/** Models of KServe's own server often reply with the identifier that they got, and fail without one. */
const ID = 'limbeck';

function jsonBody({input, outputs}: Model, {inputs}: Batch): object {
  return {
    id: ID,
    inputs: [{...headOf(inputs, input), data: valuesOf(inputs)}],
    outputs: outputs.map(name => ({name})),
  };
}

async function postBinary(
  {connection, input, outputs}: Model,
  url: URL,
  {inputs}: Batch,
  signal?: AbortSignal,
): Promise<Reply> {
  const tensor = headOf(inputs, input);
  const bytes = encodeRaw(inputs, tensor.datatype);
  const parameters = {...tensor.parameters, binary_data_size: bytes.length};
  const head = Buffer.from(
    JSON.stringify({
      id: ID,
      inputs: [{...tensor, parameters}],
      outputs: outputs.map(name => ({name, parameters: {binary_data: true}})),
    }),
  );
  const headers = {'content-type': 'application/octet-stream', [HEAD_SIZE]: String(head.length)};
  return exchangeOnce(connection, {method: 'POST', url, headers, body: Buffer.concat([head, bytes])}, signal);
}

/** Milliseconds to wait for the service's metadata, which is not needed for a query. */
const PROBE_TIMEOUT = 5000;

/** Returns whether the service takes tensors as bytes. It asks once, and again only if no reply came. */
function extensionProbe(connection: Connection, url: URL): (signal?: AbortSignal) => Promise<boolean> {
  const timeout = Math.min(connection.timeout, PROBE_TIMEOUT);
  let known: Promise<boolean> | undefined;
  const probe = async (): Promise<boolean> => {
    const reply = await getJson({...connection, timeout}, url).catch(() => undefined);
    if (reply === undefined) known = undefined;
    return reply?.status === 200 && extensionsIn(connection.name, reply).includes('binary_tensor_data');
  };
  return signal => {
    known ??= probe();
    return orAborted(known, signal);
  };
}

/** Stops waiting at an abort, but does not stop the work, because others can wait for it too. */
async function orAborted<T>(waited: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return waited;
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
  });
  return Promise.race([waited, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}

const metadataSchema = z.object({extensions: z.array(z.string())});
const indexSchema = z.array(z.object({name: z.string(), version: z.string().nullish()}));

function extensionsIn(name: string, reply: Reply): readonly string[] {
  try {
    return metadataSchema.parse(parseJson(name, reply)).extensions;
  } catch {
    return [];
  }
}

function modelsIn(name: string, reply: Reply): readonly string[] | undefined {
  const index = indexSchema.safeParse(parseJson(name, reply)).data;
  return index?.map(({name, version}) => (version ? `${name} (version ${version})` : name));
}
