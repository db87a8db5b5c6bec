import {InputError} from '../../src/errors.ts';
import type {TopKAnswer} from '../../src/teacher.ts';
import type {Prompt, Prompts} from '../_chat/prompt.ts';
import {scoreTrie, type TokenTrie, tokenTrie} from '../_exact/label-trie.ts';
import type {LlamaModel, OpenLlama} from './library.ts';
import {distributionsAfter, END, planFor} from './scoring.ts';

/** Scores all classes for one text, or returns the reason that it can't be asked about, in sentences. */
export type Scorer = (text: string, sample: number, signal?: AbortSignal) => Promise<TopKAnswer | string>;

/** @throws InputError if the codes can't be told apart by their tokens */
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
      return `The text, its prompt and its answer take ${needed} tokens, and there is room for ${room}. Raise \`contextSize\`, or shorten the text.`;
    }
    const prompt = {tokens: whole, shared: sharedIn(whole, sample)};
    const distributions = await distributionsAfter(sequence, prompt, scoring, signal);
    return scoreTrie(trie, (_, index) => distributions[index]!);
  };
}

/** Returns every token that can end the model's turn. */
function endsOf({tokens: {eot, eos}}: LlamaModel): readonly number[] {
  const ends = [...new Set([eot, eos])].filter(token => token !== null);
  if (ends.length > 0) return ends;
  throw new InputError('The model has no token that ends a turn. Give `endsTurn: false`.');
}

/** Codes can be answered with a space before them or without: this depends on the tokenizer and the template. */
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

/** Texts that begin so differently that the common prefix of their prompts ends before the text. */
const PROBES = ['a', '1', '\n', '(', 'é'];

/** Counts the tokens at the start of a prompt that other prompts share, because they come before its text. */
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
    // At least one token of each prompt is left, because the answer is asked for after it.
    return shared.length < whole.length && shared.every((token, index) => whole[index] === token) ? shared.length : 0;
  };
}

function commonStart(one: readonly number[], other: readonly number[]): readonly number[] {
  const end = one.findIndex((token, index) => token !== other[index]);
  return end < 0 ? one : one.slice(0, end);
}

/** Converts prompts to a model's tokens. */
interface Tokens {
  /**
   * Returns the tokens of the prompt about a text, up to the start of the answer; or the reason that there are none.
   *
   * @param promptFor - returns the prompt about any text
   */
  of(promptFor: (text: string) => Prompt, text: string): readonly number[] | string;
  /** Returns the tokens of an answer. */
  ofLabel(label: string): readonly number[];
}

/** Replaces the text in a prompt that is taken apart. No template contains it. */
const PLACEHOLDER = '\uE000text\uE001';

/** @param render - the model's chat template; without one, the parts of a prompt are joined unchanged */
export function tokensFor(model: LlamaModel, render: ((values: object) => string) | undefined): Tokens {
  const rendered = render ? chatRenderer(model, render) : plainly;
  const {bos, shouldPrependBosToken} = model.tokens;
  const begun = (tokens: readonly number[]): readonly number[] =>
    shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
  return {
    of(promptFor, text) {
      const whole = rendered(promptFor(text));
      if (!namesSpecialToken(model, text)) return begun(model.tokenize(whole, true));
      // Reads the text as plain letters, because it must not end its own message.
      const [start = '', ...others] = rendered(promptFor(PLACEHOLDER)).split(PLACEHOLDER);
      const said = waysToTrim(text).find(way => [start, ...others].join(way) === whole);
      if (said === undefined) return 'The text names special tokens, and the chat template changes it. Leave it out.';
      const letters = model.tokenize(said, false, 'trimLeadingSpace');
      const after = others.flatMap(other => [...letters, ...model.tokenize(other, true, 'trimLeadingSpace')]);
      return begun([...model.tokenize(start, true), ...after]);
    },
    ofLabel: label => model.tokenize(label, false, 'trimLeadingSpace'),
  };
}

/** Templates trim a message, so they trim a text at the start or the end of one. */
function waysToTrim(text: string): readonly string[] {
  return [text, text.trimEnd(), text.trimStart(), text.trim()];
}

function namesSpecialToken(model: LlamaModel, text: string): boolean {
  return model.tokenize(text, true).join() !== model.tokenize(text, false).join();
}

function plainly({system, user}: Prompt): string {
  return system === undefined ? user : `${system}\n\n${user}`;
}

function chatRenderer({tokens}: LlamaModel, render: (values: object) => string): (prompt: Prompt) => string {
  const values = {
    add_generation_prompt: true,
    bos_token: tokens.bosString ?? '',
    eos_token: tokens.eosString ?? '',
    // Turns thinking off, because a label is scored at the start of the answer.
    enable_thinking: false,
  };
  const chat = (messages: readonly object[]): string => render({...values, messages});
  const asUser = (prompt: Prompt) => chat([{role: 'user', content: plainly(prompt)}]);
  return prompt => {
    const {system, user} = prompt;
    if (system === undefined) return asUser(prompt);
    try {
      const rendered = chat([
        {role: 'system', content: system},
        {role: 'user', content: user},
      ]);
      // Some templates know no system message. They refuse it, or silently leave it out.
      return rendered.includes(system.trim()) ? rendered : asUser(prompt);
    } catch {
      return asUser(prompt);
    }
  };
}
