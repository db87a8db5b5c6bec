import {imageBase64} from '../../src/input-kinds.ts';
import type {EncodedImage, Json, Unbounded, Usage} from '../../src/teacher.ts';
import type {Body, CostFields} from './dialect.ts';
import type {Prompt} from './prompt.ts';

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

/**
 * Returns the most tokens that a request with this body can use. A token is at least one byte. An image is no text: its
 * tokens depend on its pixels, in another way for each model.
 *
 * @param image - the one in the body
 * @param imageTokens - the most tokens of an image; infinite if nobody knows
 */
export function mostTokens(
  fields: CostFields,
  body: Body,
  image?: EncodedImage,
  imageTokens: number = Number.POSITIVE_INFINITY,
): Usage {
  const bytes = Buffer.byteLength(JSON.stringify(body));
  const tokens = image ? bytes - imageBase64(image).length + imageTokens : bytes;
  return {
    inputTokens: Math.ceil(tokens),
    outputTokens: mostOutput(fields, body),
  };
}

/**
 * Returns the fewest tokens that a request with this prompt can use: a token for each word, because tokenizers don't join
 * words that white space divides, and a token of an answer.
 */
export function leastTokens({system = '', user}: Prompt): Usage {
  const words = `${system} ${user}`.split(/\s+/).filter(word => word !== '');
  return {inputTokens: words.length, outputTokens: 1};
}

/** The fewest bytes of a prompt of 1,024 tokens, from which on services cache prompts; a token has 3 or more mostly. */
const CACHED_FROM = 3 * 1024;

/** @param shared - what all requests have in common */
export function fillsPromptCache(shared: Json): boolean {
  return Buffer.byteLength(JSON.stringify(shared)) >= CACHED_FROM;
}

/** Returns the most tokens generated for one prompt of a body. If there are several limits, the highest counts. */
export function mostOutput({limits, thoughts = [], copies = [], least = 1}: CostFields, body: Body): number {
  const found = (paths: readonly string[]) =>
    entriesAt(paths, body).flatMap(([, value]) => (isCount(value) ? Number(value) : []));
  const limit = Math.max(least, ...found(limits));
  const thinking = found(thoughts).reduce((sum, count) => sum + count, 0);
  return Math.max(1, ...found(copies)) * (limit + thinking);
}

/** The parts of a body that can leave its cost unbounded. */
interface MadeBody {
  readonly body: Body;
  /** The user's own fields in it. The costs of the adapter's fields are known. */
  readonly parameters: Body | undefined;
  /** The model that the user gave a price for. */
  readonly model: string;
}

/** Returns the reason that the cost of such requests has no upper bound; undefined if `mostTokens` gives the bound. */
export function unboundedBy(fields: CostFields, {body, parameters = {}, model}: MadeBody): Unbounded | undefined {
  const {limits, thoughts = [], copies = [], harmless} = fields;
  const counted = [...limits, ...thoughts, ...copies];
  const known = [...harmless, ...counted, `model=${model}`];
  // A null removes a top-level field, but not every nested one.
  const unknown = leavesOf(parameters).find(
    ([path, value]) => !isKnown(known, path, value) && (value !== null || entriesAt([path], body).length > 0),
  );
  if (unknown !== undefined) {
    return {
      of: 'fees',
      problem: `The cost of the field \`${unknown[0]}\` in \`parameters\` is unknown. Leave it out.`,
    };
  }
  const isBroken = ([path, value]: Entry) =>
    !isCount(value) && !(value === 0 && thoughts.includes(path)) && !harmless.includes(`${path}=${String(value)}`);
  const broken = entriesAt(counted, body).find(isBroken);
  if (broken !== undefined) {
    return {of: 'tokens', problem: `The field \`${broken[0]}\` is no whole number above 0. Give one that is.`};
  }
  if (entriesAt(limits, body).length > 0) return undefined;
  return {
    of: 'tokens',
    problem: `Nothing limits an answer. Leave \`${limits[0]}\` in the body, as \`maxTokens\` sets it.`,
  };
}

type Entry = readonly [path: string, value: Json];

/** Returns the entries of the body at these paths. */
function entriesAt(paths: readonly string[], body: Body): readonly Entry[] {
  return paths.flatMap((path): readonly Entry[] => {
    const value = path
      .split('.')
      .reduce<Json | undefined>((part, name) => (isObject(part) ? part[name] : undefined), body);
    return value === undefined ? [] : [[path, value]];
  });
}

/** Returns all entries of nested objects, by path. */
function leavesOf(body: Body, prefix = ''): readonly Entry[] {
  return Object.entries(body).flatMap(([name, value]): readonly Entry[] => {
    return isObject(value) && Object.keys(value).length > 0
      ? leavesOf(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value]];
  });
}

/** True if a path is known: itself, itself with this value, or a path that contains it. */
function isKnown(known: readonly string[], path: string, value: Json): boolean {
  return known.some(name => path === name || path.startsWith(`${name}.`) || `${path}=${String(value)}` === name);
}

function isCount(value: Json): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

/** True for an object within a body, not for a list. */
export function isObject(value: Json | undefined): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the sum of the most that several requests use; undefined if one of them has no bound. */
export function totalBound(usages: readonly Usage[]): Usage | undefined {
  const total = totalUsage(usages);
  return Number.isFinite(total.inputTokens) ? total : undefined;
}

/** Returns the sum of what several requests use. */
export function totalUsage(usages: readonly Usage[]): Usage {
  const sum = (kind: 'inputTokens' | 'outputTokens') => usages.reduce((total, usage) => total + usage[kind], 0);
  return {inputTokens: sum('inputTokens'), outputTokens: sum('outputTokens')};
}
