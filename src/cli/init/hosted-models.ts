import {endingOf, endingText} from '../../ask/provider/ending.ts';

/** A hosted model that `init`, an example or a page of the docs names. */
export interface HostedModel {
  /** The service's own name of it. */
  readonly model: string;
  /** The day on which `source` was last looked at, as YYYY-MM-DD. */
  readonly checkedAt: string;
  /**
   * The day on which it ends, as YYYY-MM-DD.
   *
   * @default none is announced
   */
  readonly endsAt?: string;
  /** Where that was looked up. */
  readonly source: string;
  /**
   * The length of an embedding model's vectors, if no other one is asked for.
   *
   * @default it gives no vectors
   */
  readonly dimensions?: number;
  /**
   * Fields of a chat request without which it thinks before it names a class: that is slow, dear, and hides the
   * probabilities.
   *
   * @default none
   */
  readonly chatParameters?: {readonly [field: string]: string};
}

const OPENAI_ENDS = 'https://developers.openai.com/api/docs/deprecations';
const GOOGLE_ENDS = 'https://ai.google.dev/gemini-api/docs/deprecations';

/**
 * All hosted models that are named to users. `test/cli/init/hosted-models.test.ts` fails if one of them has an announced
 * end and is named nevertheless, or if another one is named.
 */
export const HOSTED_MODELS: readonly HostedModel[] = [
  {
    model: 'gpt-6-luna',
    checkedAt: '2026-12-01',
    source: 'https://developers.openai.com/api/docs/models/gpt-6-luna',
    chatParameters: {reasoning_effort: 'none'},
  },
  {model: 'gpt-4.1-mini', checkedAt: '2026-12-01', endsAt: '2027-01-14', source: OPENAI_ENDS},
  {model: 'text-embedding-3-small', checkedAt: '2026-12-01', source: OPENAI_ENDS, dimensions: 1536},
  {
    model: 'claude-haiku-4-5',
    checkedAt: '2026-12-01',
    source: 'https://platform.claude.com/docs/en/about-claude/model-deprecations',
  },
  {model: 'gemini-3.5-flash-lite', checkedAt: '2026-12-01', source: GOOGLE_ENDS},
  {
    model: 'gemini-embedding-2',
    checkedAt: '2026-12-01',
    source: 'https://ai.google.dev/gemini-api/docs/models/gemini-embedding-2',
    dimensions: 3072,
  },
  {model: 'gemini-decision-1', checkedAt: '2026-12-01', source: 'https://www.npmjs.com/package/@google/genai'},
  {
    model: 'eu.amazon.nova-2-lite-v1:0',
    checkedAt: '2026-12-01',
    source: 'https://docs.aws.amazon.com/bedrock/latest/userguide/model-card-amazon-nova-2-lite.html',
  },
  {
    model: 'mistral-small-latest',
    checkedAt: '2026-12-01',
    source: 'https://docs.mistral.ai/resources/deprecated',
  },
  {
    model: 'command-a-03-2025',
    checkedAt: '2026-12-01',
    source: 'https://docs.cohere.com/docs/deprecations',
  },
  {
    model: 'embed-v4.0',
    checkedAt: '2026-12-01',
    source: 'https://docs.cohere.com/docs/deprecations',
    dimensions: 1536,
  },
  {model: 'jev-1.13.0', checkedAt: '2026-12-01', source: 'https://glama.ai/mcp/servers/xb3pp1bi5l'},
  // An alias, which servers of the protocol understand too.
  {model: 'jev-latest', checkedAt: '2026-12-01', source: 'https://glama.ai/mcp/servers/xb3pp1bi5l'},
];

/** What is known of a hosted model; undefined of most. */
export function hostedModel(name: string): HostedModel | undefined {
  return HOSTED_MODELS.find(({model}) => model === name);
}

/** Says when a model ends; undefined if no end is known. */
export function endingNote(name: string): string | undefined {
  const {endsAt, source} = hostedModel(name) ?? {};
  return endsAt && `${endingText(`The model ${name}`, endingOf(endsAt))} See ${source}. Choose one that stays.`;
}
