import {describe, expect, it} from 'vitest';
import type {AnswerFindings} from '../../../src/ask/probe/answers.ts';
import {type Evidence, problemsIn} from '../../../src/ask/probe/problems.ts';
import type {TokenFindings} from '../../../src/ask/probe/tokens.ts';
import {TeacherError} from '../../../src/errors.ts';
import type {TokenScores} from '../../../src/service-features.ts';
import type {Outcome} from '../../../src/teacher.ts';

const answered: Outcome = {answer: {kind: 'label', label: 0}};
const failed: Outcome = {error: new TeacherError('a payer', 'Its label is none.')};

const answers: AnswerFindings = {
  ...{answers: 2, given: {kind: 'log-probabilities'}, named: {least: 3, most: 3}, decimals: {}, ties: 0},
  ...{mass: {least: 1, most: 1}, total: {least: 1, most: 1}},
};

const scores: TokenScores = {meaning: 'raw', topK: 20, key: 'bytes', temperature: 0};

const tokens: TokenFindings = {
  ...{declared: scores, meaning: 'raw', positions: 2, named: {least: 20, most: 20}, mass: {least: 0.9, most: 0.99}},
  ...{untold: 0, key: 'bytes', alike: 0, bent: 0},
};

const sound: Evidence = {
  ...{teacher: 'a payer', classes: 3, outcomes: [answered, answered]},
  ...{declared: {kind: 'log-probabilities'}, needed: {kind: 'log-probabilities'}},
  ...{answers, repetition: {compared: 2, identical: 2, flips: 0}, tokens, inspections: [{ignored: []}], authors: ['m']},
};

/** What is wrong with evidence that is sound but for these changes. */
const problems = (changes: Partial<Evidence>): readonly string[] =>
  problemsIn({...sound, ...changes}).map(({severity, text}) => `${severity}: ${text}`);

