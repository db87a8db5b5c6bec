import {once} from 'node:events';
import type {IncomingMessage} from 'node:http';
import {setTimeout} from 'node:timers/promises';
import type {BodyRoom} from './body-room.ts';
import {RequestFailure} from './failure.ts';
import {JsonMeter} from './json-meter.ts';

/** What the bodies of requests may be. */
export interface BodyLimits {
  /** Bytes of one body. */
  readonly maxBytes: number;
  /** Values in the JSON of one body. */
  readonly maxValues: number;
  /** For the bodies of all requests under way. */
  readonly room: BodyRoom;
  /** Milliseconds without a byte after which a body is waited for no longer. */
  readonly patience: number;
}

/** `application/json` and what is built on it, with any parameters. A page elsewhere may not send these unasked. */
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/** Milliseconds in which the rest of a body may come that was refused. */
const DRAINED = 1000;

/** The body of one request, which takes its room until it is released. */
export class RequestBody {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  #taken = 0;

  constructor(request: IncomingMessage, limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
  }

  /**
   * Reads the body as JSON.
   *
   * @throws RequestFailure where it is too large, is no JSON, or does not come
   */
  async json(): Promise<unknown> {
    const {maxBytes} = this.#limits;
    if (Number(this.#request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const bytes = await this.#read();
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch {
      throw new RequestFailure(400, 'The body is not JSON.');
    }
  }

  /** Lets what was refused come to its end, for a while: a client that still sends reads no reply. */
  async drain(): Promise<void> {
    const request = this.#request;
    if (request.complete || request.destroyed) return;
    request.resume();
    const end = new AbortController();
    const ended = once(request, 'close', {signal: end.signal});
    await Promise.race([ended, setTimeout(DRAINED, undefined, {signal: end.signal})]).catch(() => {});
    end.abort();
  }

  /** Gives its room back; called when nothing of the body is needed any more. */
  release(): void {
    this.#limits.room.giveBack(this.#taken);
    this.#taken = 0;
  }

  async #read(): Promise<Buffer> {
    const {maxBytes, maxValues, room} = this.#limits;
    const meter = new JsonMeter(maxValues);
    const chunks: Buffer[] = [];
    await this.#eachChunk(chunk => {
      if (this.#taken + chunk.length > maxBytes) throw tooLarge(maxBytes);
      room.take(chunk.length);
      this.#taken += chunk.length;
      meter.add(chunk);
      chunks.push(chunk);
    });
    return Buffer.concat(chunks);
  }

  /** Leaves the connection as it is if a chunk is refused, since the refusal goes out on it. */
  #eachChunk(take: (chunk: Buffer) => void): Promise<void> {
    const request = this.#request;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        request.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
        settle();
      };
      const onData = (chunk: Buffer) => {
        timer.refresh();
        try {
          take(chunk);
        } catch (error) {
          request.pause();
          end(() => reject(error));
        }
      };
      const onEnd = () => end(resolve);
      const onError = (error: Error) => end(() => reject(error));
      const onClose = () => onError(new Error('The connection was closed.'));
      const timer = globalThis.setTimeout(() => onError(tooSlow()), this.#limits.patience);
      request.on('data', onData).once('end', onEnd).once('error', onError).once('close', onClose);
    });
  }
}

/** @throws RequestFailure 415 where the body of a request is of another type than JSON, or says none */
export function checkType({headers}: IncomingMessage): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody || JSON_TYPE.test(headers['content-type'] ?? '')) return;
  throw new RequestFailure(415, 'The body is to be JSON. Send it with `Content-Type: application/json`.', {
    code: 'unsupported_media_type',
  });
}

function tooLarge(maxBytes: number): RequestFailure {
  return new RequestFailure(413, `The body is larger than ${maxBytes} bytes. Send fewer inputs at once.`);
}

function tooSlow(): RequestFailure {
  return new RequestFailure(408, 'The body did not come in time. Send it again.');
}
