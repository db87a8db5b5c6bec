import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type PromptOptions, promptsFor} from '../../../adapters/_chat/prompt.ts';
import type {LlamaModel, OpenLlama} from '../../../adapters/_llama/library.ts';
import {scorerFor} from '../../../adapters/_llama/scorer.ts';
import type {TopKAnswer} from '../../../src/teacher.ts';
import {fakeModel, fakeSequence, lettersOf, probabilityOf, SPECIAL, tokensOf} from '../llama-fake.ts';

const classes = ['tea', 'coffee', 'milk'];
const options: PromptOptions = {classes, prompt: {system: 'Say one of: {classes}', user: '{text}'}};
const prompts = promptsFor(options, 'letters');

function opened(change: Partial<OpenLlama> = {}): OpenLlama & {readonly sequence: ReturnType<typeof fakeSequence>} {
  return {model: fakeModel(), room: 999, render: undefined, ...change, sequence: fakeSequence()};
}

function answerOf(scored: TopKAnswer | string): TopKAnswer {
  if (typeof scored === 'string') throw new Error(scored);
  return scored;
}

/** Probability of each class after a prompt: of its code, with a space before it or none, and of any end. */
function massesAfter(prompt: readonly number[], codes: readonly string[], endsTurn: boolean): number[] {
  const ends = endsTurn ? [[SPECIAL['<end>']], [SPECIAL['<turn>']]] : [[]];
  const ways = (code: string) => [code, ` ${code}`].flatMap(way => ends.map(end => [...lettersOf(way), ...end]));
  return codes.map(code => ways(code).reduce((sum, way) => sum + probabilityOf(prompt, way), 0));
}

function expectMasses({classes: named, logProbabilities, rest}: TopKAnswer, masses: readonly number[]): void {
  expect([...named].toSorted()).toEqual([...masses.keys()]);
  for (const [label, mass] of masses.entries()) {
    expect(logProbabilities[named.indexOf(label)]).toBeCloseTo(Math.log(mass), 4);
  }
  expect(rest).toBeCloseTo(1 - masses.reduce((sum, mass) => sum + mass, 0), 6);
}

const promptOf = (text: string, list = 'A: tea\nB: coffee\nC: milk'): number[] => [
  SPECIAL['<s>'],
  ...tokensOf(`Say one of: ${list}\n\n${text}`),
];

