export interface RequestFailureDetails {
  readonly headers?: Readonly<Record<string, string>>;
  /** The field of the body that caused the refusal. */
  readonly param?: string;
  /** A code for programs, as in OpenAI's protocol. */
  readonly code?: string;
}

/** Refuses a request. Its message goes to the client, so it must hold nothing that the service hides. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly param: string | undefined;
  readonly code: string | undefined;

  constructor(status: number, message: string, {headers = {}, param, code}: RequestFailureDetails = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.param = param;
    this.code = code;
  }
}
