import type {Explain} from '../_wire/reply.ts';

/** What the refusals of a llama-server mean that their status alone does not tell. */
export const explainLlamaCpp: Explain = ({status, codes}) => {
  const code = codes.find(code => code in PROBLEMS);
  if (code !== undefined) return {problem: PROBLEMS[code]!};
  if (status === 404) return {problem: 'It does not have the route. Check that `url` is that of a llama-server.'};
  if (status === 501) return {problem: 'It can not do that as it was started: its own log says why.', retryable: false};
  return undefined;
};

const PROBLEMS: Readonly<Record<string, string>> = {
  exceed_context_size_error:
    'The text takes more tokens with its prompt than there is room for. Start the server with a larger `--ctx-size`, which ' +
    'its slots share, or shorten the text.',
  unavailable_error: 'It still loads its model.',
  not_found_error: 'It does not have the route. Check that `url` is that of a llama-server.',
  authentication_error: 'It refuses the key, or asks for one. Set LIMBECK_TEACHER_KEY or pass `key`.',
  invalid_request_error:
    "It does not take the request: its own log says why. The model may have no chat template (`template: 'none'`), or " +
    'one that knows no system message (give the whole `prompt` as `user`).',
};