describe('scorerFor', () => {
  it.each([true, false])('sums the ways to write each class, with the end of the turn: %s', async endsTurn => {
    const score = scorerFor(opened(), prompts, endsTurn);
    expectMasses(answerOf(await score('earl grey', 0)), massesAfter(promptOf('earl grey'), ['A', 'B', 'C'], endsTurn));
  });

  it('tells codes apart of which one begins another, by their end alone', async () => {
    const codes = ['a', 'an', 'ant'];
    const nested = promptsFor({...options, codes}, 'letters');
    const score = scorerFor(opened(), nested, true);
    const prompt = promptOf('earl grey', 'a: tea\nan: coffee\nant: milk');
    expectMasses(answerOf(await score('earl grey', 0)), massesAfter(prompt, codes, true));
    expect(() => scorerFor(opened(), nested, false)).toThrow(
      "The codes a, an, ant can't be told apart by their tokens: one is, or begins, another. Give other `codes`, or `endsTurn: true`.",
    );
  });

  it('counts a code once whose tokens are the same with a space before it', async () => {
    const tokenize: LlamaModel['tokenize'] = (text, readsNames) =>
      readsNames ? tokensOf(text) : lettersOf(text.trimStart());
    const score = scorerFor(opened({model: fakeModel({tokenize})}), prompts, false);
    const prompt = promptOf('earl grey');
    const masses = ['A', 'B', 'C'].map(code => probabilityOf(prompt, lettersOf(code)));
    expectMasses(answerOf(await score('earl grey', 0)), masses);
  });

  it('refuses codes that are the same tokens', () => {
    const tokenize: LlamaModel['tokenize'] = () => [65];
    expect(() => scorerFor(opened({model: fakeModel({tokenize})}), prompts, true)).toThrow(
      "The codes A, B, C can't be told apart by their tokens: one is, or begins, another. Give other `codes`.",
    );
  });

  it('counts each token once that ends a turn, and refuses a model that has none', async () => {
    const {tokens} = fakeModel();
    const same = fakeModel({tokens: {...tokens, eot: tokens.eos}});
    const scored = answerOf(await scorerFor(opened({model: same}), prompts, true)('earl grey', 0));
    const ways = (code: string) => [code, ` ${code}`].map(way => [...lettersOf(way), SPECIAL['<end>']]);
    const masses = ['A', 'B', 'C'].map(code =>
      ways(code).reduce((sum, way) => sum + probabilityOf(promptOf('earl grey'), way), 0),
    );
    expectMasses(scored, masses);
    const none = fakeModel({tokens: {...tokens, eot: null, eos: null}});
    expect(() => scorerFor(opened({model: none}), prompts, true)).toThrow(
      'The model has no token that ends a turn. Give `endsTurn: false`.',
    );
    expect(() => scorerFor(opened({model: none}), prompts, false)).not.toThrow();
  });

  it('evaluates what all prompts begin with once, of each order of the classes', async () => {
    const {sequence, ...rest} = opened();
    const score = scorerFor({...rest, sequence}, promptsFor({...options, rotateClasses: true}, 'letters'), false);
    const shared = promptOf('').length;
    await score('earl grey', 0);
    expect(sequence.evaluations[0]).toBe(shared);
    const {length} = sequence.evaluations;
    await score('mocha', 0);
    expect(sequence.evaluations.slice(length)).toEqual(['mocha '.length]);
    const rotated = answerOf(await score('mocha', 1));
    const prompt = promptOf('mocha', 'B: coffee\nC: milk\nA: tea');
    expectMasses(rotated, massesAfter(prompt, ['A', 'B', 'C'], false));
    expect(sequence.evaluations.filter(count => count === shared)).toHaveLength(2);
  });

  it('answers a text that is empty, and one that begins as the probes do', async () => {
    const score = scorerFor(opened(), promptsFor({...options, prompt: {user: '{text}'}}, 'letters'), false);
    for (const text of ['', 'a', '(', '\n1']) {
      const prompt = [SPECIAL['<s>'], ...lettersOf(text)];
      expectMasses(answerOf(await score(text, 0)), massesAfter(prompt, ['A', 'B', 'C'], false));
    }
  });

  it('says how much room a text takes, and answers one that just fits', async () => {
    const prompt = promptOf('earl grey');
    const answer = lettersOf(' A').length;
    const needed = prompt.length + answer;
    const fits = scorerFor(opened({room: needed}), prompts, true);
    expect(await fits('earl grey', 0)).toEqual(await scorerFor(opened(), prompts, true)('earl grey', 0));
    const over = scorerFor(opened({room: needed - 1}), prompts, true);
    expect(await over('earl grey', 0)).toBe(
      `The text, its prompt and its answer take ${needed} tokens, and there is room for ${needed - 1}. Raise \`contextSize\`, or shorten the text.`,
    );
  });

  it('gives the same bits whatever was asked before, of any texts', async () => {
    const rotating = promptsFor({...options, rotateClasses: true}, 'letters');
    const query = fc.tuple(fc.string({maxLength: 8}), fc.nat({max: 2}));
    const asked = fc.array(query, {minLength: 2, maxLength: 6});
    const isSame = async (queries: readonly (readonly [string, number])[]): Promise<void> => {
      const score = scorerFor(opened(), rotating, true);
      for (const [text, sample] of queries) {
        expect(await score(text, sample)).toEqual(await scorerFor(opened(), rotating, true)(text, sample));
      }
    };
    await fc.assert(fc.asyncProperty(asked, isSame), {numRuns: 20});
  });
});
