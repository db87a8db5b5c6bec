/** What to do if a language model's service refuses a field of the request, by what its words mention. */
export const CHAT_HINTS: readonly (readonly [RegExp, string])[] = [
  [/temperature/i, 'Set `temperature: null`.'],
  [/log_?probs?|log[- ]probabilities/i, "Lower `topLogprobs`, or read labels alone: `output: 'label'`."],
  [/response_format|json_?schema|schema|structured|grammar|guided/i, 'Set `structured: false`.'],
  [/max_(completion_|output_)?tokens/i, 'Set the field of the limit by `parameters`, and the limit as `maxTokens`.'],
  [/chat template|system (role|message|prompt)|roles must alternate/i, 'Give the whole `prompt` as `user`.'],
  [
    /unsupported (parameter|value)|unrecognized|unknown (field|parameter|name)|extra (inputs|fields)|not permitted/i,
    'Set that field to null in `parameters`.',
  ],
];

/** The same hints, with one for every other field. */
export const ALL_HINTS: typeof CHAT_HINTS = [
  ...CHAT_HINTS,
  [/./, 'Fields of the request can be changed or left out by `parameters`.'],
];
