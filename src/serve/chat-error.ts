import type {RequestFailure} from './failure.ts';

/** A refusal in the form that OpenAI's clients read. */
export function openAiError({status, message, param, code}: RequestFailure): object {
  const word = code ?? (status === 429 ? 'rate_limit_exceeded' : null);
  return {error: {message, type: typeOf(status), param: param ?? null, code: word}};
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
