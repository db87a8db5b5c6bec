import {z} from 'zod';
import type {Receipt, TopKAnswer} from '../../src/teacher.ts';
import {withinOne} from '../_chat/projection-answer.ts';
import {tokenCount} from '../_wire/reply.ts';
import {scoreTrie, tokenTrie} from './label-trie.ts';
import {isWhole, type ToldTokens} from './server.ts';

/** All ways to write the answer of each class, as token ids. One that ends the turn includes its last token. */
export type AnswerSequences = readonly (readonly (readonly number[])[])[];

/**
 * The result of one query as it is kept. The server's own replies don't say what they were asked.
 */
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