describe('problemsIn', () => {
  it('finds nothing wrong with a teacher that does what it declares', () => {
    expect(problems({})).toEqual([]);
  });

  it('takes it for an error if nothing was answered, and for a warning if something was not', () => {
    expect(problems({outcomes: [failed, failed], answers: undefined})).toEqual([
      'error: Not one of 2 inputs brought an answer. Its label is none.',
    ]);
    expect(problems({outcomes: [answered, failed]})).toEqual([
      'warning: 1 of 2 inputs brought no answer. Its label is none.',
    ]);
    expect(problems({again: [failed, answered]})).toEqual([
      'warning: 1 of 2 inputs brought no second answer. Its label is none.',
    ]);
  });

  it('takes it for an error if the recipe needs more than is given', () => {
    expect(problems({answers: {...answers, given: {kind: 'top-k', k: 3}}})).toEqual([
      expect.stringMatching(/^error: The recipe learns from log-probabilities, and it gives top-k \(k = 3\)\. Give/),
    ]);
  });

  it('warns if less is given than declared, which is enough', () => {
    expect(problems({needed: {kind: 'label'}, answers: {...answers, given: {kind: 'top-k', k: 3}}})).toEqual([
      'warning: Its adapter declares log-probabilities, and it gives top-k (k = 3): enough here.',
    ]);
  });

  it('takes a short list for all that there is to name, unless it is always shorter than the recipe wants', () => {
    const short = {needed: {kind: 'top-k', k: 5}, declared: {kind: 'top-k', k: 5}} as const;
    const given = {kind: 'top-k', k: 1} as const;
    expect(problems({...short, answers: {...answers, given}})).toEqual([]);
    expect(problems({...short, answers: {...answers, given, named: {least: 1, most: 2}}})).toEqual([
      'warning: No answer names more than 2 classes, and the recipe learns from the best 3.',
    ]);
  });

  it('takes probabilities that do not sum to 1 for an error, and logits that are probabilities', () => {
    expect(problems({answers: {...answers, total: {least: 0.4, most: 1}}})).toEqual([
      expect.stringMatching(/^error: The probabilities of its answers, .* sum to 0\.400 up to 1\.00, not to 1\./),
    ]);
    const logits = {needed: {kind: 'logits'}, declared: {kind: 'logits'}} as const;
    expect(problems({...logits, answers: {...answers, given: {kind: 'logits'}, logitsAre: 'probabilities'}})).toEqual([
      expect.stringMatching(/^error: What it gives as logits are probabilities/),
    ]);
  });

  it('takes scores of tokens that are not what their adapter takes them for as an error, with what to do', () => {
    expect(problems({tokens: {...tokens, meaning: 'processed'}})).toEqual([
      expect.stringMatching(/^error: .* they are log-probabilities after the temperature\. .*'after-temperature'/),
    ]);
    expect(problems({tokens: {...tokens, meaning: 'logits'}})[0]).toContain('--logprobs-mode raw_logprobs');
    expect(problems({tokens: {...tokens, meaning: 'masked', untold: 9}})[0]).toMatch(/^error: .*a grammar/);
    // Of a small vocabulary a short list holds all mass, too.
    expect(problems({tokens: {...tokens, meaning: 'masked'}})[0]).toMatch(/^warning: /);
  });

  it('does not mind a temperature of 1 that is undone', () => {
    const processed = {...scores, meaning: 'processed', temperature: 1} as const;
    expect(problems({tokens: {...tokens, declared: processed}})).toEqual([]);
    expect(problems({tokens: {...tokens, declared: {...processed, temperature: 0.5}}})[0]).toMatch(/^error: /);
  });

  it('warns of lists of tokens that are always shorter than asked for', () => {
    expect(problems({tokens: {...tokens, named: {least: 3, most: 5}}})).toEqual([
      expect.stringMatching(/^warning: It names 5 tokens at a position at most, and 20 are asked for/),
    ]);
    expect(problems({tokens: {...tokens, named: {least: 3, most: 21}}})).toEqual([]);
  });

  it('warns of a temperature of 0 at which it does not write the most probable token', () => {
    expect(problems({tokens: {...tokens, bent: 1}})).toEqual([
      expect.stringMatching(/^warning: At 1 of 2 positions it wrote another token .*`temperature` is 0/),
    ]);
    expect(problems({tokens: {...tokens, declared: {...scores, temperature: 1}, bent: 1}})).toEqual([]);
  });

  it('warns of tokens that can’t be told apart if some are written alike', () => {
    expect(problems({tokens: {...tokens, key: 'string'}})).toEqual([]);
    expect(problems({tokens: {...tokens, key: 'string', alike: 2}})[0]).toMatch(/^warning: .*at 2 positions/);
  });

  it('warns of every option that the service took no notice of, once', () => {
    const inspections = [{ignored: ['structured']}, {ignored: []}, {ignored: ['structured', 'samples']}];
    expect(problems({inspections})).toEqual([
      expect.stringMatching(/^warning: It ignores `structured` without saying so \(2 of 3 replies\): what it answers/),
      expect.stringMatching(/^warning: It ignores `samples` without saying so \(1 of 3 replies\)/),
    ]);
  });

  it('warns of labels that change, and of more models than one', () => {
    const changes = {repetition: {compared: 5, identical: 3, flips: 2}, authors: ['m-1', 'm-2']};
    expect(problems(changes)).toEqual([
      expect.stringMatching(/^warning: 2 of 5 labels changed/),
      expect.stringMatching(/^warning: More than one model answered: m-1, m-2\./),
    ]);
  });

  it('warns of scores that are perturbed, by how much, and what a study does', () => {
    const repetition = {compared: 5, identical: 0, flips: 0, meanKl: 0.1234, verdict: 'perturbed'} as const;
    expect(problems({repetition})).toEqual([
      expect.stringMatching(
        /^warning: Its scores are others each time .* by 0\.12 nats .*, and 0 of 5 labels .* `trustsScores: true`\.$/,
      ),
    ]);
    expect(problems({repetition: {...repetition, verdict: 'noise'}})).toEqual([]);
  });

  it('puts errors first', () => {
    const found = problems({outcomes: [answered, failed], tokens: {...tokens, meaning: 'logits'}});
    expect(found.map(text => text.split(':')[0])).toEqual(['error', 'warning']);
  });
});
