import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {Step, Token} from '../../../adapters/_chat/dialect.ts';
import {projectCompletion} from '../../../adapters/_chat/projection.ts';

/** A small language: its tokens cut words in every way, and the empty one ends a text. */
const TOKENS = ['a', 'b', 'ab', 'ba', '.', ' ', ''] as const;
const CHARACTERS = ['a', 'b', '.', ' '];
const LONGEST_LABEL = 3;
/** Tokens after which every text ends. */
const LONGEST_TEXT = 4;

/** Probabilities of the next token, made up from the seed and all tokens before. */
function next(seed: number, path: readonly number[]): readonly number[] {
  const weights = TOKENS.map((_, token) => {
    const mixed = [...path, token].reduce((hash, value) => Math.imul(hash ^ (value + 1), 0x9e3779b1) >>> 3, seed);
    return 1 + (mixed % 97) ** 2;
  });
  const total = weights.reduce((a, b) => a + b);
  return weights.map(weight => weight / total);
}

/** Returns the label of a finished text: its first word, which only spaces precede. */
function labelOf(text: string, labels: readonly string[]): number | undefined {
  const label = labels.indexOf(/^ *([ab]+)/.exec(text)?.[1] ?? 'none');
  return label < 0 ? undefined : label;
}

/** Returns the labels that a text can still become, by trying every continuation. */
function outcomesOf(text: string, labels: readonly string[], length = LONGEST_LABEL + 1): Set<number | undefined> {
  const outcomes = new Set([labelOf(text, labels)]);
  if (length > 0) {
    for (const character of CHARACTERS) {
      for (const outcome of outcomesOf(text + character, labels, length - 1)) outcomes.add(outcome);
    }
  }
  return outcomes;
}

/** The true probability of each label, by going through all texts. */
function truthOf(seed: number, labels: readonly string[]): readonly number[] {
  const truth = labels.map(() => 0);
  const visit = (path: readonly number[], text: string, probability: number): void => {
    const isEnd = path.length === LONGEST_TEXT || TOKENS[path.at(-1) ?? 0] === '';
    if (!isEnd) {
      for (const [token, share] of next(seed, path).entries()) {
        visit([...path, token], text + TOKENS[token], probability * share);
      }
      return;
    }
    const label = labelOf(text, labels);
    if (label !== undefined) truth[label]! += probability;
  };
  visit([], '', 1);
  return truth;
}

interface Generation {
  readonly steps: readonly Step[];
  readonly finish: 'stop' | 'length';
  readonly path: readonly number[];
}

/** Generates along a path. Each step lists its `told` most probable tokens. */
function generate(seed: number, choices: readonly number[], told: number): Generation {
  const end = choices.findIndex(token => TOKENS[token] === '');
  const path = end < 0 ? choices : choices.slice(0, end + 1);
  const steps = path.map((token, position): Step => {
    const listed: Token[] = next(seed, path.slice(0, position)).map((probability, id) => ({
      id,
      text: TOKENS[id]!,
      logProbability: Math.log(probability),
    }));
    const alternatives = listed.toSorted((a, b) => b.logProbability - a.logProbability).slice(0, told);
    return {chosen: listed[token], alternatives};
  });
  return {steps, finish: end < 0 ? 'length' : 'stop', path};
}

/** The labels that a branch's mass can belong to. */
interface Branch {
  readonly probability: number;
  readonly outcomes: ReadonlySet<number | undefined>;
}

/** The branches of a generation: the listed tokens that were not followed, and the end of the followed ones. */
function branchesOf({steps, path}: Generation, seed: number, labels: readonly string[]): readonly Branch[] {
  const branches: Branch[] = [];
  let [text, probability] = ['', 1];
  for (const [position, {alternatives}] of steps.entries()) {
    const shares = next(seed, path.slice(0, position));
    const branch = (id: number): Branch => ({
      probability: probability * shares[id]!,
      outcomes: TOKENS[id] === '' ? new Set([labelOf(text, labels)]) : outcomesOf(text + TOKENS[id], labels),
    });
    const chosen = path[position]!;
    for (const {id} of alternatives) if (id !== chosen) branches.push(branch(id!));
    const followed = branch(chosen);
    const isLast = position === steps.length - 1 || followed.outcomes.size === 1;
    if (isLast) return [...branches, followed];
    text += TOKENS[chosen];
    probability = followed.probability;
  }
  return branches;
}

const labelSets = fc.uniqueArray(fc.string({minLength: 1, maxLength: LONGEST_LABEL, unit: fc.constantFrom('a', 'b')}), {
  minLength: 2,
  maxLength: 4,
});
const paths = fc.array(fc.nat(TOKENS.length - 1), {minLength: 1, maxLength: LONGEST_TEXT});

const total = (branches: readonly Branch[]) => branches.reduce((sum, {probability}) => sum + probability, 0);

describe('projectCompletion, of random languages, labels and generations', () => {
  it('gives each branch that can be one label alone to it, bounds the truth, and sums to one', () => {
    let answered = 0;
    fc.assert(
      fc.property(
        fc.nat(1e6),
        labelSets,
        paths,
        fc.integer({min: 1, max: TOKENS.length}),
        (seed, labels, choices, told) => {
          const generation = generate(seed, choices, told);
          const branches = branchesOf(generation, seed, labels);
          const truth = truthOf(seed, labels);
          const untold = 1 - total(branches);
          const answer = projectCompletion(generation, {labels});
          const projected = labels.map(() => 0);
          let rest = 1;
          if (typeof answer !== 'string') {
            answered++;
            rest = answer.rest;
            for (const [position, label] of answer.classes.entries())
              projected[label] = Math.exp(answer.logProbabilities[position]!);
          }
          expect(projected.reduce((a, b) => a + b) + rest).toBeCloseTo(1, 6);
          for (const [label, probability] of projected.entries()) {
            const possible = branches.filter(({outcomes}) => outcomes.has(label));
            const its = possible.filter(({outcomes}) =>
              [...outcomes].every(other => other === label || other === undefined),
            );
            const sure = its.filter(({outcomes}) => outcomes.size === 1);
            expect(probability).toBeCloseTo(total(its), 6);
            expect(truth[label]).toBeGreaterThanOrEqual(total(sure) - 1e-9);
            expect(truth[label]).toBeLessThanOrEqual(total(possible) + untold + 1e-9);
          }
        },
      ),
      {numRuns: 300},
    );
    expect(answered).toBeGreaterThan(100);
  });
});
