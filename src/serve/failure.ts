export interface RequestFailureDetails {
  readonly headers?: Readonly<Record<string, string>>;
  /** The field of the body that is to blame. */
  readonly param?: string;
  /** A word for programs, as OpenAI's protocol has it. */
  readonly code?: string;
}

/** What a request is refused with. Its message goes to the client, so it holds nothing that the service hides. */
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
