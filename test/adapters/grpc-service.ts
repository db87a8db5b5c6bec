import {once} from 'node:events';
import {createServer, type ServerHttp2Stream} from 'node:http2';
import type {AddressInfo, Socket} from 'node:net';
import {Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData} from '@grpc/grpc-js';
import {PbfReader, PbfWriter} from 'pbf';
import {afterEach} from 'vitest';

export type Call = ServerUnaryCall<Buffer, Buffer>;

/** Answers one call, or never. */
export type Handler = (call: Call, reply: sendUnaryData<Buffer>) => void;

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** Starts a service of the library's own, until the end of the test. */
export async function grpcService(handler: Handler): Promise<string> {
  const {server, port} = await startGrpc(handler);
  stops.push(() => server.forceShutdown());
  return `grpc://127.0.0.1:${port}`;
}

/**
 * Starts a service; the caller stops it.
 *
 * @param at - its port, 0 for any; or its whole address
 */
export async function startGrpc(
  handler: Handler,
  at: number | string = 0,
): Promise<{readonly server: Server; readonly port: number}> {
  const server = new Server();
  const same = (bytes: Buffer): Buffer => bytes;
  const serialization = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  const path = '/inference.GRPCInferenceService/ModelInfer';
  const ModelInfer = {path, requestStream: false, responseStream: false, ...serialization};
  server.addService({ModelInfer}, {ModelInfer: handler});
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      typeof at === 'string' ? at : `127.0.0.1:${at}`,
      ServerCredentials.createInsecure(),
      (error, bound) => (error ? reject(error) : resolve(bound)),
    );
  });
  return {server, port};
}

/** Starts a server of bare HTTP/2, for what no library's own server would do, until the end of the test. */
export async function http2Service(handle: (stream: ServerHttp2Stream) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('stream', stream => {
    stream.on('error', () => {});
    handle(stream);
  });
  server.on('session', session => session.on('error', () => {}));
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `grpc://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The tests' query to the model. */
export interface Asked {
  readonly model: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export function readRequest(message: Uint8Array): Asked {
  const shape: number[] = [];
  return new PbfReader(message).readFields(
    (field, asked: {model: string; shape: number[]; values: Float32Array}, reader) => {
      if (field === 1) asked.model = reader.readString();
      if (field === 5) reader.readMessage((inner, into, at) => inner === 3 && at.readPackedVarint(into), shape);
      if (field === 7) asked.values = new Float32Array(Uint8Array.from(reader.readBytes()).buffer);
    },
    {model: '', shape, values: new Float32Array()},
  );
}

/** A reply with one output `y` of 32-bit floats, as bytes. */
export function writeReply(shape: readonly number[], values: Float32Array, version = '7'): Buffer {
  const writer = new PbfWriter();
  writer.writeStringField(1, 'colours');
  writer.writeStringField(2, version);
  writer.writeMessage(
    5,
    (_, output: PbfWriter) => {
      output.writeStringField(1, 'y');
      output.writeStringField(2, 'FP32');
      output.writePackedVarint(3, [...shape]);
    },
    undefined,
  );
  writer.writeBytesField(6, new Uint8Array(values.buffer));
  return Buffer.from(writer.finish());
}
