import {InputError} from '../../src/errors.ts';
import type {TopKAnswer} from '../../src/teacher.ts';
import type {Prompts} from '../_chat/prompt.ts';
import {scoreTrie, type TokenTrie, tokenTrie} from '../_exact/label-trie.ts';
import type {LlamaModel, OpenLlama} from './library.ts';
import {type Tokens, tokensFor} from './prompt.ts';
import {distributionsAfter, END, planFor} from './scoring.ts';

/** Scores all classes for one text, or says in sentences why it can't be asked about. */
export type Scorer = (text: string, sample: number, signal?: AbortSignal) => Promise<TopKAnswer | string>;

/** @throws InputError where the codes can't be told apart by their tokens */
export function scorerFor({model, sequence, room, render}: OpenLlama, prompts: Prompts, endsTurn: boolean): Scorer {
  const tokens = tokensFor(model, render);
  const ends = endsTurn ? endsOf(model) : [];
  const trie = trieOf(prompts.codes, tokens, endsTurn);
  const scoring = {trie, plan: planFor(trie), ends};
  const answerLength = Math.max(...trie.nodes.map(({prefix}) => prefix.length));
  const sharedIn = sharedTokens(prompts, tokens);
  return async (text, sample, signal) => {
    const whole = tokens.of(about => prompts.for(about, sample), text);
    if (typeof whole === 'string') return whole;
    const needed = whole.length + answerLength;
    if (needed > room) {
      return `The text takes ${needed} tokens with its prompt and answer, and there is room for ${room}. Raise \`contextSize\`, or shorten the text.`;
    }
    const prompt = {tokens: whole, shared: sharedIn(whole, sample)};
    const distributions = await distributionsAfter(sequence, prompt, scoring, signal);
    return scoreTrie(trie, (_, place) => distributions[place]!);
  };
}

/** Every token with which the model may end its turn. */
function endsOf({tokens: {eot, eos}}: LlamaModel): readonly number[] {
  const ends = [...new Set([eot, eos])].filter(token => token !== null);
  if (ends.length > 0) return ends;
  throw new InputError('The model has no token that ends a turn. Give `endsTurn: false`.');
}

/** A code may be answered with a space before it: which of both depends on the tokenizer and the template. */
function trieOf(codes: readonly string[], tokens: Tokens, endsTurn: boolean): TokenTrie {
  const sequences = codes.map(code => {
    const ways = [code, ` ${code}`].map(tokens.ofLabel);
    return [...new Map(ways.map(way => [way.join(), way])).values()];
  });
  try {
    return tokenTrie(sequences, endsTurn ? END : undefined);
  } catch (cause) {
    throw new InputError(
      `The codes ${codes.join(', ')} can't be told apart by their tokens: one is, or begins, another. Give other \`codes\`${endsTurn ? '' : ', or `endsTurn: true`'}.`,
      {cause},
    );
  }
}

/** Texts that begin so differently that what their prompts have in common comes before the text. */
const PROBES = ['a', '1', '\n', '(', 'é'];

/** Counts the tokens at the beginning of a prompt that stand before its text, and so in other prompts too. */
function sharedTokens(prompts: Prompts, tokens: Tokens): (whole: readonly number[], sample: number) => number {
  const known = new Map<string, readonly number[]>();
  const sharedOf = (sample: number): readonly number[] => {
    const key = JSON.stringify(prompts.for('', sample));
    const shared =
      known.get(key) ??
      PROBES.map(text => tokens.of(about => prompts.for(about, sample), text) as readonly number[]).reduce(commonStart);
    known.set(key, shared);
    return shared;
  };
  return (whole, sample) => {
    const shared = sharedOf(sample);
    // Of each prompt one token at least is left: what follows is asked after it.
    return shared.length < whole.length && shared.every((token, index) => whole[index] === token) ? shared.length : 0;
  };
}

function commonStart(one: readonly number[], other: readonly number[]): readonly number[] {
  const end = one.findIndex((token, index) => token !== other[index]);
  return end < 0 ? one : one.slice(0, end);
}
