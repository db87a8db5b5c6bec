import {join} from 'node:path';
import {anthropic} from '../../adapters/anthropic.ts';
import {gemini} from '../../adapters/gemini.ts';
import {http} from '../../adapters/http.ts';
import {openai} from '../../adapters/openai.ts';
import {type AskingOptions, askEach, type LedgerSnapshot, openAsking} from '../../src/index.ts';
import type {Outcome, Teacher} from '../../src/teacher.ts';
import type {Behavior} from '../servers/llmock.ts';
import {text} from './replay.ts';

const classes = ['praise', 'complaint', 'query'];

/** Where a client asks, and as whom. */
export interface Place {
  readonly url: string;
  /** What llmock's own log tells clients apart by. */
  readonly model: string;
  readonly timeout?: number;
}

/** Of a client: nothing that it says may hold this. */
export const keyOf = ({model}: Pick<Place, 'model'>): string => `sk_${model.replaceAll('-', '_')}_secret`;

const shared = ({model, timeout = 60_000}: Place) =>
  ({classes, model, timeout, key: keyOf({model}), output: 'label', concurrency: 32}) as const;

const chat =
  (path: string) =>
  (place: Place): Teacher =>
    openai({...shared(place), url: `${place.url}${path}`});

/** A client for each service that llmock mocks. */
export const CLIENTS: Readonly<Record<string, (place: Place) => Teacher>> = {
  openai: chat('/v1'),
  responses: place => openai({...shared(place), url: `${place.url}/v1`, api: 'responses'}),
  azure: place => openai({...shared(place), url: `${place.url}/v1`, apiVersion: '2024-10-21'}),
  anthropic: place => anthropic({...shared(place), url: `${place.url}/anthropic`}),
  gemini: place => gemini({...shared(place), url: `${place.url}/gemini/v1beta`}),
  cohere: place =>
    http({
      ...shared(place),
      url: `${place.url}/cohere/v2/chat`,
      request: {model: place.model, messages: [{role: 'user', content: '{text}'}]},
      output: {label: '/message/content/0/text'},
      error: '/error',
    }),
  mistral: chat('/mistral/v1'),
  groq: chat('/groq/openai/v1'),
  together: chat('/together/v1'),
  perplexity: chat('/perplexity/v1'),
  ai21: chat('/ai21/v1'),
  xai: chat('/xai/v1'),
};

/** What llmock would say of these is no class: of Anthropic it knows no schema of now, and Cohere's is asked for none. */
export const ANSWERS: readonly Behavior[] = [
  {type: 'reply', text: '{"label": "praise"}', times: null, match: {provider: 'anthropic'}},
  {type: 'reply', text: 'praise', times: null, match: {provider: 'cohere'}},
];

export interface Run {
  readonly outcomes: readonly Outcome[];
  readonly ledger: LedgerSnapshot;
  /** What stopped it. */
  readonly error: Error | undefined;
  /** Of the outcomes and of what stopped it, with their causes. */
  readonly messages: readonly string[];
}

/** Asks about so many texts, as a program of a user does. @param folder - where answers and the journal are kept */
export async function askAbout(
  teacher: Teacher,
  count: number,
  {folder, ...options}: {readonly folder: string} & Omit<AskingOptions, 'cache' | 'journal'>,
): Promise<Run> {
  const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal'), ...options});
  const outcomes: Outcome[] = [];
  let error: Error | undefined;
  try {
    const {teacher: layered, ledger} = asking.open(teacher);
    const queries = Array.from({length: count}, (_, number) => text(`What do you say of number ${number}?`));
    const take = (some: readonly Outcome[], start: number) => {
      for (const [place, outcome] of some.entries()) outcomes[start + place] = outcome;
    };
    await askEach(layered, queries, take).catch((reason: Error) => {
      error = reason;
    });
    return {outcomes, error, ledger: ledger.snapshot(), messages: messagesOf(outcomes, error)};
  } finally {
    await asking.close();
  }
}

function messagesOf(outcomes: readonly Outcome[], error: Error | undefined): string[] {
  const errors = outcomes.flatMap(outcome => ('error' in outcome ? outcome.error : []));
  return [...errors, ...(error ? [error] : [])].map(chain);
}

function chain({message, cause}: Error): string {
  return cause instanceof Error ? `${message} ${chain(cause)}` : message;
}
