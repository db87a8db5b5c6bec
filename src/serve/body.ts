import {once} from 'node:events';
import type {IncomingMessage} from 'node:http';
import {setTimeout} from 'node:timers/promises';
import {RequestFailure} from './failure.ts';

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

/** Lists and objects inside each other, above which no reader of this service looks for anything. */
const MOST_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENINGS: readonly number[] = [0x5b, 0x7b];
const CLOSINGS: readonly number[] = [0x5d, 0x7d];

/**
 * Counts the values of a JSON text as its bytes arrive, so that a body of a million values is refused before it is parsed:
 * parsing stops everything else that the process does.
 */
export class JsonMeter {
  readonly #most: number;
  #values = 1;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;

  /** @param most - values that the text may hold; lists and objects count as well */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws RequestFailure 413 where there are too many values, 400 where they are nested too deeply */
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

  /** @throws RequestFailure 503 where they do not fit beside the bodies of others */
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
