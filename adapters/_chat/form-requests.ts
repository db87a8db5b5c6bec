import {TeacherError} from '../../src/errors.ts';
import {withWait} from '../../src/pace/service-limits.ts';
import type {Access, AskOptions, Outcome, Query, ReadOutcome, Reply, Teacher} from '../../src/teacher.ts';
import {type RefusalAdvice, statusError} from '../_wire/refusal.ts';
import {type Connection, postJson} from '../_wire/request.ts';
import {askBatches} from '../_wire/service.ts';
import type {Body} from './dialect.ts';
import type {PromptedInput} from './prompt.ts';

/** A request that a form makes of queries: several questions about one input, or one about several. */
export interface FormRequest {
  /** Indices in the call. */
  readonly rows: readonly number[];
  /** What it is about. */
  readonly inputs: readonly PromptedInput[];
  readonly body: Body;
}

/** Makes requests of queries, and calls `refuse` for those that no request can hold. */
interface RequestForm<R> {
  requestsFor(queries: readonly Query[], refuse?: (row: number, why: string) => void): readonly R[];
}

/** How requests are sent, and how their replies are read. */
interface FormService<A extends Access, R> {
  readonly connection: Connection;
  readonly url: URL;
  readonly headers: Record<string, string> | undefined;
  readonly advice: RefusalAdvice | undefined;
  /** Reads a reply with status 200: an outcome for each row of the request. */
  read(reply: Reply, request: R, queries: readonly Query[]): readonly ReadOutcome<A>[];
  /** Adds to a reply with status 200 what its reading takes, before it is kept. @default nothing */
  noted?(reply: Reply, request: R): Reply;
}

/** Asks about queries by the requests that a form makes of them. A refusal is the error of the request's queries alone. */
export function askByForm<A extends Access, R extends FormRequest>(
  form: RequestForm<R>,
  {connection, url, headers, advice, read, noted = reply => reply}: FormService<A, R>,
): Teacher<A>['ask'] {
  const send = async (
    request: R,
    queries: readonly Query[],
    {exchange = (_, send) => send(), signal}: AskOptions,
  ): Promise<readonly ReadOutcome<A>[]> => {
    const {rows, inputs, body} = request;
    const reply = await exchange(rows, async () => {
      const posted = await postJson(connection, url, body, {signal, ...(headers && {headers})});
      return posted.status === 200 ? noted(posted, request) : withWait(posted);
    });
    if (reply.status === 200) return read(reply, request, queries);
    const error = statusError(connection, reply, {advice, inputs});
    if (!error.refusal) throw error;
    return rows.map(() => ({error}));
  };
  return async (queries, options = {}) => {
    options.signal?.throwIfAborted();
    const outcomes = new Array<Outcome<A>>(queries.length);
    const requests = form.requestsFor(queries, (row, why) => {
      outcomes[row] = {error: new TeacherError(connection.name, why)};
    });
    await askBatches(requests, request => send(request, queries, options), outcomes, options.signal);
    return outcomes;
  };
}

/**
 * The body of the request about one query alone.
 *
 * @throws TeacherError if no request can hold it
 */
export function bodyAbout({name}: Connection, form: RequestForm<FormRequest>, query: Query): Body {
  const [request] = form.requestsFor([query], (_, why) => {
    throw new TeacherError(name, why);
  });
  return request!.body;
}
