import {InputError} from '../../src/errors.ts';
import type {TopKAnswer} from '../../src/teacher.ts';
import {isTold, logSumExp, topKOf, withinOne} from '../_chat/projection.ts';

/** Labels as sequences of tokens, with their common prefixes merged. */
export interface TokenTrie {
  /** The nodes whose next-token distribution must be asked for. The first has an empty prefix. */
  readonly nodes: readonly TrieNode[];
  /** All sequences of each class. */
  readonly sequences: readonly (readonly TrieSequence[])[];
}

export interface TrieNode {
  readonly prefix: readonly number[];
  /** The tokens whose log-probability is needed here, including the end token. */
  readonly children: readonly number[];
}

/** The steps of one sequence: each a token after a node. */
type TrieSequence = readonly {readonly node: number; readonly token: number}[];

/**
 * @param sequences - the ways to write each class (for example with and without a leading space), as token ids
 * @param end - the token that ends an answer; with it a label can be the beginning of another
 * @throws InputError if one sequence is or begins another, because their probabilities could not be told apart
 */
export function tokenTrie(sequences: readonly (readonly (readonly number[])[])[], end?: number): TokenTrie {
  const nodes: {prefix: number[]; children: number[]}[] = [];
  const indices = new Map<string, number>();
  const nodeAt = (prefix: number[]): number => {
    const key = prefix.join();
    const known = indices.get(key);
    if (known !== undefined) return known;
    indices.set(key, nodes.length);
    return nodes.push({prefix, children: []}) - 1;
  };
  const insert = (tokens: readonly number[]): TrieSequence =>
    tokens.map((token, length) => {
      const node = nodeAt(tokens.slice(0, length));
      const {children} = nodes[node]!;
      if (!children.includes(token)) children.push(token);
      return {node, token};
    });
  const ended = sequences.map(ofClass => ofClass.map(tokens => (end === undefined ? tokens : [...tokens, end])));
  const inserted = ended.map(ofClass => ofClass.map(insert));
  checkApart(ended, indices);
  return {nodes, sequences: inserted};
}

function checkApart(
  sequences: readonly (readonly (readonly number[])[])[],
  indices: ReadonlyMap<string, number>,
): void {
  const seen = new Set<string>();
  for (const [label, ofClass] of sequences.entries()) {
    if (ofClass.length === 0) throw new InputError(`Class ${label} has no sequence of tokens. Give at least one.`);
    for (const tokens of ofClass) {
      const key = tokens.join();
      if (tokens.length > 0 && !seen.has(key) && !indices.has(key)) {
        seen.add(key);
        continue;
      }
      throw new InputError(
        `The tokens [${tokens.join(', ')}] of class ${label} are empty, or are or begin another sequence. Give other labels, or the end token.`,
      );
    }
  }
}

/**
 * Exact scores: each sequence gets the product of its steps, each class the sum of its sequences.
 *
 * @param distributionAt - called once per node; returns the natural log-probability of a token after it, or undefined
 *   if unknown. A sequence with an unknown step goes to the rest
 * @returns the classes that have a score, or the reason that there is no answer, as sentences for a `TeacherError`
 */
export function scoreTrie(
  {nodes, sequences}: TokenTrie,
  distributionAt: (node: TrieNode, index: number) => (token: number) => number | undefined,
): TopKAnswer | string {
  const told = nodes.map((node, index) => toldAt(node, distributionAt(node, index)));
  const problem = told.find(logs => typeof logs === 'string');
  if (problem !== undefined) return problem;
  const scores = sequences.map(ofClass =>
    ofClass.map(steps => {
      const logs = steps.map(({node, token}) => (told[node] as ReadonlyMap<number, number>).get(token));
      return logs.every(isTold) ? logs.reduce((sum, value) => sum + value, 0) : undefined;
    }),
  );
  return fromSequenceScores(scores);
}

/** Returns the known log-probabilities of a node's tokens. */
function toldAt(
  {children}: TrieNode,
  logProbabilityOf: (token: number) => number | undefined,
): ReadonlyMap<number, number> | string {
  const tokens = children.filter(token => isTold(logProbabilityOf(token)));
  const logs = withinOne(tokens.map(token => logProbabilityOf(token)!));
  return typeof logs === 'string' ? logs : new Map(tokens.map((token, index) => [token, logs[index]!]));
}

/**
 * Returns the scores of a service that scores whole sequences.
 *
 * @param scores - the natural log-probability of each way to write each class; undefined if unknown
 * @returns the classes that have a score, or the reason that there is no answer, as sentences for a `TeacherError`
 */
export function fromSequenceScores(scores: readonly (readonly (number | undefined)[])[]): TopKAnswer | string {
  const told = scores.flatMap((ofClass, label) => ofClass.filter(isTold).map(log => ({label, log})));
  const logs = withinOne(told.map(({log}) => log));
  if (typeof logs === 'string') return logs;
  const ofClass: number[][] = scores.map(() => []);
  for (const [index, {label}] of told.entries()) ofClass[label]!.push(logs[index]!);
  return (
    topKOf(ofClass.map(logSumExp)) ??
    `It gives the probability of none of the ${scores.length} labels. Have it give those of their tokens.`
  );
}
