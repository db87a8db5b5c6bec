/**
 * The part of a service's answers that is read. `probabilities` is what services of typed questions give, `vector` what
 * embedding models give.
 */
export type InitOutput = 'label' | 'confidence' | 'log-probabilities' | 'probabilities' | 'vector';

/** A kind of service that a recipe can be written for. */
export interface InitService {
  /** Its name on the command line. */
  readonly name: string;
  /** A description for people. */
  readonly title: string;
  /** The adapter's file, `limbeck/adapters/…`. */
  readonly adapter: string;
  /** The adapter's function. */
  readonly factory: string;
  /** The protocol of an embedding model, as `embeddings` names it; undefined if it is OpenAI's, or if there is none. */
  readonly api?: 'text-embeddings-inference' | 'cohere' | 'gemini';
  /** The outputs that can be read, the best first. */
  readonly outputs: readonly InitOutput[];
  /** True if it charges by the token. */
  readonly charges: boolean;
  /** True if it runs in this process: it has no address and no key. */
  readonly isLocal?: boolean;
  /** Its own address. Undefined if one must be given, or if it runs in this process. */
  readonly url: string | undefined;
  /** An example of a model's name. Those of hosted services are in `hosted-models.ts`. */
  readonly example: string;
  /** The environment variables of its key. All of one of these lists are needed. */
  readonly keys: readonly (readonly string[])[];
  /** True if it can answer without a key, as services on your own machine do. */
  readonly keyless: boolean;
  /** True if its address depends on an AWS region. */
  readonly regional?: boolean;
  /**
   * If others speak its protocol, so that the address is a choice: by origin, the keys of those that have a variable of
   * their own.
   */
  readonly others?: Readonly<Record<string, InitService['keys']>>;
}

const ALL_OUTPUTS = ['log-probabilities', 'label', 'confidence'] as const;
const LABELS_FIRST = ['label', 'confidence'] as const;

/** The key's variable for every service at a custom address. */
export const OWN_KEY = 'LIMBECK_TEACHER_KEY';

/** Those that say which of some classes a text is of: language models. */
export const INIT_SERVICES: readonly InitService[] = [
  {
    name: 'openai',
    title: 'OpenAI',
    adapter: 'openai',
    factory: 'openai',
    outputs: ALL_OUTPUTS,
    charges: true,
    url: 'https://api.openai.com/v1',
    example: 'gpt-6-luna',
    keys: [['OPENAI_API_KEY']],
    keyless: false,
  },
  {
    name: 'anthropic',
    title: 'Anthropic',
    adapter: 'anthropic',
    factory: 'anthropic',
    outputs: LABELS_FIRST,
    charges: true,
    url: 'https://api.anthropic.com',
    example: 'claude-haiku-4-5',
    keys: [['ANTHROPIC_API_KEY']],
    keyless: false,
  },
  {
    name: 'gemini',
    title: 'Google Gemini',
    adapter: 'gemini',
    factory: 'gemini',
    // Only a query shows which of its models return log-probabilities.
    outputs: ['label', 'confidence', 'log-probabilities'],
    charges: true,
    url: 'https://generativelanguage.googleapis.com/v1beta',
    example: 'gemini-3.5-flash-lite',
    keys: [['GEMINI_API_KEY']],
    keyless: false,
  },
  {
    name: 'bedrock',
    title: 'Amazon Bedrock',
    adapter: 'bedrock',
    factory: 'bedrock',
    outputs: LABELS_FIRST,
    charges: true,
    url: 'https://bedrock-runtime.amazonaws.com',
    example: 'eu.amazon.nova-2-lite-v1:0',
    keys: [['AWS_BEARER_TOKEN_BEDROCK'], ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']],
    keyless: false,
    regional: true,
  },
  {
    name: 'ollama',
    title: 'Ollama, on this machine',
    adapter: 'ollama',
    factory: 'ollama',
    outputs: ALL_OUTPUTS,
    charges: false,
    url: 'http://127.0.0.1:11434',
    example: 'qwen3:4b',
    keys: [[OWN_KEY]],
    keyless: true,
  },
  {
    name: 'vllm',
    title: 'vLLM',
    adapter: 'vllm',
    factory: 'vllm',
    outputs: ['log-probabilities', 'label'],
    charges: false,
    url: 'http://127.0.0.1:8000',
    example: 'Qwen/Qwen3-4B',
    keys: [[OWN_KEY]],
    keyless: true,
  },
  {
    name: 'llama-cpp',
    title: 'llama.cpp’s llama-server',
    adapter: 'llama-cpp',
    factory: 'llamaCpp',
    outputs: ['log-probabilities', 'label'],
    charges: false,
    url: 'http://127.0.0.1:8080',
    example: 'qwen3-4b',
    keys: [[OWN_KEY]],
    keyless: true,
  },
  {
    name: 'compatible',
    title: 'another service that speaks OpenAI’s protocol, by its address',
    adapter: 'openai',
    factory: 'openai',
    outputs: ALL_OUTPUTS,
    charges: true,
    url: undefined,
    example: 'mistral-small-latest',
    keys: [[OWN_KEY]],
    keyless: true,
  },
];

/** The address of Google's typed questions. */
export const GOOGLE = 'https://generativelanguage.googleapis.com';

/** Those that answer typed questions with probabilities. */
const DECISION_SERVICES: readonly InitService[] = [
  {
    name: 'decisions',
    title: 'OpenAI’s decisions, also of vLLM, SGLang and Fireworks',
    adapter: 'decisions',
    factory: 'decisions',
    outputs: ['probabilities'],
    charges: true,
    url: 'https://api.openai.com/v1',
    example: 'gpt-6-luna',
    keys: [['OPENAI_API_KEY']],
    keyless: false,
    others: {},
  },
  {
    name: 'system-one',
    title: 'System One: TypeSafe, Google, Perplexity, OpenRouter, Cloudflare, llama.cpp and others',
    adapter: 'system-one',
    factory: 'systemOne',
    outputs: ['probabilities'],
    charges: true,
    url: 'https://api.typesafe.ai',
    example: 'jev-1.13.0',
    keys: [['TYPESAFE_API_KEY']],
    keyless: false,
    others: {[GOOGLE]: [['GEMINI_API_KEY']]},
  },
];

/** Those that answer typed questions. Their own adapters read no more than labels from vLLM and llama.cpp. */
export const QUESTION_SERVICES: readonly InitService[] = [
  ...DECISION_SERVICES,
  ...INIT_SERVICES.map(service =>
    ['vllm', 'llama-cpp'].includes(service.name) ? {...service, outputs: ['label'] as const} : service,
  ),
];

/** The environment variables of a service's key, and whether they are set. */
export interface KeyState {
  /** The variables that are set, or that must be. */
  readonly variables: readonly string[];
  readonly isSet: boolean;
  readonly isNeeded: boolean;
}

/** Checks that a key is set without reading it. A custom address gets no provider's key. */
export function keyState({keys, keyless, regional, others}: InitService, url: string | undefined): KeyState {
  const known = url === undefined || regional ? keys : others?.[new URL(url).origin];
  const lists = known ?? [[OWN_KEY]];
  const found = lists.find(variables => variables.every(variable => Boolean(process.env[variable])));
  return {
    variables: found ?? lists[0]!,
    isSet: found !== undefined,
    isNeeded: !keyless && known !== undefined,
  };
}
