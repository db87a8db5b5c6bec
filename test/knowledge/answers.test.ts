import {describe, expect, it} from 'vitest';
import {KnowledgeError} from '../../src/errors.ts';
import {answerAt, coarsenAnswers, selectAnswers, tabulate} from '../../src/knowledge/answers.ts';
import {coarsen} from '../../src/knowledge/coarsen.ts';
import type {Answer, Detail} from '../../src/teacher.ts';

const CLASSES = 3;

/** The answers of a white-box teacher of three classes to three inputs. */
const full: readonly Answer[] = [0, 1, 2].map(row => ({
  kind: 'logits',
  logits: Float32Array.of(row, -row, 0.5),
  features: {
    pool: {shape: [2, 1], values: Float32Array.of(row, row + 0.5)},
    stem: {shape: [1], values: Float32Array.of(-row)},
  },
}));
const votes: readonly Answer[] = [
  {kind: 'votes', counts: Uint32Array.of(3, 0, 1)},
  {kind: 'votes', counts: Uint32Array.of(0, 4, 0)},
];
const vectors: readonly Answer[] = [
  {kind: 'vector', values: Float32Array.of(1, 2)},
  {kind: 'vector', values: Float32Array.of(-3, 0)},
];
const cases: readonly (readonly [Detail, readonly Answer[]])[] = [
  [{kind: 'label'}, full],
  [{kind: 'label'}, votes],
  [{kind: 'votes'}, votes],
  [{kind: 'top-k', k: 2}, full],
  [{kind: 'log-probabilities'}, full],
  [{kind: 'logits'}, full],
  [{kind: 'logits', features: ['stem', 'pool']}, full],
  [{kind: 'vector'}, vectors],
];

/** As 32-bit columns hold it. */
function rounded(answer: Answer): Answer {
  return answer.kind === 'top-k' ? {...answer, rest: Math.fround(answer.rest)} : answer;
}

describe.each(cases)('a table of %o', (detail, answers) => {
  const table = tabulate(answers, detail, CLASSES);

  it('gives back every answer, coarsened', () => {
    expect(table.count).toBe(answers.length);
    for (const [index, answer] of answers.entries()) {
      expect(answerAt(table, index, CLASSES)).toEqual(rounded(coarsen(answer, detail)));
    }
  });

  it('gives the rows that are named, in that order', () => {
    const chosen = selectAnswers(table, [1, 0, 1], CLASSES);
    expect(chosen.count).toBe(3);
    for (const [place, index] of [1, 0, 1].entries()) {
      expect(answerAt(chosen, place, CLASSES)).toEqual(answerAt(table, index, CLASSES));
    }
  });

  it('has no rows of no answers', () => {
    expect(tabulate([], detail, CLASSES)).toMatchObject({kind: detail.kind, count: 0});
    expect(selectAnswers(table, [], CLASSES).count).toBe(0);
  });

  it('has no answer beyond its rows', () => {
    expect(() => answerAt(table, answers.length, CLASSES)).toThrow(KnowledgeError);
    expect(() => answerAt(table, -1, CLASSES)).toThrow(KnowledgeError);
  });
});

describe('tabulate', () => {
  const short: Answer = {kind: 'top-k', classes: Int32Array.of(2), logProbabilities: Float32Array.of(-0.5), rest: 0.4};
  const long: Answer = {
    kind: 'top-k',
    classes: Int32Array.of(1, 0),
    logProbabilities: Float32Array.of(-0.5, -1),
    rest: 0,
  };

  it('marks the entries that a short top-k answer leaves empty, and takes them out again', () => {
    const table = tabulate([short, long], {kind: 'top-k', k: 2}, CLASSES);
    expect(table).toMatchObject({
      k: 2,
      classes: Int32Array.of(2, -1, 1, 0),
      logProbabilities: Float32Array.of(-0.5, Number.NEGATIVE_INFINITY, -0.5, -1),
      rest: Float32Array.of(0.4, 0),
    });
    expect(answerAt(table, 0, CLASSES)).toEqual(rounded(short));
  });

  it('never makes k larger than the number of classes', () => {
    expect(tabulate(full, {kind: 'top-k', k: 20}, CLASSES)).toMatchObject({k: CLASSES});
  });

  it('refuses an answer that holds less', () => {
    expect(() => tabulate([full[0]!, {kind: 'label', label: 1}], {kind: 'logits'}, CLASSES)).toThrow(
      "An answer of label can't give logits.",
    );
  });

  it('refuses an answer of another number of classes, or a feature of another size', () => {
    const wide: Answer = {kind: 'logits', logits: new Float32Array(4), features: {}};
    expect(() => tabulate([full[0]!, wide], {kind: 'logits'}, CLASSES)).toThrow('Answer 1 holds 4 logits, expected 3.');
    const narrow: Answer = {
      kind: 'logits',
      logits: new Float32Array(3),
      features: {stem: {shape: [2], values: new Float32Array(2)}},
    };
    expect(() => tabulate([full[0]!, narrow], {kind: 'logits', features: ['stem']}, CLASSES)).toThrow(
      'Answer 1 holds 2 feature stem, expected 1.',
    );
  });
});

describe('coarsenAnswers', () => {
  const table = tabulate(full, {kind: 'logits', features: ['pool', 'stem']}, CLASSES);

  it.each(cases.filter(([, answers]) => answers === full))('makes %o of fuller answers', (detail, answers) => {
    expect(coarsenAnswers(table, detail, CLASSES)).toEqual(tabulate(answers, detail, CLASSES));
  });

  it('gives back what already is what is wanted', () => {
    expect(coarsenAnswers(table, {kind: 'logits', features: ['stem', 'pool']}, CLASSES)).toBe(table);
    const all = tabulate(full, {kind: 'top-k', k: CLASSES}, CLASSES);
    expect(coarsenAnswers(all, {kind: 'top-k', k: 20}, CLASSES)).toBe(all);
  });

  it('refuses what the answers do not hold, k included', () => {
    const two = tabulate(full, {kind: 'top-k', k: 2}, CLASSES);
    expect(() => coarsenAnswers(two, {kind: 'top-k', k: 3}, CLASSES)).toThrow(
      "Answers of top-k (k = 2) can't give top-k (k = 3). Collect the fuller answers.",
    );
    expect(() => coarsenAnswers(two, {kind: 'log-probabilities'}, CLASSES)).toThrow(KnowledgeError);
  });
});

describe('a table of vectors', () => {
  it('is of vectors of one length', () => {
    const other: Answer = {kind: 'vector', values: Float32Array.of(1)};
    expect(() => tabulate([...vectors, other], {kind: 'vector'}, 0)).toThrow('Answer 2 is a vector of 1 numbers');
  });
});
