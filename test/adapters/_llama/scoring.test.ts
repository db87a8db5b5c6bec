import {describe, expect, it} from 'vitest';
import {type TrieNode, tokenTrie} from '../../../adapters/_exact/label-trie.ts';
import type {AskedOutput, LlamaSequence} from '../../../adapters/_llama/library.ts';
import {distributionsAfter, END, planFor, type Scoring} from '../../../adapters/_llama/scoring.ts';
import {fakeSequence, lettersOf, probabilityOf, SPECIAL} from '../llama-fake.ts';

const ends = [SPECIAL['<end>'], SPECIAL['<turn>']];

function scoringOf(...codes: readonly string[]): Scoring {
  const trie = tokenTrie(
    codes.map(code => [lettersOf(code)]),
    END,
  );
  return {trie, plan: planFor(trie), ends};
}

const prompt = lettersOf('Of what: tea.');
const asked = {tokens: prompt, shared: 9};

/** The model's log-probability of each child of a node, computed separately. */
function expectedOf({prefix, children}: TrieNode): number[] {
  const after = [...prompt, ...prefix];
  return children.map(token =>
    Math.log((token === END ? ends : [token]).reduce((sum, each) => sum + probabilityOf(after, [each]), 0)),
  );
}

async function scoresIn(sequence: LlamaSequence, scoring: Scoring, given = asked): Promise<number[][]> {
  const distributions = await distributionsAfter(sequence, given, scoring);
  return scoring.trie.nodes.map(({children}, node) => children.map(token => distributions[node]!(token)!));
}

describe('planFor', () => {
  it('evaluates each node once, after its parent, those of one path together', () => {
    const {trie, plan} = scoringOf('ant', 'an', 'bee', 'beer', 'bat');
    expect(plan).toEqual([
      {before: [], tokens: lettersOf('ant'), nodes: [1, 2, 3]},
      {before: [], tokens: lettersOf('beer'), nodes: [4, 5, 6, 7]},
      {before: lettersOf('b'), tokens: lettersOf('at'), nodes: [8, 9]},
    ]);
    const nodes = plan.flatMap(({nodes}) => nodes);
    expect(nodes.toSorted((a, b) => a - b)).toEqual([...trie.nodes.keys()].slice(1));
    for (const {before, tokens, nodes} of plan) {
      const prefixes = tokens.map((_, index) => [...before, ...tokens.slice(0, index + 1)]);
      expect(nodes.map(node => trie.nodes[node]!.prefix)).toEqual(prefixes);
    }
  });

  it('has nothing to evaluate after the prompt for codes of one token that need no end', () => {
    expect(planFor(tokenTrie([[[65]], [[66]]]))).toEqual([]);
  });
});

