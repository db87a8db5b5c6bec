import {TeacherError} from '../../src/errors.ts';
import {loadPeer} from '../../src/peer.ts';
import type {Reply} from '../../src/teacher.ts';
import {WholeReply} from '../_wire/reply.ts';
import {type Connection, headersOf} from '../_wire/request.ts';
import {WAIT_ADVICE} from '../_wire/waiting.ts';
import {headOf, type Model, type Transport} from './client.ts';
import {encodeRequest, PROTOBUF} from './protobuf.ts';
import {encodeRaw} from './tensors.ts';

/** The part of the package @grpc/grpc-js that is used. */
interface Grpc {
  readonly Client: new (target: string, credentials: object, options: object) => GrpcClient;
  readonly Metadata: new () => Metadata;
  readonly credentials: {createInsecure(): object; createSsl(): object};
  /** Names of status codes by number. */
  readonly status: {readonly [code: number]: string};
}

interface GrpcClient {
  makeUnaryRequest(
    path: string,
    serialize: (message: Buffer) => Buffer,
    deserialize: (bytes: Buffer) => Buffer,
    message: Buffer,
    metadata: Metadata,
    options: {readonly deadline: number},
    callback: (error: Error | null, response?: Buffer) => void,
  ): Call;
}

interface Metadata {
  set(name: string, value: string): void;
  getMap(): Readonly<Record<string, string | Buffer>>;
}

interface Status {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

interface Call {
  cancel(): void;
  on(event: 'metadata', listener: () => void): unknown;
  on(event: 'status', listener: (status: Status) => void): unknown;
}

const METHOD = '/inference.GRPCInferenceService/ModelInfer';

/**
 * The protocol over gRPC. An idle connection keeps no process alive.
 *
 * @param address - of the service: `grpc://host:port`, or `grpcs://` for TLS
 */
export function grpcTransport(address: string, target: Model): Transport {
  const {connection, model, version, outputs} = target;
  const url = new URL(address);
  const isSecure = url.protocol === 'grpcs:';
  let opened: Promise<{readonly grpc: Grpc; readonly client: GrpcClient}> | undefined;
  const open = async () => {
    const grpc = await loadPeer<Grpc>('@grpc/grpc-js', 'The adapter open-inference');
    const credentials = isSecure ? grpc.credentials.createSsl() : grpc.credentials.createInsecure();
    const host = `dns:${url.hostname}:${url.port || (isSecure ? 443 : 80)}`;
    const {socketPath} = connection;
    const location = socketPath === undefined ? host : `unix:${socketPath}`;
    return {grpc, client: new grpc.Client(location, credentials, channelOptions(connection))};
  };
  return {
    async prepare({inputs}, signal) {
      signal?.throwIfAborted();
      opened ??= open();
      const {grpc, client} = await opened;
      return () => {
        const input = headOf(inputs, target.input);
        const bytes = encodeRaw(inputs, input.datatype);
        const message = encodeRequest({model, version, input, bytes, outputs});
        const call = () => callOnce({grpc, client, connection, url}, message, signal);
        const {waiting} = connection;
        return waiting?.isPatient ? waiting.through(call, signal) : call();
      };
    },
    models: async () => undefined,
  };
}

/**
 * Turns off the library's retries, because the core retries at its own pace. The library reads the variables of proxies
 * itself.
 */
function channelOptions({maxReply}: Connection): object {
  return {
    'grpc.max_receive_message_length': maxReply,
    'grpc.max_send_message_length': -1,
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
    'grpc.service_config_disable_resolution': 1,
  };
}

interface Route {
  readonly grpc: Grpc;
  readonly client: GrpcClient;
  readonly connection: Connection;
  readonly url: URL;
}

/**
 * Makes one call.
 *
 * @returns the message in base64; for a refusal, the HTTP status of its code
 * @throws TeacherError if no whole reply comes; the signal's reason after an abort
 */
async function callOnce(route: Route, message: Buffer, signal?: AbortSignal): Promise<Reply> {
  signal?.throwIfAborted();
  const {grpc, client, connection, url} = route;
  const metadata = new grpc.Metadata();
  const headers = headersOf(connection, {method: 'POST', url, headers: {}});
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve, reject) => {
    let response: Buffer | undefined;
    let hasHeaders = false;
    const same = (bytes: Buffer): Buffer => bytes;
    const options = {deadline: Date.now() + connection.timeout};
    const call = client.makeUnaryRequest(METHOD, same, same, message, metadata, options, (_error, bytes) => {
      response = bytes;
    });
    const onAbort = (): void => {
      reject(signal?.reason);
      call.cancel();
    };
    signal?.addEventListener('abort', onAbort);
    call.on('metadata', () => {
      hasHeaders = true;
    });
    call.on('status', status => {
      signal?.removeEventListener('abort', onAbort);
      const end = {status, code: grpc.status[status.code] ?? 'UNKNOWN', response, hasHeaders};
      if (isFromService(end, connection)) resolve(replyOf(end));
      else reject(failureOf(end, route));
    });
  });
}

