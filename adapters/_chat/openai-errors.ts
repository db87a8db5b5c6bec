import type {Explain} from '../_wire/reply.ts';

/** What errors of OpenAI's protocol mean that their status alone does not tell. */
export const explainOpenAi: Explain = ({status, codes}) => {
  const code = codes.find(code => code in PROBLEMS);
  if (code !== undefined) return {problem: PROBLEMS[code]!};
  if (status === 404) return {problem: 'Check `url`, which for most services ends in `/v1`, and `model`.'};
  if (status === 400 || status === 422) {
    return {
      problem:
        'It does not take the request: its own log says why. A model may refuse `temperature` (set it to null), ' +
        'log-probabilities, or more of them than it gives (lower `topLogprobs`), or a JSON schema (`structured: false`).',
    };
  }
  return undefined;
};

const PROBLEMS: Readonly<Record<string, string>> = {
  context_length_exceeded: 'The text is longer than the model reads. Shorten it.',
  exceed_context_size_error: 'The text is longer than the model reads. Shorten it.',
  string_above_max_length: 'The text is longer than the service takes. Shorten it.',
  content_filter: 'A content filter of the service stopped the text.',
  content_policy_violation: 'A content filter of the service stopped the text.',
  model_not_found: 'There is no such model for this key. Check `model`.',
  DeploymentNotFound: 'There is no such deployment. Check `url` and `apiVersion`.',
  invalid_api_key: 'It refuses the key. Check it.',
  unsupported_value: 'The model refuses the value of a field. Set `temperature: null`, or replace it by `parameters`.',
  unsupported_parameter: 'The model does not know a field. Set it to null in `parameters`, or `temperature` to null.',
};
