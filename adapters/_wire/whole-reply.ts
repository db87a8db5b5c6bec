import {markClean, replyWithoutSecrets} from '../../src/secrets.ts';
import type {Reply} from '../../src/teacher.ts';

/**
 * A reply as it came, but for secrets in it, with room for what was parsed of it: it is read for its answers and for its receipt, and parsed
 * once. A table of all replies would cost the garbage collector more than the parsing.
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

  /** What `parse` makes of it; undefined is made anew each time. To be called with the same `parse` always. */
  once<T>(parse: (reply: Reply) => T): T {
    this.#parsed ??= parse(this);
    return this.#parsed as T;
  }
}

/** What `parse` makes of a reply: once of a whole one, anew each time of another, such as one out of a journal. */
export function parsedOnce<T>(reply: Reply, parse: (reply: Reply) => T): T {
  return reply instanceof WholeReply ? reply.once(parse) : parse(reply);
}
