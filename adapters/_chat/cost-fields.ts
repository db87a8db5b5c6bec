/**
 * The body fields of each protocol that bear on the cost. A field outside these lists can cost anything: a search, a
 * tool, a faster tier, a file.
 *
 * A path names nested objects with dots and covers all that they hold. `name=value` covers that value alone.
 */
export interface CostFields {
  /** Fields that limit the tokens of an answer. */
  readonly limits: readonly string[];
  /** Fields that allow more tokens for thoughts, if the service counts them separately. */
  readonly thoughts?: readonly string[];
  /** Fields that set the number of generated answers. */
  readonly copies?: readonly string[];
  /**
   * The minimum to which the service raises a limit.
   *
   * @default 1
   */
  readonly least?: number;
  /**
   * The most tokens that one token of the prompt is charged as.
   *
   * @default 1
   */
  readonly inputWeight?: number;
  /** Fields that cost no more than their bytes. */
  readonly harmless: readonly string[];
}

const SAMPLING = ['temperature', 'top_p', 'top_k', 'min_p', 'typical_p', 'seed', 'stop', 'logit_bias'];
const PENALTIES = ['presence_penalty', 'frequency_penalty', 'repetition_penalty', 'repeat_penalty'];
const OF_OPENAI = ['metadata', 'user', 'safety_identifier', 'store', 'top_logprobs', 'prompt_cache_key'];
/** Without these fields, the project's own tier applies, which can cost more. A price is for that tier. */
const TIERS = ['service_tier=default', 'service_tier=flex'];
const OF_SERVERS = [
  ...['stop_token_ids', 'min_tokens', 'ignore_eos', 'skip_special_tokens', 'include_stop_str_in_output', 'lora'],
  ...['structured_outputs', 'guided_json', 'guided_choice', 'guided_regex', 'guided_grammar', 'grammar', 'json_schema'],
  ...['chat_template_kwargs', 'enable_thinking', 'truncate_prompt_tokens', 'return_tokens_as_token_ids', 'priority'],
  ...['n_probs', 'cache_prompt', 'id_slot', 'random_seed', 'safe_prompt', 'samplers', 'stream=false'],
];

/** Chat completions of OpenAI, of services like it and of servers of open models. */
export const CHAT_COST: CostFields = {
  limits: ['max_tokens', 'max_completion_tokens', 'max_new_tokens', 'n_predict'],
  thoughts: ['reasoning.max_tokens', 'thinking.budget_tokens', 'thinking_budget', 'thinking_token_budget'],
  copies: ['n', 'best_of', 'num_return_sequences', 'n_cmpl'],
  harmless: [
    ...[...SAMPLING, ...PENALTIES, ...OF_OPENAI, ...TIERS, ...OF_SERVERS, 'logprobs', 'response_format', 'verbosity'],
    ...['reasoning_effort', 'reasoning.effort', 'reasoning.exclude', 'reasoning.enabled', 'thinking.type'],
  ],
};

/** Completions of tokens of vLLM and llama.cpp. */
export const COMPLETIONS_COST: CostFields = {
  limits: CHAT_COST.limits,
  copies: CHAT_COST.copies!,
  harmless: [...SAMPLING, ...PENALTIES, ...OF_SERVERS, 'logprobs', 'prompt_logprobs', 'logprob_token_ids'],
};

/** OpenAI's Responses, whose minimum limit is 16. */
export const RESPONSES_COST: CostFields = {
  limits: ['max_output_tokens'],
  least: 16,
  harmless: [...['temperature', 'top_p', 'include', 'reasoning', 'text', 'truncation'], ...[...OF_OPENAI, ...TIERS]],
};

/** Anthropic's Messages. Writing to the cache, as for the prompt that all texts share, costs a quarter more. */
export const ANTHROPIC_COST: CostFields = {
  limits: ['max_tokens'],
  thoughts: ['thinking.budget_tokens'],
  inputWeight: 1.25,
  harmless: [
    ...['temperature', 'top_p', 'top_k', 'stop_sequences', 'metadata', 'output_config', 'thinking.type'],
    ...['service_tier=standard_only', 'service_tier=auto'],
  ],
};

const generation = (names: readonly string[]) => names.map(name => `generationConfig.${name}`);

/** Gemini's `generateContent`. */
export const GEMINI_COST: CostFields = {
  limits: generation(['maxOutputTokens']),
  thoughts: generation(['thinkingConfig.thinkingBudget']),
  copies: generation(['candidateCount']),
  harmless: [
    ...generation(['temperature', 'topP', 'topK', 'seed', 'stopSequences', 'presencePenalty', 'frequencyPenalty']),
    ...generation(['responseMimeType', 'responseSchema', 'responseJsonSchema', 'responseLogprobs', 'logprobs']),
    ...generation(['thinkingConfig.includeThoughts', 'thinkingConfig.thinkingLevel']),
    // The model decides how many, within the limit of the answer.
    ...generation(['thinkingConfig.thinkingBudget=-1']),
    ...['safetySettings', 'labels'],
  ],
};

/** Amazon Bedrock's Converse. A body can hold a model's own fields beside the common ones. */
export const CONVERSE_COST: CostFields = {
  limits: [
    'inferenceConfig.maxTokens',
    ...['max_tokens', 'max_completion_tokens', 'max_gen_len'].map(name => `additionalModelRequestFields.${name}`),
  ],
  thoughts: ['thinking.budget_tokens', 'reasoning_config.budget_tokens'].map(
    name => `additionalModelRequestFields.${name}`,
  ),
  harmless: [
    ...['temperature', 'topP', 'stopSequences'].map(name => `inferenceConfig.${name}`),
    ...['top_k', 'topK', 'seed', 'thinking.type', 'reasoning_config.type', 'reasoning_effort'].map(
      name => `additionalModelRequestFields.${name}`,
    ),
    ...['additionalModelResponseFieldPaths', 'outputConfig', 'requestMetadata', 'performanceConfig.latency=standard'],
  ],
};

/** Ollama's chat. Its limit can be missing or infinite. */
export const OLLAMA_COST: CostFields = {
  limits: ['options.num_predict'],
  harmless: ['options', 'format', 'think', 'keep_alive', 'truncate', 'shift', 'logprobs', 'top_logprobs'],
};
