import {z} from 'zod';
import {InputError} from '../../src/errors.ts';
import type {Receipt, TopKAnswer} from '../../src/teacher.ts';
import {withinOne} from '../_chat/projection.ts';
import type {Prompts} from '../_chat/prompt.ts';
import {tokenCount} from '../_wire/usage.ts';
import {scoreTrie, tokenTrie} from './label-trie.ts';
import {type ExactServer, isWhole, type ToldTokens} from './server.ts';

/** All ways to write the answer of each class, as token ids. One that ends the turn includes its last token. */
export type AnswerSequences = readonly (readonly (readonly number[])[])[];

/**
 * Returns the token sequences that answer each class: its code, with or without a space before it. Which one a model
 * uses depends on tokenizer and template.
 *
 * @param endsTurn - true if an answer counts only with the token that ends the turn
 * @throws InputError if the codes can't be told apart by their tokens
 */
export async function answerSequences(
  server: ExactServer,
  {codes, for: promptFor}: Prompts,
  endsTurn: boolean,
): Promise<AnswerSequences> {
  const line = await server.tokensOf('\n');
  const ends = endsTurn ? await endsOf(server, promptFor) : [[]];
  const ofAnswer = async (answer: string): Promise<readonly number[]> => {
    // Tokenized after a line break, as answers mostly are. Alone, a text can get a space before it.
    const tokens = await server.tokensOf(`\n${answer}`);
    return startsWith(tokens, line) ? tokens.slice(line.length) : server.tokensOf(answer);
  };
  const sequences: (readonly number[])[][] = [];
  for (const code of codes) {
    const ways = await Promise.all([code, ` ${code}`].map(ofAnswer));
    const distinct = [...new Map(ways.map(way => [way.join(), way])).values()];
    sequences.push(distinct.flatMap(way => ends.map(end => [...way, ...end])));
  }
  checkApart(sequences, codes, endsTurn);
  return sequences;
}

function checkApart(sequences: AnswerSequences, codes: readonly string[], endsTurn: boolean): void {
  try {
    tokenTrie(sequences);
  } catch (cause) {
    throw new InputError(
      `The codes ${codes.join(', ')} can't be told apart by their tokens: one is, or begins, another. Give other \`codes\`${endsTurn ? '' : ', or `endsTurn: true`'}.`,
      {cause},
    );
  }
}

/** Two answers that share no token, so that what follows both is the end of a turn. */
const PROBES = ['a', '1'] as const;

async function endsOf(server: ExactServer, promptFor: Prompts['for']): Promise<readonly (readonly number[])[]> {
  const prompt = promptFor('x', 0);
  const [one, other] = await Promise.all([
    server.answeredTokens(prompt, PROBES[0]),
    server.answeredTokens(prompt, PROBES[1]),
  ]);
  const after = one.slice(one.length - commonEnd(one, other));
  // If a template drops answers, both are equal.
  const ofTemplate = after.length === one.length ? [] : after.slice(0, 1);
  const ends = new Set([...ofTemplate, ...(await server.otherEnds())]);
  if (ends.size > 0) return [...ends].map(end => [end]);
  throw new InputError('The chat template ends no turn with a token of its own. Give `endsTurn: false`.');
}

function startsWith(tokens: readonly number[], start: readonly number[]): boolean {
  return start.every((token, index) => tokens[index] === token);
}

/** Returns the number of tokens that two sequences share at their ends. */
function commonEnd(one: readonly number[], other: readonly number[]): number {
  const most = Math.min(one.length, other.length);
  for (let length = 0; length < most; length++) {
    if (one[one.length - 1 - length] !== other[other.length - 1 - length]) return length;
  }
  return most;
}

/** The result of one query as it is kept. The server's own replies don't say what they were asked. */
export interface ExactReply extends Receipt {
  readonly sequences: AnswerSequences;
  /** In the order of the trie's nodes. Holds the asked tokens and the most probable one. */
  readonly told: readonly ToldTokens[];
}

const ids = z.array(z.number().int().min(0)).min(1);

const replySchema = z.object({
  sequences: z.array(z.array(ids).min(1)),
  told: z.array(z.record(z.string(), z.number())),
});

const receiptSchema = z.object({
  model: z.string().optional(),
  fingerprint: z.string().optional(),
  usage: z.object({inputTokens: tokenCount, outputTokens: tokenCount}).optional().catch(undefined),
});

/** Version of the reading below. */
export const READER = 1;

/**
 * Reads an `ExactReply`.
 *
 * @param advice - sentences that follow if the server did not give all that it was asked for
 * @returns all classes with their exact probability, or the reason that there is no answer, as sentences for a
 * `TeacherError`
 */
export function readExact(document: unknown, classes: number, advice: string): TopKAnswer | string {
  const {data} = replySchema.safeParse(document);
  if (data?.sequences.length !== classes) return `It gives nothing about the answers. ${advice}`;
  const {sequences, told} = data;
  const trie = tokenTrie(sequences);
  if (!isWhole({told}, trie)) return `It did not give all log-probabilities that it was asked for. ${advice}`;
  const problem = told.map(tokens => withinOne(Object.values(tokens))).find(logs => typeof logs === 'string');
  if (problem !== undefined) return problem;
  return scoreTrie(trie, (_, index) => token => told[index]![token]);
}

export function exactReceipt(document: unknown): Receipt {
  const {model, fingerprint, usage} = receiptSchema.safeParse(document).data ?? {};
  return {...(model && {model}), ...(fingerprint && {fingerprint}), ...(usage && {usage})};
}
