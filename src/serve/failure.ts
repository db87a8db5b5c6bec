/** What is wrong with a body, and where. */
export interface Problem {
  /** The way to the wrong part, from the body on. */
  readonly loc: readonly string[];
  readonly msg: string;
  /** A code for programs. */
  readonly type: string;
}

export interface RequestFailureDetails {
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
