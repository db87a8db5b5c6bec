/** What is wrong with a body, and where. */
export interface Problem {
  /** The way to the wrong part, from the body on. */
  readonly loc: readonly string[];
  readonly msg: string;
  /** A code for programs. */
  readonly type: string;
}

interface RequestFailureDetails {
  readonly headers?: Readonly<Record<string, string>>;
  /** The field of the body that caused the refusal. */
  readonly param?: string;
  /** A code for programs, as in OpenAI's protocol. */
  readonly code?: string;
  /** All that is wrong with the body, as System One lists it. */
  readonly problems?: readonly Problem[];
}

/** Refuses a request. Its message goes to the client, so it must hold nothing that the service hides. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly param: string | undefined;
  readonly code: string | undefined;
  readonly problems: readonly Problem[] | undefined;

  constructor(status: number, message: string, {headers = {}, param, code, problems}: RequestFailureDetails = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.param = param;
    this.code = code;
    this.problems = problems;
  }
}

/** A refusal in the form that OpenAI clients read. */
export function openAiError({status, message, param, code}: RequestFailure): object {
  const word = code ?? (status === 429 ? 'rate_limit_exceeded' : null);
  return {error: {message, type: typeOf(status, 'invalid_request_error'), param: param ?? null, code: word}};
}

/** A refusal in the form that clients of System One read. */
export function systemOneError({status, message, problems}: RequestFailure): object {
  return {detail: problems ?? {error_type: typeOf(status, 'api_usage_error'), message}};
}

function typeOf(status: number, other: string): string {
  if (status === 401) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : other;
}

export interface ServedRequest {
  readonly method: string;
  /** Decoded segments of the path. */
  readonly path: readonly string[];
  /** Reads the body as JSON. */
  readonly body: () => Promise<unknown>;
  /**
   * Counts the inputs of the body. Call it before any work on them.
   *
   * @throws RequestFailure 413 or 429 if there are too many
   */
  readonly takeInputs: (count: number) => void;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** A reply. Its status is 200 unless another is given. */
export interface ServedReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a text unchanged. */
  readonly body: object | string;
}

export type Handler = (request: ServedRequest) => ServedReply | Promise<ServedReply>;

/** The handler of one method and path. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** The path as metrics name it. A segment that begins with a colon matches any segment. */
  readonly name: string;
  readonly segments: readonly string[];
  readonly handle: Handler;
  /** True if it needs no key and has no rate limit. Health checks are open. */
  readonly isOpen: boolean;
}

export function route(
  method: Route['method'],
  name: string,
  handle: Handler,
  {isOpen = false}: Partial<Pick<Route, 'isOpen'>> = {},
): Route {
  return {method, name, segments: segmentsOf(name), handle, isOpen};
}

/** Encoded segments of a path. */
export function segmentsOf(path: string): string[] {
  return path.split('/').filter(segment => segment !== '');
}

/**
 * Finds the route of a request.
 *
 * @throws RequestFailure 404 or 405 with the paths or methods that exist
 */
export function findRoute(routes: readonly Route[], method: string, path: readonly string[]): Route {
  const here = routes.filter(({segments}) => matches(segments, path));
  if (here.length === 0) {
    const locations =
      'Models are at /v2/models/, and there are /classify, /v1/chat/completions, /v1/decisions and /v1/systemone; a model of vectors has /v1/embeddings';
    throw new RequestFailure(404, `There is nothing at /${path.join('/')}. ${locations}.`, {code: 'not_found'});
  }
  const found = here.find(route => route.method === method);
  if (found) return found;
  const allowed = here.map(route => route.method).join(', ');
  throw new RequestFailure(405, `Use ${allowed} here, not ${method}.`, {
    headers: {allow: allowed},
    code: 'method_not_allowed',
  });
}

function matches(segments: readonly string[], path: readonly string[]): boolean {
  return path.length === segments.length && segments.every((part, at) => part.startsWith(':') || part === path[at]);
}