/** The end of a call. */
interface End {
  readonly status: Status;
  /** The name of its status code. */
  readonly code: string;
  readonly response: Buffer | undefined;
  /** True if the service had begun to answer. */
  readonly hasHeaders: boolean;
}

/** The library's own messages if a call ends after the service has begun to answer. */
const CUT_SHORT =
  /^(Connection dropped|Received RST_STREAM|Stream refused|Call cancelled|Deadline exceeded after|(read|write) E[A-Z]+$)/;

function isFromService({status, hasHeaders}: End, {maxReply}: Connection): boolean {
  const isAnswered = hasHeaders || Object.keys(status.metadata.getMap()).length > 0;
  return isAnswered && !CUT_SHORT.test(status.details) && !isReplyTooLong(status, maxReply);
}

/** The library names its own limit. A service that finds the request too long names the service's. */
function isReplyTooLong({details}: Status, maxReply: number): boolean {
  return details.startsWith('Received message larger than max') && details.endsWith(` vs ${maxReply})`);
}

/** The HTTP statuses of status codes, as in Google's `code.proto`. */
const STATUSES: Readonly<Record<string, number>> = {
  OK: 200,
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

function replyOf({status, code, response}: End): Reply {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(status.metadata.getMap())) headers[name] = String(value);
  if (response) return new WholeReply(200, {...headers, 'content-type': PROTOBUF}, response.toString('base64'));
  // A request that is too long has no code of its own.
  const isTooLong = code === 'RESOURCE_EXHAUSTED' && /larger than max|exceeds maximum/i.test(status.details);
  const body = JSON.stringify({code, error: status.details});
  return new WholeReply(isTooLong ? 413 : (STATUSES[code] ?? 500), headers, body);
}

/** Messages of the library for calls that never had a connection. */
const UNSENT = /^No connection established|^Name resolution failed|Waiting for (LB pick|name resolution)/;

function failureOf({status, code}: End, {connection, url}: Route): TeacherError {
  const {name, timeout, maxReply} = connection;
  const inDoubt = !UNSENT.test(status.details);
  if (isReplyTooLong(status, maxReply)) {
    const problem = `Its reply is longer than ${maxReply} bytes. Lower \`maxBatch\` or raise \`maxReply\`.`;
    return new TeacherError(name, problem, {status: 200, unreadable: true, inDoubt});
  }
  const problem =
    code === 'DEADLINE_EXCEEDED'
      ? `It did not answer within ${timeout} ms. Raise \`timeout\` or lower \`maxBatch\`.`
      : noConnection(status.details, code, url);
  return new TeacherError(name, problem, {retryable: true, inDoubt, cause: causeOf(status)});
}

/** Returns the code of the system, which the library leaves in its message. */
function causeOf({details}: Status): Error {
  return Object.assign(new Error(details), {code: /E[A-Z]{4,}/.exec(details)?.[0]});
}

function noConnection(details: string, code: string, {host, protocol}: URL): string {
  if (/^Name resolution failed|ENOTFOUND/.test(details)) return `There is no host ${host}. Check \`url\`.`;
  if (details.includes('ECONNREFUSED')) {
    return `Nothing answers at ${host}. Check \`url\`, and that the service runs. ${WAIT_ADVICE}`;
  }
  if (/certificate/i.test(details)) {
    return `The certificate of ${host} can not be verified. Check \`url\`; NODE_EXTRA_CA_CERTS can name its authority.`;
  }
  return `The connection to ${host} failed (${code}). Check the network, and that \`url\` rightly starts with ${protocol}//.`;
}
