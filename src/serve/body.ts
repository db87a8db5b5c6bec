import {once} from 'node:events';
import type {IncomingMessage} from 'node:http';
import {setTimeout} from 'node:timers/promises';
import {RequestFailure} from './router.ts';

/** Limits of request bodies. */
export interface BodyLimits {
  /** Bytes of one body. */
  readonly maxBytes: number;
  /** JSON values in one body. */
  readonly maxValues: number;
  /** Shared by the bodies of all requests under way. */
  readonly room: BodyRoom;
  /** Milliseconds without a byte after which the service stops waiting for a body. */
  readonly patience: number;
}

/**
 * `application/json` and the types built on it, with any parameters. Pages of other origins can't send these without a
 * preflight.
 */
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/** Milliseconds for which the rest of a refused body is still read. */
const DRAINED = 1000;

/** The body of one request. It holds its share of the room until it is released. */
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
   * @throws RequestFailure if it is too large, isn't JSON, or doesn't arrive in time
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

  /** Reads on for a while after a refusal, because a client that is still sending doesn't read the reply. */
  async drain(): Promise<void> {
    const request = this.#request;
    if (request.complete || request.destroyed) return;
    request.resume();
    const end = new AbortController();
    const ended = once(request, 'close', {signal: end.signal});
    await Promise.race([ended, setTimeout(DRAINED, undefined, {signal: end.signal})]).catch(() => {});
    end.abort();
  }

  /** Gives its room back. Called when nothing of the body is needed any more. */
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

  /** Leaves the connection open if a chunk is refused, because the refusal is sent on it. */
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

/** @throws RequestFailure 415 if a request has a body whose type is missing or not JSON */
export function checkType({headers}: IncomingMessage): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody || JSON_TYPE.test(headers['content-type'] ?? '')) return;
  throw new RequestFailure(415, 'The body must be JSON. Send it with `Content-Type: application/json`.', {
    code: 'unsupported_media_type',
  });
}

function tooLarge(maxBytes: number): RequestFailure {
  return new RequestFailure(413, `The body is larger than ${maxBytes} bytes. Send fewer inputs at once.`);
}

function tooSlow(): RequestFailure {
  return new RequestFailure(408, 'The body did not come in time. Send it again.');
}

/** The deepest nesting of lists and objects. No reader of this service looks any deeper. */
const MOST_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENINGS: readonly number[] = [0x5b, 0x7b];
const CLOSINGS: readonly number[] = [0x5d, 0x7d];

/**
 * Counts the values of a JSON text as its bytes arrive, so that a body of a million values is refused before it is
 * parsed. Parsing blocks the whole process.
 */
export class JsonMeter {
  readonly #most: number;
  #values = 1;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;

  /** @param most - values that the text may hold, lists and objects included */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws RequestFailure 413 if there are too many values; 400 if they are nested too deeply */
  add(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#isInText) this.#passText(byte);
      else if (byte === QUOTE) this.#isInText = true;
      else if (byte === COMMA) this.#values++;
      else if (OPENINGS.includes(byte)) this.#open();
      else if (CLOSINGS.includes(byte)) this.#depth--;
    }
    if (this.#values > this.#most) {
      throw new RequestFailure(413, `The body holds more than ${this.#most} values. Send fewer inputs at once.`);
    }
  }

  #passText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInText = false;
  }

  #open(): void {
    this.#values++;
    this.#depth++;
    if (this.#depth > MOST_DEPTH) {
      throw new RequestFailure(400, `The body nests lists or objects more than ${MOST_DEPTH} deep.`);
    }
  }
}

/** The bytes that the bodies of all requests under way may take together. */
export class BodyRoom {
  readonly #most: number;
  #taken = 0;

  /** @param most - bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws RequestFailure 503 if they don't fit beside the bodies of other requests */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#most) {
      throw new RequestFailure(503, 'The bodies of other requests take all room. Try again in a moment.', {
        headers: {'retry-after': '1'},
      });
    }
    this.#taken += bytes;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}
