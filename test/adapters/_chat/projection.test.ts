import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import type {Completion, Step, Token} from '../../../adapters/_chat/dialect.ts';
import {type ProjectionOptions, projectCompletion} from '../../../adapters/_chat/projection.ts';
import type {TopKAnswer} from '../../../src/teacher.ts';

const sentiments = ['negative', 'neutral', 'positive'];

/** Probabilities by label, `rest` included; or the problem. */
function masses(answer: TopKAnswer | string, labels: readonly string[]): Record<string, number> | string {
  if (typeof answer === 'string') return answer;
  const named = Array.from(answer.classes, (label, index) => [
    labels[label],
    Math.exp(answer.logProbabilities[index]!),
  ]);
  return {...Object.fromEntries(named), rest: answer.rest};
}

const near = (value: number) => expect.closeTo(value, 6);

const token = (text: string, probability: number, more: Partial<Token> = {}): Token => ({
  text,
  logProbability: Math.log(probability),
  ...more,
});

/** A step of tokens and their probabilities; the first was generated. */
function step(...tokens: readonly Token[]): Step {
  return {chosen: tokens[0], alternatives: tokens};
}

function project(
  steps: readonly Step[],
  {finish = 'length', labels = sentiments, ...scores}: Partial<ProjectionOptions & Completion> = {},
) {
  return masses(projectCompletion({steps, finish}, {labels, ...scores}), labels);
}

