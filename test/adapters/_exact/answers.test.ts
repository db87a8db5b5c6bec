import {describe, expect, it} from 'vitest';
import {promptsFor} from '../../../adapters/_chat/prompt.ts';
import {answerSequences} from '../../../adapters/_exact/answers.ts';
import type {ExactServer} from '../../../adapters/_exact/server.ts';
import {InputError} from '../../../src/errors.ts';

const prompts = promptsFor({classes: ['yes', 'no'], codes: 'names'}, 'letters');

/** Its tokens are characters; a message ends with token 2. */
const letters: ExactServer = {
  shared: {},
  tokensOf: async text => codesOf(text),
  promptTokens: async (promptFor, text) => codesOf(promptFor(text).user),
  answeredTokens: async ({user}, answer) => [...codesOf(user), ...codesOf(answer), 2, 10, 1],
  otherEnds: async () => [],
  tell: async () => ({told: []}),
};

const codesOf = (text: string) => Array.from(text, letter => letter.codePointAt(0)!);

/** Puts a space (which is 5) before a text, as SentencePiece does. */
const spacing: ExactServer = {...letters, tokensOf: async text => codesOf(` ${text}`.replaceAll(' ', '\u0005'))};

describe('answerSequences', () => {
  it('has each code with and without a space, and the token after it that ends a turn', async () => {
    const [yes, no] = await answerSequences(letters, prompts, true);
    expect(yes).toEqual([
      [...codesOf('yes'), 2],
      [...codesOf(' yes'), 2],
    ]);
    expect(no![0]).toEqual([...codesOf('no'), 2]);
  });

  it('takes a code as it stands at the beginning of a line, not of a text', async () => {
    const [yes] = await answerSequences(spacing, prompts, false);
    expect(yes).toEqual([codesOf('yes'), [5, ...codesOf('yes')]]);
  });

  it('has one way if space or none make no difference', async () => {
    const trimming: ExactServer = {...letters, tokensOf: async text => codesOf(text.replaceAll(' ', ''))};
    expect((await answerSequences(trimming, prompts, false))[0]).toEqual([codesOf('yes')]);
  });

  it('takes the code by itself if it melts together with the line’s end', async () => {
    const melting: ExactServer = {
      ...letters,
      tokensOf: async text => (text.length > 1 && text[0] === '\n' ? [7] : codesOf(text)),
    };
    expect((await answerSequences(melting, prompts, false))[0]).toEqual([codesOf('yes'), codesOf(' yes')]);
  });

  it('counts every token that ends a turn, each once', async () => {
    const ending: ExactServer = {...letters, otherEnds: async () => [2, 3]};
    const [yes] = await answerSequences(ending, prompts, true);
    expect(yes!.map(way => way.at(-1))).toEqual([2, 3, 2, 3]);
  });

  it.each([
    ['leaves answers out', async () => [1, 2, 3]],
    ['ends with the answer', async (_: unknown, answer: string) => [1, ...codesOf(answer)]],
  ])('says so if the template %s', async (_, answeredTokens) => {
    const asked = answerSequences({...letters, answeredTokens}, prompts, true);
    await expect(asked).rejects.toThrow('ends no turn with a token of its own. Give `endsTurn: false`.');
  });

  it('refuses codes of which one begins another, unless the end of the turn counts', async () => {
    const alike = promptsFor({classes: ['no', 'not'], codes: 'names'}, 'letters');
    const error = await answerSequences(letters, alike, false).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message).toContain("The codes no, not can't be told apart by their tokens");
    expect((error as InputError).message).toContain('or `endsTurn: true`');
    await expect(answerSequences(letters, alike, true)).resolves.toHaveLength(2);
  });
});
