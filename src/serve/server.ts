import {once} from 'node:events';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {setImmediate} from 'node:timers/promises';
import {withBatches} from '../ask/batches.ts';
import {degrade} from '../ask/degrade.ts';
import {layerOver} from '../ask/layer.ts';
import {InputError} from '../errors.ts';
import type {Detail, Teacher} from '../teacher.ts';
import {closerOf} from './close.ts';
import {handle} from './http.ts';
import type {ServedInput} from './input-tensor.ts';
import type {ServedModel} from './open-inference.ts';
import {outputsFor} from './output-tensor.ts';

export interface ServeOptions {
  /** Name under which the model is served. */
  readonly model: string;
  /** The model's version, for example the hash of its weights. */
  readonly version: string;
  /** How much of the teacher is shown: scores or labels. */
  readonly access: 'gray-box' | 'black-box';
  /**
   * What every answer shows.
   *
   * @default labels for black-box; for gray-box all log-probabilities, or the k best of a teacher that gives no more
   */
  readonly detail?: Detail;
  /**
   * What the model takes. Described to clients, and requests of another type or shape are refused.
   *
   * @default anything, left to the teacher to refuse
   */
  readonly input?: ServedInput;
  /**
   * 0 takes a free port.
   *
   * @default 0
   */
  readonly port?: number;
  /** @default '127.0.0.1' */
  readonly host?: string;
  /**
   * What clients must send as `Authorization: Bearer`; health checks need none.
   *
   * @default none
   */
  readonly key?: string;
  /**
   * The largest body of a request, in bytes.
   *
   * @default 64 MiB
   */
  readonly maxBytes?: number;
  /** Closes the service when aborted. */
  readonly signal?: AbortSignal;
}

export interface Service {
  /** Address, without `/v2`. */
  readonly url: string;
  /** Takes no new requests, answers those under way, and ends. */
  close(): Promise<void>;
}

/**
 * Serves a teacher over HTTP by the Open Inference Protocol, version 2, and shows no more of it than `access` and
 * `detail` allow. Requests are answered one after another, as the teacher's `concurrency` says; between batches the
 * service answers health checks.
 *
 * @throws KnowledgeError where the teacher can't give what is to be shown; InputError where the port can't be had
 */
export async function serveTeacher(teacher: Teacher, options: ServeOptions): Promise<Service> {
  const {port = 0, host = '127.0.0.1', key, maxBytes = 64 * 2 ** 20, signal} = options;
  signal?.throwIfAborted();
  const model = servedModel(teacher, options);
  const server = createServer((request, response) => {
    void handle({model, key, maxBytes, server}, request, response);
  });
  const close = closerOf(server);
  server.listen(port, host);
  await once(server, 'listening').catch((cause: Error) => {
    throw new InputError(`Cannot serve on ${host}:${port}: ${cause.message}. Choose another port or host.`, {cause});
  });
  signal?.addEventListener('abort', () => void close(), {once: true});
  const {address, family, port: taken} = server.address() as AddressInfo;
  return {url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`, close};
}

function servedModel(teacher: Teacher, options: ServeOptions): ServedModel {
  const {model, version, access, input, detail = defaultDetail(access, teacher)} = options;
  const shown = degrade(teacher, {access, detail});
  const outputs = outputsFor(shown.detail, shown.classes);
  return {name: model, version, teacher: withBatches(withRests(shown)), input, outputs};
}

function defaultDetail(access: ServeOptions['access'], {detail}: Teacher): Detail {
  if (access === 'black-box') return {kind: 'label'};
  return detail.kind === 'top-k' ? detail : {kind: 'log-probabilities'};
}

/** Lets the process do other work before each batch: the engine computes without a pause. */
function withRests(teacher: Teacher): Teacher {
  return layerOver(teacher, {
    async ask(questions, options) {
      await setImmediate();
      return teacher.ask(questions, options);
    },
  });
}
