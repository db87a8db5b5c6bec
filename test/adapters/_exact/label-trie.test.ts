import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {fromSequenceScores, scoreTrie, tokenTrie} from '../../../adapters/_exact/label-trie.ts';
import {InputError} from '../../../src/errors.ts';
import type {TopKAnswer} from '../../../src/teacher.ts';

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../fixtures/projection/${name}.json`, import.meta.url), 'utf8')) as T;
}

function answerOf(answer: TopKAnswer | string): TopKAnswer {
  if (typeof answer === 'string') throw new Error(answer);
  return answer;
}

/** Log-probabilities by class; undefined if a class has none. */
function logsOf(answer: TopKAnswer | string): readonly (number | undefined)[] {
  const {classes, logProbabilities} = answerOf(answer);
  const logs: (number | undefined)[] = [];
  for (const [index, label] of classes.entries()) logs[label] = logProbabilities[index];
  return logs;
}

/** One set of weights in transformers, vLLM and llama.cpp; every list has one entry for each of these. */
interface Crosscheck {
  readonly labels: Readonly<Record<string, CrosscheckLabel>>;
  readonly renormalised: Readonly<Record<string, readonly number[]>>;
  readonly labelMass: readonly number[];
}

interface CrosscheckLabel {
  readonly ids: readonly number[];
  readonly transformers: readonly number[];
  readonly vllm_prompt_logprobs: readonly number[];
  readonly llamacpp_stepwise: readonly number[];
  readonly sum: readonly number[];
}

const servers = ['transformers', 'vllm_prompt_logprobs', 'llamacpp_stepwise'] as const;
const crosscheck = fixture<Crosscheck>('crosscheck-label-scores');
const labels = Object.values(crosscheck.labels);
const endOfTurn = 3;

describe('scoreTrie', () => {
  it.each([...servers.entries()])('gives labels the scores that server %i, %s, gives them', (index, server) => {
    const trie = tokenTrie(
      labels.map(({ids}) => [ids.slice(0, -1)]),
      endOfTurn,
    );
    expect(trie.nodes[0]).toEqual({prefix: [], children: [282, 262]});
    expect(trie.nodes.map(({prefix}) => prefix)).toEqual([[], [282], [262], [262, 274], [262, 290]]);
    const known = new Map(
      labels.flatMap(label =>
        label.ids.map((_, length) => [label.ids.slice(0, length + 1).join(), label[server][length]]),
      ),
    );
    const answer = scoreTrie(
      trie,
      ({prefix}) =>
        token =>
          known.get([...prefix, token].join()),
    );
    const logs = logsOf(answer);
    for (const [label, {sum}] of labels.entries()) expect(logs[label]).toBeCloseTo(sum[index]!, 5);
    const mass = 1 - answerOf(answer).rest;
    expect(mass).toBeCloseTo(crosscheck.labelMass[index]!, 9);
    const renormalised = Object.values(crosscheck.renormalised);
    for (const [label, log] of logs.entries()) {
      expect(Math.exp(log!) / mass).toBeCloseTo(renormalised[label]![index]!, 7);
    }
  });

  it('leaves a label to the rest if a step is not told', () => {
    const steps = new Map([
      [282, -0.006018847227096558],
      [262, -7.066064834594727],
      [290, -9999],
    ]);
    const answer = scoreTrie(tokenTrie([[[282]], [[262, 274]], [[262, 290]]]), () => token => steps.get(token));
    expect(answerOf(answer)).toEqual({
      kind: 'top-k',
      classes: Int32Array.of(0),
      logProbabilities: Float32Array.of(-0.006018847227096558),
      rest: expect.closeTo(1 - Math.exp(-0.006018847227096558), 9),
    });
    expect(scoreTrie(tokenTrie([[[1]], [[2]]]), () => () => undefined)).toBe(
      'It gives the probability of none of the 2 labels. Have it give those of their tokens.',
    );
  });

  it('refuses logits at any step', () => {
    const trie = tokenTrie([[[1, 2]], [[1, 3]]]);
    const scored = scoreTrie(
      trie,
      ({prefix}) =>
        () =>
          prefix.length === 0 ? -30 : 9.28,
    );
    expect(scored).toContain('gives logits instead of log-probabilities: one is 9.280');
  });

  it('sums the ways to write a label, each the product of its steps, of whatever tokens and distributions', () => {
    const sequence = fc.array(fc.integer({min: 1, max: 3}), {minLength: 1, maxLength: 3});
    const distinct = fc.uniqueArray(sequence, {minLength: 2, maxLength: 8, selector: tokens => tokens.join()});
    fc.assert(
      fc.property(distinct, fc.integer({min: 1, max: 1000}), (sequences, seed) => {
        const ofClasses = [
          sequences.filter((_, index) => index % 2 === 0),
          sequences.filter((_, index) => index % 2 === 1),
        ];
        const logOf = (prefix: readonly number[], token: number) => {
          const weights = [0, 1, 2, 3].map(other => 1 + ((seed * (other + 2) + prefix.join('').length * 7) % 11));
          return Math.log(weights[token]! / weights.reduce((a, b) => a + b));
        };
        const asked: string[] = [];
        const answer = scoreTrie(tokenTrie(ofClasses, 0), ({prefix}) => {
          asked.push(prefix.join());
          return token => logOf(prefix, token);
        });
        expect(new Set(asked).size).toBe(asked.length);
        const logs = logsOf(answer);
        for (const [label, ofClass] of ofClasses.entries()) {
          const products = ofClass.map(tokens =>
            [...tokens, 0].reduce(
              (product, token, index) => product * Math.exp(logOf(tokens.slice(0, index), token)),
              1,
            ),
          );
          expect(Math.exp(logs[label]!)).toBeCloseTo(
            products.reduce((a, b) => a + b),
            6,
          );
        }
      }),
    );
  });
});

describe('tokenTrie', () => {
  it('refuses sequences that are, or begin, another one', () => {
    const refusal = 'are empty, or are or begin another sequence. Give other labels, or the end token.';
    expect(() => tokenTrie([[[1]], [[1]]])).toThrow(InputError);
    expect(() => tokenTrie([[[1]], [[1]]])).toThrow(`The tokens [1] of class 1 ${refusal}`);
    expect(() => tokenTrie([[[1]], [[1, 2]]])).toThrow(`The tokens [1] of class 0 ${refusal}`);
    expect(() => tokenTrie([[[1]], [[]]])).toThrow(`The tokens [] of class 1 ${refusal}`);
    expect(() => tokenTrie([[[1]], []])).toThrow('Class 1 has no sequence of tokens. Give at least one.');
    expect(tokenTrie([[[1]], [[1, 2]]], 0).nodes).toEqual([
      {prefix: [], children: [1]},
      {prefix: [1], children: [0, 2]},
      {prefix: [1, 2], children: [0]},
    ]);
  });
});

interface PromptLogprobs {
  readonly response: {
    readonly body: {
      readonly choices: readonly [
        {
          readonly prompt_logprobs: readonly (Readonly<Record<string, {readonly logprob: number}>> | null)[];
          readonly logprobs: {readonly token_logprobs: readonly number[]};
        },
      ];
    };
  };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe('fromSequenceScores', () => {
  it('takes the scores of whole labels, as three servers give them', () => {
    for (const index of servers.keys()) {
      const answer = fromSequenceScores(labels.map(({sum}) => [sum[index]]));
      expect(1 - answerOf(answer).rest).toBeCloseTo(crosscheck.labelMass[index]!, 12);
      expect([...answerOf(answer).classes]).toEqual([0, 1, 2]);
    }
  });

  it("takes the sum of a label's tokens at the end of a prompt of vLLM", () => {
    const [{prompt_logprobs}] = fixture<PromptLogprobs>('vllm-prompt-logprobs-200').response.body.choices;
    const tokens = [262, 274].map((id, index) => prompt_logprobs.at(index - 2)![id]!.logprob);
    const {ids, vllm_prompt_logprobs} = crosscheck.labels['negative']!;
    expect(ids.slice(0, 2)).toEqual([262, 274]);
    const logs = logsOf(fromSequenceScores([[sum(tokens)], [undefined]]));
    expect(logs).toEqual([Math.fround(sum(vllm_prompt_logprobs.slice(0, 2)))]);
  });

  it('takes the sum over an echoed label of vLLM and the end of its turn', () => {
    const [{logprobs}] = fixture<PromptLogprobs>('vllm-echo-200').response.body.choices;
    const [log] = logsOf(fromSequenceScores([[sum(logprobs.token_logprobs.slice(-3))]]));
    expect(log).toBeCloseTo(-0.592446506023407 - 0.7415663003921509 - 0.01319427415728569, 6);
  });

  it('adds variants, orders classes by probability, and keeps what is left as rest', () => {
    const {log} = Math;
    const {classes, logProbabilities, rest} = answerOf(fromSequenceScores([[log(0.1)], [log(0.2), log(0.3)], [-9999]]));
    expect([...classes]).toEqual([1, 0]);
    expect(logProbabilities).toEqual(Float32Array.of(log(0.5), log(0.1)));
    expect(rest).toBeCloseTo(0.4, 12);
  });

  it('refuses labels that have more than all of the mass', () => {
    expect(fromSequenceScores([[Math.log(0.8)], [Math.log(0.4)]])).toContain('a sum of 1.200, above 1');
  });
});