describe('projectCompletion', () => {
  it('sums the ways to write a label, and leaves the rest as rest', () => {
    const tokens = [token('positive', 0.5), token(' Positive', 0.2), token('"positive', 0.1), token('neutral', 0.1)];
    expect(project([step(...tokens)])).toEqual({positive: near(0.8), neutral: near(0.1), rest: near(0.1)});
  });

  it('gives a label of two tokens the product of its steps', () => {
    const steps = [step(token('ne', 0.6), token('positive', 0.4)), step(token('gative', 0.75), token('utral', 0.25))];
    expect(project(steps)).toEqual({positive: near(0.4), negative: near(0.45), neutral: near(0.15), rest: near(0)});
  });

  it('gives the start that labels share to none of them if it was not followed', () => {
    const [answer] = [project([step(token('positive', 0.7), token('ne', 0.2), token('neg', 0.1))])];
    expect(answer).toEqual({positive: near(0.7), negative: near(0.1), rest: near(0.2)});
  });

  it('gives a branch that is not followed and can lead to one label alone wholly to it, as the most it can get', () => {
    const steps = [step(token('ne', 0.5), token('posi', 0.5)), step(token('utral', 0.9), token('gat', 0.1))];
    expect(project(steps)).toEqual({positive: near(0.5), neutral: near(0.45), negative: near(0.05), rest: near(0)});
  });

  it('follows a label to where a boundary tells that it is whole', () => {
    const after = step(token('<|end|>', 0.6), token('.', 0.1), token('ly', 0.2));
    expect(project([step(token('positive', 0.9)), after])).toEqual({positive: near(0.63), rest: near(0.37)});
  });

  it('tells a label from a longer one by what follows', () => {
    const labels = ['1', '10'];
    const first = step(token('1', 0.8), token('10', 0.1));
    const second = step(token('', 0.7), token('0', 0.2), token('1', 0.1));
    expect(project([first, second], {labels})).toEqual({'1': near(0.56), '10': near(0.26), rest: near(0.18)});
    expect(project([first], {labels})).toEqual({'10': near(0.1), rest: near(0.9)});
    expect(project([first], {labels, finish: 'stop'})).toEqual({'1': near(0.8), '10': near(0.1), rest: near(0.1)});
  });

  it('goes on past white space, quotes and markup', () => {
    const steps = [step(token('**', 0.8), token('B', 0.1)), step(token('A', 0.5), token('B', 0.5))];
    expect(project(steps, {labels: ['A', 'B']})).toEqual({B: near(0.5), A: near(0.4), rest: near(0.1)});
  });

  it('counts tokens that are written alike each, and the same token once', () => {
    const alike = [token('A', 0.4, {id: 1}), token('A', 0.2, {id: 2}), token('A', 0.2, {id: 2})];
    expect(project([step(...alike)], {labels: ['A', 'B']})).toEqual({A: near(0.6), rest: near(0.4)});
    const bytes = [token('\ufffd', 0.4, {bytes: [0xe6, 0xad]}), token('\ufffd', 0.3, {bytes: [0xe8, 0xb4]})];
    const answer = project([step(...bytes)], {labels: ['正面', '负面']});
    expect(answer).toEqual({正面: near(0.4), 负面: near(0.3), rest: near(0.3)});
    const [shown, generated] = [token('A', 0.4), token('A', 0.2)];
    const merged = project([{chosen: generated, alternatives: [shown]}], {labels: ['A', 'B']});
    expect(merged).toEqual({A: near(0.6), rest: near(0.4)});
  });

  it('counts the generated token once, wherever in the list it is or if it is missing', () => {
    const [a, b] = [token('A', 0.3), token('B', 0.6)];
    const expected = {A: near(0.3), B: near(0.6), rest: near(0.1)};
    for (const alternatives of [[a, b], [b, a], [b]]) {
      expect(project([{chosen: a, alternatives}], {labels: ['A', 'B']})).toEqual(expected);
    }
  });

  it('puts a character together whose bytes are in several tokens', () => {
    const [first, ...others] = new TextEncoder().encode('负');
    const steps = [
      step(token('\ufffd', 0.9, {bytes: [first!]}), token('正', 0.1)),
      step(token('\ufffd', 1, {bytes: others})),
    ];
    expect(project(steps, {labels: ['正面', '负面']})).toEqual({负面: near(0.9), 正面: near(0.1), rest: near(0)});
  });

  it('counts nothing of a character that is broken and has no bytes', () => {
    expect(project([step(token('\ufffd', 0.9), token('正', 0.1))], {labels: ['正面', '负面']})).toEqual({
      正面: near(0.1),
      rest: near(0.9),
    });
  });

  it('takes -9999 for what is not told, not for a probability', () => {
    const untold = {text: 'B', logProbability: -9999};
    const labels = ['A', 'B'];
    const answer = projectCompletion({steps: [step(token('A', 0.7), untold)], finish: 'length'}, {labels});
    expect(answer).toMatchObject({classes: Int32Array.of(0), rest: near(0.3)});
    expect(project([{chosen: untold, alternatives: [token('A', 0.7)]}, step(token('B', 1))], {labels})).toEqual({
      A: near(0.7),
      rest: near(0.3),
    });
  });

  it('reads all alternatives of a step that does not say what was generated, and follows none', () => {
    const steps = [{chosen: undefined, alternatives: [token('A', 0.7), token('B', 0.2)]}, step(token('B', 1))];
    expect(project(steps, {labels: ['A', 'B']})).toEqual({A: near(0.7), B: near(0.2), rest: near(0.1)});
  });

  it('scales down a sum that rounding has above 1, and refuses one further above', () => {
    const labels = ['A', 'B'];
    expect(project([step(token('A', 0.8), token('B', 0.21))], {labels})).toEqual({
      A: near(0.8 / 1.01),
      B: near(0.21 / 1.01),
      rest: near(0),
    });
    expect(project([step(token('A', 0.8), token('B', 0.3))], {labels})).toBe(
      'The log-probabilities of the service give a sum of 1.100, above 1, so they are not of one distribution. Have it give log-probabilities before any sampling.',
    );
  });

  it('undoes a temperature if all of the vocabulary is told, or nearly all and it was above 1', () => {
    // At temperature 2 a distribution of 0.8, 0.2 becomes its square root: 2/3, 1/3.
    const labels = ['A', 'B'];
    const flat = [step(token('A', 2 / 3), token('B', 1 / 3))];
    expect(project(flat, {labels, temperature: 2})).toEqual({A: near(0.8), B: near(0.2), rest: near(0)});
    const sharp = [step(token('A', 0.64 / 0.68), token('B', 0.04 / 0.68))];
    expect(project(sharp, {labels, temperature: 0.5, wholeVocabulary: true})).toEqual({
      A: near(0.8),
      B: near(0.2),
      rest: near(0),
    });
    const refusal = 'and too few are listed to undo it. Ask with temperature 1.';
    expect(project(sharp, {labels, temperature: 0.5})).toContain(refusal);
    expect(project([step(token('A', 0.6), token('B', 0.3))], {labels, temperature: 2})).toContain(refusal);
    expect(project(flat, {labels, temperature: 0})).toBe(
      'No log-probability is left at temperature 0. Ask with temperature 1.',
    );
  });

  it('reads logits of a whole vocabulary, and no others', () => {
    const labels = ['A', 'B'];
    const steps = [step({text: 'A', logProbability: 5}, {text: 'B', logProbability: 5 - Math.log(3)})];
    expect(project(steps, {labels, semantics: 'logits', wholeVocabulary: true})).toEqual({
      A: near(0.75),
      B: near(0.25),
      rest: near(0),
    });
    expect(project(steps, {labels, semantics: 'logits'})).toBe(
      'Its logits are not those of the whole vocabulary. Have it give log-probabilities.',
    );
    expect(project(steps, {labels})).toContain('gives logits instead of log-probabilities: one is 5.000');
  });

  it('says so if no class has any mass', () => {
    expect(project([step(token('The', 0.7), token('ne', 0.1))])).toBe(
      'None of the 3 classes is among its 2 most probable tokens. Have it list more, or say more plainly in the prompt what to answer.',
    );
    expect(project([])).toContain('Its reply holds no log-probabilities.');
  });
});

