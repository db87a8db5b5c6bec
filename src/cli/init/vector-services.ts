import type {Question} from '../../question.ts';
import {INIT_SERVICES, type InitService, OWN_KEY, QUESTION_SERVICES} from './services.ts';

const EMBEDDINGS = {adapter: 'embeddings', factory: 'embeddings', outputs: ['vector'], charges: true} as const;

/** Those that give vectors: embedding models. */
export const VECTOR_SERVICES: readonly InitService[] = [
  {
    ...{...EMBEDDINGS, name: 'openai', title: 'OpenAI', url: 'https://api.openai.com/v1'},
    example: 'text-embedding-3-small',
    keys: [['OPENAI_API_KEY']],
    keyless: false,
  },
  {
    ...{...EMBEDDINGS, name: 'cohere', title: 'Cohere', api: 'cohere', url: 'https://api.cohere.com'},
    example: 'embed-v4.0',
    keys: [['CO_API_KEY']],
    keyless: false,
  },
  {
    ...{...EMBEDDINGS, name: 'gemini', title: 'Google Gemini', api: 'gemini'},
    url: 'https://generativelanguage.googleapis.com/v1beta',
    example: 'gemini-embedding-2',
    keys: [['GEMINI_API_KEY']],
    keyless: false,
  },
  {
    ...{...EMBEDDINGS, name: 'tei', title: 'Text Embeddings Inference', api: 'text-embeddings-inference'},
    charges: false,
    url: undefined,
    example: 'BAAI/bge-m3',
    keys: [[OWN_KEY]],
    keyless: true,
  },
  {
    ...{...EMBEDDINGS, name: 'compatible', title: 'another service that speaks OpenAI’s protocol, by its address'},
    url: undefined,
    example: 'text-embedding-3-small',
    keys: [[OWN_KEY]],
    keyless: true,
  },
  {
    ...{name: 'encoder', title: 'a local encoder, in this process', adapter: 'encoder', factory: 'encoder'},
    outputs: ['vector'],
    charges: false,
    isLocal: true,
    url: undefined,
    example: 'all-minilm-l6-v2',
    keys: [],
    keyless: true,
  },
];

/** What is asked: typed questions, vectors, or else which of some classes a text is of. */
export interface Asking {
  readonly questions?: readonly Question[] | undefined;
  readonly isVectors?: boolean | undefined;
}

/** The services that a recipe can ask. */
export function servicesFor({questions, isVectors}: Asking): readonly InitService[] {
  if (isVectors) return VECTOR_SERVICES;
  return questions === undefined ? INIT_SERVICES : QUESTION_SERVICES;
}
