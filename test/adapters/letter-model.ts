import {probabilitiesOf} from './json-server.ts';

/** A language model that is no model: its tokens are characters, and what it answers to a text is known. */

/** Begins a message and ends a turn. */
const START = 1;
const END = 2;
const SPECIAL: ReadonlyMap<string, number> = new Map([
  ['<|start|>', START],
  ['<|end|>', END],
]);
const NAMES = new Map(Array.from(SPECIAL, ([name, token]) => [token, name]));

/** The share of each way to write an answer. The remainder is other answers. */
export const WAYS = {bare: 0.9, spaced: 0.06};

export function tokensOf(text: string): number[] {
  const parts = text.split(/(<\|start\|>|<\|end\|>)/);
  return parts.flatMap(part => {
    const token = SPECIAL.get(part);
    return token === undefined ? Array.from(part, character => character.codePointAt(0)!) : [token];
  });
}

export interface Message {
  readonly role: string;
  readonly content: string;
}

export function rendered(messages: readonly Message[], isOpen: boolean): string {
  const turns = messages.map(({role, content}) => `<|start|>${role}\n${content}<|end|>`).join('');
  return isOpen ? `${turns}<|start|>assistant\n` : turns;
}

/**
 * The natural log-probability of each token that can follow, the most probable first.
 *
 * @param prompt - a chat about one text, that goes on with the beginning of an answer
 * @param answers - of the classes
 */
export function nextTokens(prompt: readonly number[], answers: readonly string[]): {id: number; logprob: number}[] {
  const whole = prompt.map(token => NAMES.get(token) ?? String.fromCodePoint(token)).join('');
  const [, text, begun] = /<\|start\|>user\n([^<]*)<\|end\|><\|start\|>assistant\n(.*)$/s.exec(whole) ?? [];
  if (text === undefined || begun === undefined) throw new Error(`This is no open chat: ${whole}`);
  const masses = new Map([['?', 1 - WAYS.bare - WAYS.spaced]]);
  for (const [label, probability] of probabilitiesOf(text, answers.length).entries()) {
    masses.set(answers[label]!, WAYS.bare * probability);
    masses.set(` ${answers[label]}`, WAYS.spaced * probability);
  }
  const possible = [...masses].filter(([answer]) => answer.startsWith(begun));
  const total = possible.reduce((sum, [, mass]) => sum + mass, 0);
  const next = new Map<number, number>();
  for (const [answer, mass] of possible) {
    const token = answer.length === begun.length ? END : answer.codePointAt(begun.length)!;
    next.set(token, (next.get(token) ?? 0) + mass / total);
  }
  return Array.from(next, ([id, share]) => ({id, logprob: Math.log(share)})).sort((a, b) => b.logprob - a.logprob);
}
