import type {Dispatcher} from 'undici';
import {TeacherError, type TeacherErrorDetails} from '../../src/errors.ts';
import type {Reply} from '../../src/teacher.ts';
import {WholeReply} from './whole-reply.ts';

type Controller = Dispatcher.DispatchController;

export interface ReplyOptions {
  readonly connection: {
    /** The teacher's name, for messages. */
    readonly name: string;
    /** Milliseconds until the last byte. */
    readonly timeout: number;
    /** The longest body, in bytes. */
    readonly maxReply: number;
  };
  /** Of the service, for messages. */
  readonly host: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Gathers the reply to one request. A handler of its own, and not undici's `request`, since only a handler learns
 * whether a request was written to a connection or waited for one to the end.
 */
export class ReplyHandler implements Dispatcher.DispatchHandler {
  readonly #options: ReplyOptions;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #status = 0;
  #headers: Reply['headers'] = {};
  /** Undefined until the request is written. */
  #controller: Controller | undefined;
  #hasEnded = false;

  constructor(options: ReplyOptions, resolve: (reply: Reply) => void, reject: (error: unknown) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(this.#onTimeout, options.connection.timeout);
    options.signal?.addEventListener('abort', this.#onAbort);
  }

  onRequestStart(controller: Controller): void {
    if (this.#hasEnded) controller.abort(new Error('The request ended before it was sent.'));
    else this.#controller = controller;
  }

  onResponseStart(_controller: Controller, status: number, headers: Reply['headers']): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size <= this.#options.connection.maxReply) this.#chunks.push(chunk);
    else this.#fail(this.#tooLong, {status: this.#status, unreadable: true});
  }

  onResponseEnd(): void {
    if (this.#end()) this.#resolve(this.#reply());
  }

  onResponseError(_controller: Controller, cause: Error): void {
    this.#fail(problemWith(cause, this.#options.host), {cause, retryable: true});
  }

  readonly #onTimeout = (): void => {
    const problem = `It did not answer within ${this.#options.connection.timeout} ms. Raise \`timeout\` or lower \`maxBatch\`.`;
    this.#fail(problem, {retryable: true});
  };

  readonly #onAbort = (): void => {
    const reason = this.#options.signal?.reason;
    if (this.#end()) this.#reject(reason);
    this.#controller?.abort(reason);
  };

  get #tooLong(): string {
    return `Its reply is longer than ${this.#options.connection.maxReply} bytes. Lower \`maxBatch\` or raise \`maxReply\`.`;
  }

  #fail(problem: string, details: TeacherErrorDetails): void {
    if (!this.#end()) return;
    const inDoubt = this.#controller !== undefined;
    const error = new TeacherError(this.#options.connection.name, problem, {...details, inDoubt});
    // A refusal is one by its status, whatever became of the rest.
    if (this.#status >= 300) this.#resolve(this.#reply());
    else this.#reject(error);
    this.#controller?.abort(error);
  }

  /** Lets go of the request; false where that was done before. */
  #end(): boolean {
    if (this.#hasEnded) return false;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }

  #reply(): Reply {
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const isBinary = String(this.#headers['content-type']).startsWith('application/octet-stream');
    return new WholeReply(this.#status, this.#headers, body.toString(isBinary ? 'base64' : 'utf8'));
  }
}

function problemWith(cause: Error, host: string): string {
  const {code = cause.name} = cause as {readonly code?: string};
  if (code === 'ENOTFOUND') return `There is no host ${host}. Check \`url\`.`;
  if (code === 'ECONNREFUSED') return `Nothing answers at ${host}. Check \`url\`, and that the service runs.`;
  return `The connection to ${host} failed (${code}). Check the network and \`url\`.`;
}
