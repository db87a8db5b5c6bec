/**
 * What the bodies of each protocol say of their cost. A field that stands in none of these lists may cost anything: a
 * search, a tool, a faster tier, a file that is read.
 *
 * A path goes through objects with dots, and stands for all that is in it; `name=value` stands for that value alone.
 */
export interface CostFields {
  /** Fields that limit the tokens of an answer. */
  readonly limits: readonly string[];
  /** Fields that let thoughts take further tokens, where a service counts them apart. */
  readonly thoughts?: readonly string[];
  /** Fields that say how many answers are generated. */
  readonly copies?: readonly string[];
  /**
   * The least that the service makes of a limit.
   *
   * @default 1
   */
  readonly least?: number;
  /**
   * Tokens that each one of the prompt is charged as, at most.
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
/** The project's own tier, which may be a dearer one, holds where nothing is said; a price is of that. */
const TIERS = ['service_tier=default', 'service_tier=flex'];
const OF_SERVERS = [
  ...['stop_token_ids', 'min_tokens', 'ignore_eos', 'skip_special_tokens', 'include_stop_str_in_output', 'lora'],
  ...['structured_outputs', 'guided_json', 'guided_choice', 'guided_regex', 'guided_grammar', 'grammar', 'json_schema'],
  ...['chat_template_kwargs', 'enable_thinking', 'truncate_prompt_tokens', 'return_tokens_as_token_ids', 'priority'],
  ...['n_probs', 'cache_prompt', 'id_slot', 'random_seed', 'safe_prompt', 'samplers', 'stream=false'],
];

/** Chat completions, as OpenAI, its likes and servers of open models take them. */
export const CHAT_COST: CostFields = {
  limits: ['max_tokens', 'max_completion_tokens', 'max_new_tokens', 'n_predict'],
  thoughts: ['reasoning.max_tokens', 'thinking.budget_tokens', 'thinking_budget', 'thinking_token_budget'],
  copies: ['n', 'best_of', 'num_return_sequences', 'n_cmpl'],
  harmless: [
    ...[...SAMPLING, ...PENALTIES, ...OF_OPENAI, ...TIERS, ...OF_SERVERS, 'logprobs', 'response_format', 'verbosity'],
    ...['reasoning_effort', 'reasoning.effort', 'reasoning.exclude', 'reasoning.enabled', 'thinking.type'],
  ],
};

/** Completions of tokens, as vLLM and llama.cpp take them. */
export const COMPLETIONS_COST: CostFields = {
  limits: CHAT_COST.limits,
  copies: CHAT_COST.copies!,
  harmless: [...SAMPLING, ...PENALTIES, ...OF_SERVERS, 'logprobs', 'prompt_logprobs', 'logprob_token_ids'],
};

/** OpenAI's Responses, which take no limit below 16. */
export const RESPONSES_COST: CostFields = {
  limits: ['max_output_tokens'],
  least: 16,
  harmless: [...['temperature', 'top_p', 'include', 'reasoning', 'text', 'truncation'], ...[...OF_OPENAI, ...TIERS]],
};

/** Anthropic's Messages. What is written to the service's cache, as the prompt that all texts share is, costs a quarter more. */
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
    // As many as the model likes within the limit of the answer.
    ...generation(['thinkingConfig.thinkingBudget=-1']),
    ...['safetySettings', 'labels'],
  ],
};

/** Amazon Bedrock's Converse. Fields of the model's own may stand beside its common ones. */
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

/** Ollama's chat, whose limit may be left out or be endless. */
export const OLLAMA_COST: CostFields = {
  limits: ['options.num_predict'],
  harmless: ['options', 'format', 'think', 'keep_alive', 'truncate', 'shift', 'logprobs', 'top_logprobs'],
};
