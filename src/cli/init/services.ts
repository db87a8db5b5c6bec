/** What is read off a language model's answers. */
export type InitOutput = 'label' | 'confidence' | 'log-probabilities';

/** A kind of service that a recipe can be written for. */
export interface InitService {
  /** What a person calls it by, at the command line. */
  readonly name: string;
  /** A line for people. */
  readonly title: string;
  /** The adapter's file, `limbeck/adapters/…`. */
  readonly adapter: string;
  /** The function in it. */
  readonly factory: string;
  /** What it can be read for, the best first. */
  readonly outputs: readonly InitOutput[];
  /** True if it charges by the token. */
  readonly charges: boolean;
  /** Its own address; undefined if one must be named. */
  readonly url: string | undefined;
  /** A model's name, to show what one looks like. */
  readonly example: string;
  /** The variables that its key is read from: all of one of these lists. */
  readonly keys: readonly (readonly string[])[];
  /** True if it answers without a key, as services on one's own machine do. */
  readonly keyless: boolean;
  /** True if it is reached by a region of AWS. */
  readonly regional?: boolean;
}

const ALL_OUTPUTS = ['log-probabilities', 'label', 'confidence'] as const;
const LABELS_FIRST = ['label', 'confidence'] as const;

/** The variable of every service that is at an address of one's own. */
const OWN_KEY = 'LIMBECK_TEACHER_KEY';

export const INIT_SERVICES: readonly InitService[] = [
  {
    name: 'openai',
    title: 'OpenAI',
    adapter: 'openai',
    factory: 'openai',
    outputs: ALL_OUTPUTS,
    charges: true,
    url: 'https://api.openai.com/v1',
    example: 'gpt-4.1-mini',
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
    // Which of its models tell log-probabilities, only asking shows.
    outputs: ['label', 'confidence', 'log-probabilities'],
    charges: true,
    url: 'https://generativelanguage.googleapis.com/v1beta',
    example: 'gemini-2.5-flash-lite',
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
    example: 'eu.amazon.nova-lite-v1:0',
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

/** Where a service's key is looked for, and whether it is there. */
export interface KeyState {
  /** The variables that are set, or would have to be. */
  readonly variables: readonly string[];
  readonly isSet: boolean;
  readonly isNeeded: boolean;
}

/** Looks whether a key is set, and never at what it is. An address of one's own gets no provider's key. */
export function keyState({keys, keyless, regional}: InitService, url: string | undefined): KeyState {
  const lists = url === undefined || regional ? keys : [[OWN_KEY]];
  const found = lists.find(variables => variables.every(variable => Boolean(process.env[variable])));
  return {
    variables: found ?? lists[0]!,
    isSet: found !== undefined,
    isNeeded: !keyless && (url === undefined || regional === true),
  };
}
