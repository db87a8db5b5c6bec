import {RequestFailure} from './failure.ts';

export interface ServedRequest {
  readonly method: string;
  /** Segments of the path, decoded. */
  readonly path: readonly string[];
  /** Reads the body as JSON. */
  readonly body: () => Promise<unknown>;
  /**
   * Counts the inputs of the body, before anything is done with them.
   *
   * @throws RequestFailure 413 or 429 where they are too many
   */
  readonly takeInputs: (count: number) => void;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

/** A reply with status 200, or another one where it says so. */
export interface ServedReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object goes out as JSON, a text as it is. */
  readonly body: object | string;
}

export type Handler = (request: ServedRequest) => ServedReply | Promise<ServedReply>;

/** What is answered at one place. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** Its path as metrics name it; a segment with a colon in front stands for any. */
  readonly name: string;
  readonly segments: readonly string[];
  readonly handle: Handler;
  /** Whether it asks for no key and counts against no rate, as health checks do. */
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

/** Segments of a path, not decoded. */
export function segmentsOf(path: string): string[] {
  return path.split('/').filter(segment => segment !== '');
}

/**
 * The route of a request.
 *
 * @throws RequestFailure 404 or 405, saying what there is
 */
export function findRoute(routes: readonly Route[], method: string, path: readonly string[]): Route {
  const here = routes.filter(({segments}) => matches(segments, path));
  if (here.length === 0) {
    const locations = 'Models are at /v2/models/, and there are /classify and /v1/chat/completions';
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
