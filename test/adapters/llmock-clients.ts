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

/** The service and the model that a client asks. */
export interface Target {
  readonly url: string;
  /** The model name, by which llmock's log distinguishes clients. */
  readonly model: string;
  readonly timeout?: number;
}

/** The client's key, which nothing that it prints must hold. */
export const keyOf = ({model}: Pick<Target, 'model'>): string => `sk_${model.replaceAll('-', '_')}_secret`;

const connected = ({model, timeout = 60_000}: Target) =>
  ({classes, timeout, key: keyOf({model}), concurrency: 32}) as const;

const shared = (target: Target) => ({...connected(target), model: target.model, output: 'label'}) as const;

const chat =
  (path: string) =>
  (target: Target): Teacher =>
    openai({...shared(target), url: `${target.url}${path}`});

/** A client for each service that llmock mocks. */
export const CLIENTS: Readonly<Record<string, (target: Target) => Teacher>> = {
  openai: chat('/v1'),
  responses: target => openai({...shared(target), url: `${target.url}/v1`, api: 'responses'}),
  azure: target => openai({...shared(target), url: `${target.url}/v1`, apiVersion: '2024-10-21'}),
  anthropic: target => anthropic({...shared(target), url: `${target.url}/anthropic`}),
  gemini: target => gemini({...shared(target), url: `${target.url}/gemini/v1beta`}),
  cohere: target =>
    http({
      ...connected(target),
      url: `${target.url}/cohere/v2/chat`,
      request: {model: target.model, messages: [{role: 'user', content: '{text}'}]},
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

/** llmock's own answer to these is no class: it knows no current schema of Anthropic, and Cohere gets none. */
export const ANSWERS: readonly Behavior[] = [
  {type: 'reply', text: '{"label": "praise"}', times: null, match: {provider: 'anthropic'}},
  {type: 'reply', text: 'praise', times: null, match: {provider: 'cohere'}},
];

export interface Run {
  readonly outcomes: readonly Outcome[];
  readonly ledger: LedgerSnapshot;
  /** The error that stopped the run. */
  readonly error: Error | undefined;
  /** The errors of the outcomes and of the run, with their causes. */
  readonly messages: readonly string[];
}

/** Asks about so many texts, as a user's program does. @param folder - holds the answers and the journal */
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
      for (const [index, outcome] of some.entries()) outcomes[start + index] = outcome;
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
