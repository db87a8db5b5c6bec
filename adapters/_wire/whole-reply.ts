import {markClean, replyWithoutSecrets} from '../../src/secrets.ts';
import type {Reply} from '../../src/teacher.ts';

/**
 * A reply as it came, without secrets, that caches its parsed form: it is read for its answers and for its receipt, but
 * parsed once. A table of all replies would cost the garbage collector more than the parsing.
 */
export class WholeReply implements Reply {
  readonly status: number;
  readonly headers: Reply['headers'];
  readonly body: string;
  #parsed: unknown;

  constructor(status: number, headers: Reply['headers'], body: string) {
    const reply = replyWithoutSecrets({headers, body});
    this.status = status;
    this.headers = reply.headers;
    this.body = reply.body;
    markClean(this);
  }

  /** Returns the cached result of `parse`. An undefined result is not cached. All calls must pass the same `parse`. */
  once<T>(parse: (reply: Reply) => T): T {
    this.#parsed ??= parse(this);
    return this.#parsed as T;
  }
}

/** Parses a whole reply once. Parses any other reply, such as one from a journal, every time. */
export function parsedOnce<T>(reply: Reply, parse: (reply: Reply) => T): T {
  return reply instanceof WholeReply ? reply.once(parse) : parse(reply);
}
