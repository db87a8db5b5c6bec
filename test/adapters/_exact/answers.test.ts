import {describe, expect, it} from 'vitest';
import {promptsFor} from '../../../adapters/_chat/prompt.ts';
import {answerSequences, exactReceipt, readExact} from '../../../adapters/_exact/answers.ts';
import type {ExactServer} from '../../../adapters/_exact/server.ts';
import {InputError} from '../../../src/errors.ts';
import type {TopKAnswer} from '../../../src/teacher.ts';

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

const {log} = Math;

/** Two classes, the first with two ways: tokens 1 and 2 4, the second with 2 3. */
const reply = {
  sequences: [[[1], [2, 4]], [[2, 3]]],
  told: [
    {1: log(0.5), 2: log(0.4)},
    {3: log(0.75), 4: log(0.05), 9: log(0.2)},
  ],
};

function answerOf(read: TopKAnswer | string): TopKAnswer {
  if (typeof read === 'string') throw new Error(read);
  return read;
}

describe('readExact', () => {
  it('multiplies along each way and adds the ways of a class', () => {
    const {classes, logProbabilities, rest} = answerOf(readExact(reply, 2, ''));
    expect([...classes]).toEqual([0, 1]);
    expect(logProbabilities).toEqual(Float32Array.of(log(0.5 + 0.4 * 0.05), log(0.4 * 0.75)));
    expect(rest).toBeCloseTo(1 - 0.52 - 0.3, 6);
  });

  it('finds logits out by the most probable token, though it was not asked for', () => {
    const told = [{1: -3, 2: -4, 9: 11.5}, reply.told[1]];
    expect(readExact({...reply, told}, 2, '')).toContain('logits instead of log-probabilities: one is 11.50');
  });

  it('refuses log-probabilities that are of no one distribution', () => {
    expect(readExact({...reply, told: [{1: log(0.7), 2: log(0.6)}, reply.told[1]]}, 2, '')).toContain('above 1');
  });

  it.each([
    ['a token', [{1: log(0.5)}, reply.told[1]]],
    ['a node', [reply.told[0]]],
  ])('says so if %s was not told, with what to do', (_, told) => {
    const problem = readExact({...reply, told}, 2, 'Update it.');
    expect(problem).toBe('It did not give all log-probabilities that it was asked for. Update it.');
  });

  it('gives what is below all that is told to the rest', () => {
    const told = [reply.told[0], {3: log(0.75), 4: -9999}];
    expect(answerOf(readExact({...reply, told}, 2, '')).logProbabilities).toEqual(Float32Array.of(log(0.5), log(0.3)));
  });

  it.each([
    ['of other classes', reply, 3],
    ['of a server', {choices: []}, 2],
    ['none', undefined, 2],
  ])('takes no reply that is %s', (_, document, classes) => {
    expect(readExact(document, classes, 'Check `url`.')).toBe('It gives nothing about the answers. Check `url`.');
  });
});

describe('exactReceipt', () => {
  it('tells who answered and at what cost, and nothing of another document', () => {
    const usage = {inputTokens: 3, outputTokens: 2};
    expect(exactReceipt({...reply, model: 'm', usage})).toEqual({model: 'm', usage});
    expect(exactReceipt('x')).toEqual({});
  });
});
