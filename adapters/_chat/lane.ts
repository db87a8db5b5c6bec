import {type ZodType, z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import {kindProblem} from '../../src/input-kinds.ts';
import type {BatchLane, PackedLine} from '../../src/service-features.ts';
import type {Json, Query, Reply} from '../../src/teacher.ts';
import {type RefusalAdvice, statusError} from '../_wire/refusal.ts';
import {parseJson} from '../_wire/reply.ts';
import {type Connection, exchangeOnce, headersOf, type UnsignedRequest} from '../_wire/request.ts';

/** The part of a service that its batch lane uses. */
export interface LaneEndpoint {
  readonly connection: Connection;
  readonly address: string;
  /** The path of single requests, relative to the address. */
  readonly path: string;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly refusalAdvice: RefusalAdvice | undefined;
  /** Returns the body of the request about an input that is no tensor. */
  bodyOf(query: Query): {readonly [field: string]: Json};
  /** Packs queries into requests. @default each is asked about alone */
  packsOf?(queries: readonly Query[]): readonly RequestPack[];
}

/** A request about several inputs. */
interface RequestPack extends Pick<PackedLine, 'rows' | 'headers'> {
  body(): {readonly [field: string]: Json};
}

/** Batches are large, so their requests take long. */
const LEAST_TIMEOUT = 600_000;
const MOST_REPLY = 2 ** 29 - 2 ** 20;

/** The client of a service's batch lane. */
export class LaneClient {
  readonly #endpoint: LaneEndpoint;
  readonly #connection: Connection;

  constructor(location: LaneEndpoint) {
    const {connection} = location;
    this.#endpoint = location;
    this.#connection = {
      ...connection,
      timeout: Math.max(connection.timeout, LEAST_TIMEOUT),
      maxReply: Math.max(connection.maxReply, MOST_REPLY),
    };
  }

  /** @throws TeacherError if the teacher can't be asked about such an input */
  bodyOf(query: Query): {readonly [field: string]: Json} {
    const {input} = query;
    if (input.kind !== 'tensor') return this.#endpoint.bodyOf(query);
    throw this.problem(kindProblem(['text', 'image', 'record'], input));
  }

  /** @throws TeacherError if no reply comes, or it does not match the schema */
  async get<T>(path: string, schema: ZodType<T>): Promise<T> {
    return this.#checked(await this.#send({method: 'GET', url: this.#url(path), headers: JSON_WANTED}), schema);
  }

  /**
   * The lines of a lane's batches.
   *
   * @param lineOf - a line with a request's body
   */
  linesWith(lineOf: (id: string, body: object) => string): Pick<BatchLane, 'lineOf' | 'packs'> {
    const {packsOf} = this.#endpoint;
    return {
      lineOf: (id, query) => lineOf(id, this.bodyOf(query)),
      ...(packsOf && {
        packs: queries => packsOf(queries).map(({body, ...pack}) => ({...pack, lineOf: id => lineOf(id, body())})),
      }),
    };
  }

  /**
   * Posts JSON, or a body of another type.
   *
   * @throws TeacherError in the same cases as `get`
   */
  async post<T>(path: string, body: string | Uint8Array, schema: ZodType<T>, type = 'application/json'): Promise<T> {
    const headers = {...JSON_WANTED, 'content-type': type};
    return this.#checked(await this.#send({method: 'POST', url: this.#url(path), headers, body}), schema);
  }

  /**
   * Yields the lines of a JSON Lines file as they arrive. A line that can't be read is skipped.
   *
   * @throws TeacherError if the file does not come, or breaks off
   */
  async *lines<T>(path: string, schema: ZodType<T>): AsyncGenerator<T, void> {
    for await (const line of this.#textLines(path)) {
      const read = schema.safeParse(jsonOf(line)).data;
      if (read !== undefined) yield read;
    }
  }

  /** Returns the error for a reply to one of a batch's requests that is no answer. */
  refusal(reply: Reply): TeacherError {
    return statusError(this.#connection, reply, {advice: this.#endpoint.refusalAdvice});
  }

  problem(problem: string, details: {readonly status?: number; readonly retryable?: boolean} = {}): TeacherError {
    return new TeacherError(this.#connection.name, problem, details);
  }

  /** Returns the service's short code of an error, if it is a plain word without a part of the key. */
  wordOf(code: unknown): string {
    return typeof code === 'string' && WORD.test(code) && !this.#isOfKey(code) ? code : 'without a code';
  }

  #isOfKey(word: string): boolean {
    const key = this.#connection.key();
    return key !== undefined && key !== '' && (key.includes(word) || word.includes(key));
  }

  #url(path: string): URL {
    return new URL(`${this.#endpoint.address}${path}`);
  }

  #send(request: UnsignedRequest): Promise<Reply> {
    return exchangeOnce(this.#connection, {...request, headers: {...request.headers, ...this.#endpoint.headers}});
  }

  #checked<T>(reply: Reply, schema: ZodType<T>): T {
    const {name} = this.#connection;
    if (reply.status !== 200) throw this.#failure(reply);
    const {data} = schema.safeParse(parseJson(name, reply));
    if (data !== undefined) return data;
    throw this.problem('Its reply about a batch can’t be read. Check that its address is that of a batch lane.');
  }

  /** Returns the error for a refused request to the lane itself, which is about no text. */
  #failure(reply: Reply): TeacherError {
    const isThere = reply.status !== 404 && reply.status !== 405;
    return statusError(this.#connection, reply, {advice: isThere ? this.#endpoint.refusalAdvice : ABSENT});
  }

  async *#textLines(path: string): AsyncGenerator<string, void> {
    const {name, dispatcher, timeout} = this.#connection;
    // The limit is for one line, which holds one reply, not for the file.
    const {maxReply} = this.#endpoint.connection;
    const url = this.#url(path);
    const own = {...JSON_WANTED, ...this.#endpoint.headers};
    const headers = headersOf(this.#connection, {method: 'GET', url, headers: own});
    const limits = {headersTimeout: timeout, bodyTimeout: timeout};
    const {origin, pathname, search} = url;
    try {
      const reply = await dispatcher.request({origin, path: `${pathname}${search}`, method: 'GET', headers, ...limits});
      if (reply.statusCode !== 200) {
        throw this.#failure({status: reply.statusCode, headers: reply.headers, body: await reply.body.text()});
      }
      let rest = '';
      for await (const chunk of reply.body.setEncoding('utf8')) {
        const lines = `${rest}${chunk as string}`.split('\n');
        rest = lines.pop()!;
        if (rest.length > maxReply)
          throw this.problem(`A reply in its results is longer than ${maxReply}. Raise \`maxReply\`.`);
        yield* lines;
      }
      yield rest;
    } catch (cause) {
      if (cause instanceof TeacherError) throw cause;
      throw new TeacherError(name, `The results of a batch broke off. Check the network.`, {cause, retryable: true});
    }
  }
}

const JSON_WANTED = {accept: 'application/json'};

const NOT_THERE = 'There is no batch lane at this address, or no such batch. Leave out `--lane batch`, or check `url`.';

/** The lane's own path is missing, whatever the reply says about a model. */
const ABSENT: RefusalAdvice = {
  byCause: {model: NOT_THERE, path: NOT_THERE},
  byStatus: {404: NOT_THERE, 405: NOT_THERE},
};

/** Returns undefined for an empty line and for one that is no JSON. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const WORD = /^[A-Za-z][\w.]{1,48}$/;

/** A service's id of a batch or a file. It appears in addresses, in messages and in the journal. */
export const idSchema: ZodType<string> = z.string().regex(/^[\w./:-]{1,128}$/);