describe('distributionsAfter', () => {
  it.each([
    ['codes of one letter', ['A', 'B']],
    ['codes that share their beginning', ['tea', 'ten', 'two', 'teach', 'tent']],
    ['codes of which one begins another', ['an', 'ant', 'a', 'b']],
  ])('gives what the model makes of %s', async (_, codes) => {
    const scoring = scoringOf(...codes);
    const expected = scoring.trie.nodes.map(node => expectedOf(node).map(score => expect.closeTo(score, 4)));
    for (const cuts of [true, false]) expect(await scoresIn(fakeSequence(cuts), scoring)).toEqual(expected);
  });

  it('sums the tokens that end a turn', async () => {
    const scoring = {...scoringOf('A', 'B'), ends: ends.slice(1)};
    const [, one] = await scoresIn(fakeSequence(), scoring);
    expect(one![0]).toBeCloseTo(Math.log(probabilityOf([...prompt, ...lettersOf('A')], [SPECIAL['<turn>']])), 4);
  });

  it('evaluates the shared beginning once for all prompts, and each pass by itself', async () => {
    const sequence = fakeSequence();
    const scoring = scoringOf('ant', 'bee');
    await scoresIn(sequence, scoring);
    expect(sequence.evaluations).toEqual([9, 4 + 3, 3]);
    const other = {tokens: [...prompt.slice(0, 9), ...lettersOf('coffee')], shared: 9};
    await scoresIn(sequence, scoring, other);
    expect(sequence.evaluations).toEqual([9, 4 + 3, 3, 6 + 3, 3]);
  });

  it('asks after the last token of a prompt that shares nothing', async () => {
    const sequence = fakeSequence();
    const trie = tokenTrie([[lettersOf('A')], [lettersOf('B')]]);
    const scores = await scoresIn(sequence, {trie, plan: planFor(trie), ends}, {tokens: prompt, shared: 0});
    expect(sequence.evaluations).toEqual([prompt.length]);
    expect(scores).toHaveLength(1);
    expect(scores[0]![1]).toBeCloseTo(Math.log(probabilityOf(prompt, lettersOf('B'))), 4);
  });

  it.each([
    ['can', true],
    ['can not', false],
  ])('gives the same bits whatever was asked before, of a model whose state %s be cut', async (_, cuts) => {
    const scoring = scoringOf('ant', 'an', 'bee');
    const others = [
      asked,
      {tokens: [...prompt.slice(0, 9), ...lettersOf('coffee')], shared: 9},
      {tokens: lettersOf('Of whom: me'), shared: 9},
      {tokens: prompt.slice(0, 11), shared: 0},
    ];
    const fresh = await Promise.all(others.map(each => scoresIn(fakeSequence(cuts), scoring, each)));
    const sequence = fakeSequence(cuts);
    for (const index of [0, 1, 0, 2, 0, 0, 1, 2, 1]) {
      expect(await scoresIn(sequence, scoring, others[index])).toEqual(fresh[index]);
    }
  });

  it('goes back to where it was after an evaluation that failed', async () => {
    const sequence = fakeSequence();
    const scoring = scoringOf('ant', 'bee');
    const before = await scoresIn(sequence, scoring);
    const {controlledEvaluate} = sequence;
    let evaluations = 0;
    sequence.controlledEvaluate = async input => {
      if (++evaluations === 2) throw new Error('no memory');
      return await controlledEvaluate(input);
    };
    await expect(scoresIn(sequence, scoring)).rejects.toThrow('no memory');
    expect(await scoresIn(sequence, scoring)).toEqual(before);
  });

  it.each([1, 2, 3])('evaluates nothing more if it is aborted during evaluation %i', async last => {
    const sequence = fakeSequence();
    const controller = new AbortController();
    const reason = new Error('enough');
    const {controlledEvaluate} = sequence;
    sequence.controlledEvaluate = async input => {
      if (sequence.evaluations.length === last - 1) controller.abort(reason);
      return await controlledEvaluate(input);
    };
    const scoring = scoringOf('ant', 'bee', 'cat');
    await expect(distributionsAfter(sequence, asked, scoring, controller.signal)).rejects.toBe(reason);
    expect(sequence.evaluations).toHaveLength(last);
  });

  it.each<[string, AskedOutput['next'], string]>([
    ['no logits', {totalLogitWeight: 1}, 'It gave no logits.'],
    ['no sum', {logits: new Map([[65, 1]])}, 'It gave no logits.'],
    ['no numbers', {logits: new Map([[65, Number.NaN]]), totalLogitWeight: Number.NaN}, 'logits that are not finite'],
    ['nothing of a token', {logits: new Map([[65, 1]]), totalLogitWeight: 2}, 'It gave no logit for token 66.'],
  ])('fails if the library gives %s', async (_, next, message) => {
    const sequence: LlamaSequence = {
      ...fakeSequence(),
      controlledEvaluate: async input => input.map(item => (typeof item === 'number' ? undefined : {next})),
    };
    const trie = tokenTrie([[lettersOf('A')], [lettersOf('B')]]);
    await expect(scoresIn(sequence, {trie, plan: planFor(trie), ends}, {tokens: prompt, shared: 0})).rejects.toThrow(
      message,
    );
  });

  it('gives a number to a token that the model rules out', async () => {
    const next = {
      logits: new Map([
        [65, 1],
        [66, Number.NEGATIVE_INFINITY],
      ]),
      totalLogitWeight: 1,
    };
    const sequence: LlamaSequence = {
      ...fakeSequence(),
      controlledEvaluate: async input => input.map(item => (typeof item === 'number' ? undefined : {next})),
    };
    const trie = tokenTrie([[lettersOf('A')], [lettersOf('B')]]);
    expect(await scoresIn(sequence, {trie, plan: planFor(trie), ends}, {tokens: prompt, shared: 0})).toEqual([
      [0, -1000],
    ]);
  });
});
