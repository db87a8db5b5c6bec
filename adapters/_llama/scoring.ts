import {logSumExp} from '../_chat/projection.ts';
import type {TokenTrie, TrieNode} from '../_exact/label-trie.ts';
import type {AskedOutput, AskedToken, LlamaSequence} from './library.ts';

/** Stands in a trie for any of the tokens that end a turn. */
export const END = -1;

/** Returns the natural log-probability of a node's token. */
type Distribution = (token: number) => number | undefined;

/** The order in which a trie's nodes are evaluated: each once, and those of one path in one pass. */
type Plan = readonly Pass[];

interface Pass {
  /** Tokens between the prompt and this pass, which were evaluated before. */
  readonly before: readonly number[];
  /** Tokens to evaluate, each the last of a node's prefix. */
  readonly tokens: readonly number[];
  /** Indices of these nodes in the trie. */
  readonly nodes: readonly number[];
}

/** The root is the prompt's last token, so the first pass follows the prompt at once. */
export function planFor({nodes}: TokenTrie): Plan {
  const indices = new Map(nodes.map(({prefix}, index) => [prefix.join(), index]));
  const inner = new Set(nodes.flatMap(({prefix}) => (prefix.length > 0 ? [prefix.slice(0, -1).join()] : [])));
  const planned = new Set(['']);
  const paths = nodes.filter(({prefix}) => prefix.length > 0 && !inner.has(prefix.join()));
  return paths.map(({prefix}) => {
    const lengths = prefix.map((_, index) => index + 1).filter(length => !planned.has(prefix.slice(0, length).join()));
    const keys = lengths.map(length => prefix.slice(0, length).join());
    for (const key of keys) planned.add(key);
    const start = prefix.length - lengths.length;
    return {
      before: prefix.slice(0, start),
      tokens: prefix.slice(start),
      nodes: keys.map(key => indices.get(key)!),
    };
  });
}

export interface Scoring {
  readonly trie: TokenTrie;
  readonly plan: Plan;
  /** The tokens that `END` stands for. */
  readonly ends: readonly number[];
}

interface PromptTokens {
  readonly tokens: readonly number[];
  /** The number of the prompt's first tokens that other prompts share. They are evaluated separately and kept. */
  readonly shared: number;
}

/**
 * Evaluates a prompt and all nodes of a trie after it.
 *
 * The prompt and the trie alone decide which tokens are evaluated together, not earlier queries. The same query
 * therefore has the same answer to the last bit.
 *
 * @returns the distribution after each node, in the order of the trie
 */
export async function distributionsAfter(
  sequence: LlamaSequence,
  {tokens, shared}: PromptTokens,
  {trie, plan, ends}: Scoring,
  signal?: AbortSignal,
): Promise<readonly Distribution[]> {
  const ask = (token: number, index: number): AskedToken => [token, queryAt(trie.nodes[index]!, ends)];
  const found = new Array<Distribution>(trie.nodes.length);
  const keep = (outputs: readonly (AskedOutput | undefined)[], nodes: readonly number[]): void => {
    for (const [index, position] of nodes.entries()) {
      found[position] = distributionOf(outputs[outputs.length - nodes.length + index], ends);
    }
  };
  await goBackTo(sequence, tokens.slice(0, shared));
  signal?.throwIfAborted();
  const [first, ...others] = plan;
  const rootFirst = [0, ...(first?.nodes ?? [])];
  const opening = [tokens.at(-1)!, ...(first?.tokens ?? [])].map((token, index) => ask(token, rootFirst[index]!));
  keep(await sequence.controlledEvaluate([...tokens.slice(shared, -1), ...opening]), rootFirst);
  for (const pass of others) {
    signal?.throwIfAborted();
    const before = [...tokens, ...pass.before];
    await sequence.adaptStateToTokens(before, false);
    // Empty except for models whose state can't be truncated.
    const again = before.slice(sequence.nextTokenIndex);
    const asked = pass.tokens.map((token, index) => ask(token, pass.nodes[index]!));
    keep(await sequence.controlledEvaluate([...again, ...asked]), pass.nodes);
  }
  return found;
}

/** Makes these tokens the whole state. */
async function goBackTo(sequence: LlamaSequence, tokens: readonly number[]): Promise<void> {
  await sequence.adaptStateToTokens(tokens, false);
  if (sequence.nextTokenIndex === tokens.length) return;
  await sequence.clearHistory();
  if (tokens.length > 0) await sequence.controlledEvaluate(tokens);
}

/** Leaves the logits unchanged: the most probable token is taken, and no sampler runs before that. */
const RAW = {temperature: 0, topK: 0, topP: 1, minP: 0};

function queryAt({children}: TrieNode, ends: readonly number[]): AskedToken[1] {
  const tokens = children.flatMap(token => (token === END ? ends : [token]));
  // The selected token is the most probable one. `includeMax` would add it only if it is among the others already.
  const logits = {filter: {tokens, includeSelected: true}};
  return {generateNext: {logits, totalLogitWeight: true, options: RAW}};
}

/**
 * The log-probability of a token that the model rules out. Not -Infinity, which can't be compared with other numbers.
 */
const LEAST = -1000;

function distributionOf(output: AskedOutput | undefined, ends: readonly number[]): Distribution {
  const {logits, totalLogitWeight} = output?.next ?? {};
  if (logits === undefined || totalLogitWeight === undefined) throw new Error('It gave no logits.');
  const most = [...logits.values()].reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = most + Math.log(totalLogitWeight);
  if (!Number.isFinite(total)) throw new Error('It gave logits that are not finite.');
  const logOf = (token: number): number => {
    const logit = logits.get(token);
    if (logit === undefined) throw new Error(`It gave no logit for token ${token}.`);
    return Math.max(LEAST, logit - total);
  };
  return token => (token === END ? logSumExp(ends.map(logOf)) : logOf(token));
}