/** Reads `test/fixtures/projection/<name>.json`. */
function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../fixtures/projection/${name}.json`, import.meta.url), 'utf8')) as T;
}

interface WireToken {
  readonly id?: number;
  readonly token: string;
  readonly bytes?: readonly number[] | null;
  readonly logprob: number;
  readonly top_logprobs?: readonly WireToken[];
}

/** The list of generated tokens as each of the servers nests it. */
interface Recorded {
  readonly response: {
    readonly body: {
      readonly choices?: readonly {
        readonly finish_reason: string;
        readonly logprobs: {readonly content: readonly WireToken[]};
      }[];
      readonly completion_probabilities?: readonly WireToken[];
      readonly logprobs?: readonly WireToken[];
      readonly done_reason?: string;
    };
  };
}

function tokenOf({id, token, bytes, logprob}: WireToken): Token {
  return {text: token, logProbability: logprob, ...(bytes && {bytes}), ...(id !== undefined && {id})};
}

function recorded(name: string): Completion {
  const {choices, completion_probabilities, logprobs, done_reason} = fixture<Recorded>(name).response.body;
  const wire = choices?.[0]?.logprobs.content ?? completion_probabilities ?? logprobs ?? [];
  const steps = wire.map(generated => ({
    chosen: tokenOf(generated),
    alternatives: generated.top_logprobs!.map(tokenOf),
  }));
  const finish = (choices?.[0]?.finish_reason ?? done_reason) === 'stop' ? 'stop' : 'length';
  return {text: '', finish, steps};
}

function projectRecorded(name: string, {labels = sentiments, ...scores}: Partial<ProjectionOptions> = {}) {
  return masses(projectCompletion(recorded(name), {labels, ...scores}), labels);
}

const {exp} = Math;

describe('projectCompletion on replies of real servers', () => {
  it('reads vLLM: a whole label is followed by the end of the turn, a space or a line end', () => {
    const whole = exp(-0.005685586482286453) + exp(-6.1379) + exp(-8.1684);
    const positive = exp(-0.006018847227096558) * whole;
    expect(projectRecorded('vllm-chat-200')).toEqual({positive: near(positive), rest: near(1 - positive)});
  });

  it('reads llama-server: tokens after a label that no word goes on with, control tokens among them', () => {
    const positive = exp(-0.043387871235609055) * (exp(-0.0039475890807807446) + exp(-7.0726));
    expect(projectRecorded('llamaserver-sentiment-200')).toEqual({positive: near(positive), rest: near(1 - positive)});
  });

  it('reads Ollama, which does not list the end of the turn', () => {
    const positive = exp(-0.006019433960318565);
    expect(projectRecorded('ollama-chat-200')).toEqual({positive: near(positive), rest: near(1 - positive)});
  });

  it('tells no label by a first token that two share, in a raw prompt of Ollama', () => {
    // `ne` and `n` can each become two of the labels; `p` can become only one.
    const positive = exp(-7.216354846954346) + exp(-9.683984756469727);
    expect(projectRecorded('ollama-raw-200')).toEqual({positive: near(positive), rest: near(1 - positive)});
  });

  it('reads the 397 tokens of llama-server, of which 267 are written differently, as one distribution', () => {
    const labels = ['assi', 'b', 'A', 'Cl'];
    const {alternatives} = recorded('llamaserver-whole-vocabulary-200').steps![0]!;
    expect(alternatives).toHaveLength(397);
    const texts = alternatives.map(({bytes}) => Buffer.from(bytes!).toString());
    const startOf = (label: string) => alternatives.filter((_, index) => readsAs(texts[index]!, label));
    const answer = projectRecorded('llamaserver-whole-vocabulary-200', {labels}) as Record<string, number>;
    for (const label of ['b', 'Cl']) {
      const expected = startOf(label).reduce((sum, {logProbability}) => sum + exp(logProbability), 0);
      expect(answer[label]).toBeCloseTo(expected, 6);
    }
    expect(Object.values(answer).reduce((sum, value) => sum + value)).toBeCloseTo(1, 6);
  });

  it('undoes a temperature over the whole vocabulary as a softmax of the scaled log-probabilities', () => {
    const labels = ['assi', 'b'];
    const {alternatives} = recorded('llamaserver-whole-vocabulary-200').steps![0]!;
    const total = alternatives.reduce((sum, {logProbability}) => sum + exp(logProbability / 2), 0);
    const flat = alternatives.map(token => ({...token, logProbability: token.logProbability / 2 - Math.log(total)}));
    const generated = flat.find(({text}) => text === 'assi');
    const undone = project([{chosen: generated, alternatives: flat}], {labels, temperature: 2}) as Record<
      string,
      number
    >;
    const direct = projectRecorded('llamaserver-whole-vocabulary-200', {labels}) as Record<string, number>;
    for (const label of [...labels, 'rest']) expect(undone[label]).toBeCloseTo(direct[label]!, 5);
  });

  it('reads llama-cpp-python: no bytes, fewer tokens than asked for, some written as nothing', () => {
    const [neutral, negative] = [exp(-4.090758323669434), exp(-7.323206424713135)];
    const positive = exp(-4.9746503829956055) + exp(-6.45120906829834);
    expect(projectRecorded('llama-cpp-python-chat-200')).toEqual({
      neutral: near(neutral),
      negative: near(negative),
      positive: near(positive),
      rest: near(1 - neutral - negative - positive),
    });
  });

  it('adds a generated token that a bias brought up from below the list', () => {
    const answer = projectRecorded('llamaserver-logit-bias-200', {labels: ['positive', 'X']});
    expect(answer).toMatchObject({
      positive: expect.closeTo(exp(-11.268424034118652), 9),
      X: near(exp(-2.544083595275879)),
    });
  });

  it('says of replies that hold none of the classes that they do', () => {
    for (const name of ['llamaserver-chat-200', 'llamaserver-completion-200', 'litellm-chat-200']) {
      expect(projectRecorded(name)).toContain('None of the 3 classes is among its');
    }
    expect(projectRecorded('litellm-chat-200', {labels: ['assi', 'x']})).toMatchObject({
      assi: near(exp(-1.1330538988113403)),
    });
  });

  it('refuses the logits of vLLM', () => {
    for (const name of ['vllm-raw-logits-200', 'vllm-prefill-200']) {
      expect(projectRecorded(name)).toContain('The service gives logits instead of log-probabilities: one is ');
    }
  });

  it('refuses tokens that vLLM writes as ids, because it gives wrong bytes with them', () => {
    for (const name of ['vllm-token-ids-200', 'vllm-logit-bias-200']) {
      expect(projectRecorded(name)).toContain('The service writes tokens as `token_id:N`');
    }
  });
});

/** True if a token begins this label of the whole-vocabulary test, and no other. */
function readsAs(text: string, label: string): boolean {
  const word = text.trim().toLowerCase();
  return word !== '' && label.toLowerCase().startsWith(word);
}
