import {z} from 'zod';
import {once, untilAborted} from '../../src/concurrency.ts';
import {InputError} from '../../src/errors.ts';
import type {Reply} from '../../src/teacher.ts';
import {parseJson} from '../_wire/reply.ts';
import {type Connection, checkAddress, exchangeOnce, getJson, postJson} from '../_wire/request.ts';
import {type Batch, headOf, type Model, type Send, type Transport, valuesOf} from './client.ts';
import {grpcTransport} from './grpc.ts';
import {HEAD_SIZE} from './replies.ts';
import {encodeRaw} from './tensors.ts';

/** The options that apply only to HTTP. */
interface HttpOptions {
  readonly binary?: Binary;
  readonly dispatcher?: object;
  readonly http2?: boolean;
}

/**
 * Checks the address of a service.
 *
 * @returns the address without a trailing slash
 * @throws InputError if it can't be used, or not with these options
 */
export function checkServiceUrl(address: string, {binary, dispatcher, http2}: HttpOptions): string {
  const checked = checkAddress(overHttp(address));
  if (!isGrpc(address)) return checked;
  const {host, pathname} = new URL(checked);
  if (pathname !== '/') throw new InputError(`The \`url\` of ${host} has a path, which gRPC has not. Leave it out.`);
  if (binary !== undefined || dispatcher !== undefined || http2 !== undefined) {
    throw new InputError('`binary`, `dispatcher` and `http2` are for HTTP, and `url` says gRPC. Leave them out.');
  }
  return address.replace(/\/+$/, '').toLowerCase();
}

/** Returns the address as HTTP, which gRPC uses underneath. */
export function overHttp(address: string): string {
  return address.replace(/^grpc(?=s?:)/i, 'http');
}

function isGrpc(address: string): boolean {
  return overHttp(address) !== address;
}

/** Returns the transport of an address. It is opened, and the address is asked for, at the first use. */
export function transportTo(
  url: string | (() => Promise<string>),
  options: HttpOptions,
  model: Model,
): () => Promise<Transport> {
  // After a failure the next attempt asks again.
  return once(async () => {
    const address = checkServiceUrl(typeof url === 'string' ? url : await url(), options);
    return isGrpc(address) ? grpcTransport(address, model) : restTransport(address, options.binary ?? 'auto', model);
  });
}

/** True if tensors go as bytes, by the protocol's binary extension. `auto` asks the service whether it has it. */
type Binary = boolean | 'auto';

/**
 * The protocol over HTTP.
 *
 * @param address - of the service, without a trailing slash
 */
function restTransport(address: string, binary: Binary, target: Model): Transport {
  const {connection, model, version} = target;
  const suffix = version === undefined ? '' : `/versions/${encodeURIComponent(version)}`;
  const url = new URL(`${address}/v2/models/${encodeURIComponent(model)}${suffix}/infer`);
  const index = new URL(`${address}/v2/repository/index`);
  const hasExtension = extensionProbe(connection, new URL(`${address}/v2`));
  const ready = readiness(connection, new URL(`${address}/v2/health/ready`));
  return {
    prepare(batch, signal) {
      const sender = (isBinary: boolean): Send =>
        isBinary
          ? () => postBinary(target, url, batch, signal)
          : () => postJson(connection, url, jsonBody(target, batch), {signal});
      // Texts are as short in JSON as in bytes, and all servers accept them in JSON.
      const isAsked = binary === 'auto' && batch.inputs[0]!.kind === 'tensor';
      const prepared = () => (isAsked ? hasExtension(signal).then(sender) : sender(binary === true));
      return connection.waiting?.isPatient ? ready(signal).then(prepared) : prepared();
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

/** Servers without the endpoint of readiness say so. */
const WITHOUT_READINESS = [404, 405, 501];

/** Returns what waits until the server says that its models are loaded. */
function readiness(connection: Connection, url: URL): (signal?: AbortSignal) => Promise<void> {
  const {waiting, ...impatient} = connection;
  const isLoading = ({status}: Reply) => status !== 200 && !WITHOUT_READINESS.includes(status);
  let isReady = false;
  return async signal => {
    if (isReady) return;
    await waiting!.through(() => getJson(impatient, url, signal), signal, isLoading);
    isReady = true;
  };
}

/** Milliseconds to wait for the service's metadata, which is not needed for a query. */
const PROBE_TIMEOUT = 5000;

/** Returns whether the service takes tensors as bytes. It asks once, and again only if no reply came. */
function extensionProbe(connection: Connection, url: URL): (signal?: AbortSignal) => Promise<boolean> {
  const timeout = Math.min(connection.timeout, PROBE_TIMEOUT);
  const probe = once(async () => {
    const reply = await getJson({...connection, timeout}, url);
    return reply.status === 200 && extensionsIn(connection.name, reply).includes('binary_tensor_data');
  });
  return signal =>
    untilAborted(
      probe().catch(() => false),
      signal,
    );
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
