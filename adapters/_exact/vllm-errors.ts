import type {Explain} from '../_wire/reply.ts';

/** What vLLM's refusals mean that their status alone does not tell. */
export function explainVllm(task: 'generate' | 'classify'): Explain {
  return ({status, codes}) => {
    if (status === 404) return {problem: codes.includes('NotFoundError') ? NO_MODEL : NO_ROUTE[task]};
    if (status === 501) return {problem: 'Its model can not do that. Check `task` and `model`.', retryable: false};
    if (status === 400 || status === 422) return {problem: REFUSED[task]};
    return undefined;
  };
}

const NO_MODEL =
  'It serves no model of that name. Check `model`: it is what `--served-model-name` or `/v1/models` says.';

const NO_ROUTE = {
  generate:
    'It does not have the route. Check that `url` is that of vLLM itself, whose `/tokenize` stands beside `/v1`, and that ' +
    'its model writes texts.',
  classify:
    'It does not have `/classify`. Check that `url` is that of vLLM itself, and that its model is a classifier.',
};

const TOO_LONG = 'It does not take the request: its own log says why. A text may be longer than `--max-model-len`';

const REFUSED = {
  generate:
    `${TOO_LONG}; a model may have no chat template (\`template: 'none'\`), or one that knows no system message (give the ` +
    'whole `prompt` as `user`).',
  classify: `${TOO_LONG}.`,
};
