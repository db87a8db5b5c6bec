import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {KnowledgeError} from '../../src/errors.ts';
import {coarsen, describeDetail, detailOf, joinDetails, satisfies} from '../../src/knowledge/coarsen.ts';
import type {Answer, Detail} from '../../src/teacher.ts';

const CLASSES = 5;
const LAYERS = ['hidden', 'pool', 'stem'];

const logits = fc
  .array(fc.float({min: -30, max: 30, noNaN: true}), {minLength: CLASSES, maxLength: CLASSES})
  .map(values => Float32Array.from(values));
const details: fc.Arbitrary<Detail> = fc.oneof(
  fc
    .constantFrom<Detail['kind']>('label', 'votes', 'expected', 'log-probabilities', 'logits')
    .map(kind => ({kind}) as Detail),
  fc.integer({min: 1, max: CLASSES}).map((k): Detail => ({kind: 'top-k', k})),
  fc.subarray(LAYERS, {minLength: 1}).map((features): Detail => ({kind: 'logits', features})),
);
const votes = fc
  .array(fc.nat(20), {minLength: CLASSES, maxLength: CLASSES})
  .map((counts): Answer => ({kind: 'votes', counts: Uint32Array.from(counts)}));
const answers: fc.Arbitrary<Answer> = fc.oneof(
  votes,
  fc
    .tuple(logits, details)
    .filter(([, detail]) => detail.kind !== 'votes')
    .map(([values, detail]) => coarsen(logitsAnswer(values), detail)),
);

function logitsAnswer(values: Float32Array): Answer {
  const features = LAYERS.map((name, index) => [name, {shape: [2], values: Float32Array.of(index, 1)}] as const);
  return {kind: 'logits', logits: values, features: Object.fromEntries(features)};
}

/** Equal but for the last bits of the rest, which is summed in another order on another way. */
function expectSame(actual: Answer, expected: Answer): void {
  const restOf = (answer: Answer) => (answer.kind === 'top-k' ? answer.rest : 0);
  expect({...actual, rest: 0}).toEqual({...expected, rest: 0});
  expect(restOf(actual)).toBeCloseTo(restOf(expected), 6);
}

describe('satisfies', () => {
  it('is a partial order', () => {
    fc.assert(
      fc.property(details, details, details, (a, b, c) => {
        expect(satisfies(a, a)).toBe(true);
        if (satisfies(a, b) && satisfies(b, c)) expect(satisfies(a, c)).toBe(true);
        if (satisfies(a, b) && satisfies(b, a)) expect(a).toEqual(b);
      }),
    );
  });

  it('puts label below everything, and votes, top-k, log-probabilities and logits where they belong', () => {
    const chain: Detail[] = [
      {kind: 'label'},
      {kind: 'top-k', k: 2},
      {kind: 'top-k', k: 3},
      {kind: 'log-probabilities'},
      {kind: 'logits'},
      {kind: 'logits', features: ['pool']},
    ];
    for (const [high, held] of chain.entries()) {
      for (const [low, wanted] of chain.entries()) expect(satisfies(held, wanted)).toBe(high >= low);
      expect(satisfies(held, {kind: 'votes'})).toBe(false);
      expect(satisfies({kind: 'votes'}, held)).toBe(high === 0);
    }
    expect(satisfies({kind: 'logits', features: ['pool']}, {kind: 'logits', features: ['stem']})).toBe(false);
  });
});

describe('coarsen', () => {
  it('never throws if the answer satisfies the detail, and throws for every other kind', () => {
    fc.assert(
      fc.property(answers, details, (answer, detail) => {
        const make = () => coarsen(answer, detail);
        if (satisfies(detailOf(answer), detail)) expect(detailOf(make())).toEqual(detail);
        else if (answer.kind !== 'top-k' || detail.kind !== 'top-k') expect(make).toThrow(KnowledgeError);
      }),
    );
  });

  it('gives in two steps what it gives in one', () => {
    fc.assert(
      fc.property(answers, details, details, (answer, middle, low) => {
        fc.pre(satisfies(detailOf(answer), middle) && satisfies(middle, low));
        expectSame(coarsen(coarsen(answer, middle), low), coarsen(answer, low));
      }),
    );
  });

  it('keeps the label, ties included', () => {
    const close = fc
      .array(fc.constantFrom(0, 1e-8, 2e-8, 1, 1.0000001), {minLength: CLASSES, maxLength: CLASSES})
      .map(values => Float32Array.from(values));
    fc.assert(
      fc.property(fc.oneof(logits, close), details, (values, detail) => {
        fc.pre(detail.kind !== 'votes' && detail.kind !== 'expected');
        const label = values.indexOf(Math.max(...values));
        const coarser = coarsen(logitsAnswer(values), detail);
        expect(coarsen(coarser, {kind: 'label'}).label).toBe(label);
      }),
    );
  });

  it('keeps the best class the best if rounding to 32 bits would tie it with another', () => {
    const values = Float32Array.of(1e-9, 2e-9);
    const {logProbabilities} = coarsen({kind: 'logits', logits: values, features: {}}, {kind: 'log-probabilities'});
    expect(logProbabilities[1]).toBeGreaterThan(logProbabilities[0]!);
    expect(logProbabilities[1]! - logProbabilities[0]!).toBeLessThan(1e-7);
  });

  it('keeps the whole mass: named and rest sum to 1', () => {
    fc.assert(
      fc.property(
        logits,
        fc.integer({min: 1, max: CLASSES}),
        fc.integer({min: 1, max: CLASSES}),
        (values, one, two) => {
          const wide = coarsen(logitsAnswer(values), {kind: 'top-k', k: Math.max(one, two)});
          const narrow = coarsen(wide, {kind: 'top-k', k: Math.min(one, two)});
          for (const answer of [wide, narrow]) {
            const named = answer.logProbabilities.reduce((sum, value) => sum + Math.exp(value), 0);
            expect(Math.abs(named + answer.rest - 1)).toBeLessThan(1e-6);
            expect(answer.rest).toBeGreaterThanOrEqual(0);
            if (answer.classes.length === CLASSES) expect(answer.rest).toBe(0);
          }
        },
      ),
    );
  });

  it('computes log-probabilities that are right to the last bit of 32, however far the logits lie', () => {
    const given: Answer = {kind: 'logits', logits: Float32Array.of(1000, 999, -1000), features: {}};
    // By hand: -log(1 + e^-1), that less 1, that less 2000.
    expect(coarsen(given, {kind: 'log-probabilities'}).logProbabilities).toEqual(
      Float32Array.of(-0.31326168751822286, -1.3132616875182228, -2000.3132616875182),
    );
  });

  it('names the most probable classes first, the lower index first on ties', () => {
    const logProbabilities = Float32Array.from([0.1, 0.3, 0.2, 0.3, 0.1], Math.log);
    const top = coarsen({kind: 'log-probabilities', logProbabilities}, {kind: 'top-k', k: 4});
    expect([...top.classes]).toEqual([1, 3, 2, 0]);
    expect(top.rest).toBeCloseTo(0.1, 6);
    expect(coarsen(top, {kind: 'top-k', k: 1})).toMatchObject({classes: Int32Array.of(1)});
    expect(coarsen(top, {kind: 'top-k', k: 1}).rest).toBeCloseTo(0.7, 6);
  });

  it('leaves a class of no probability at minus infinity', () => {
    const given: Answer = {kind: 'logits', logits: Float32Array.of(0, Number.NEGATIVE_INFINITY), features: {}};
    const top = coarsen(given, {kind: 'top-k', k: 2});
    expect(top).toEqual({
      kind: 'top-k',
      classes: Int32Array.of(0, 1),
      logProbabilities: Float32Array.of(0, Number.NEGATIVE_INFINITY),
      rest: 0,
    });
  });

  it('takes the class with most votes, the lowest on ties', () => {
    expect(coarsen({kind: 'votes', counts: Uint32Array.of(1, 4, 4)}, {kind: 'label'})).toEqual({
      kind: 'label',
      label: 1,
    });
  });

  it('says that votes are only made of votes', () => {
    expect(() => coarsen(logitsAnswer(new Float32Array(CLASSES)), {kind: 'votes'})).toThrow(
      "Votes can't be made of logits with features hidden, pool, stem: they are counts of repeated answers. Ask for votes.",
    );
  });

  it('drops the features that were not asked for', () => {
    const coarser = coarsen(logitsAnswer(new Float32Array(CLASSES)), {kind: 'logits', features: ['pool']});
    expect(Object.keys(coarser.features)).toEqual(['pool']);
    expect(() => coarsen(coarser, {kind: 'logits', features: ['stem']})).toThrow(
      "An answer of logits with features pool can't give logits with features stem.",
    );
  });

  it('takes a top-k answer that names fewer classes for all that there is', () => {
    const short: Answer = {
      kind: 'top-k',
      classes: Int32Array.of(3),
      logProbabilities: Float32Array.of(-0.1),
      rest: 0.09,
    };
    expect(coarsen(short, {kind: 'top-k', k: 4})).toBe(short);
  });

  it('refuses a k that is no count', () => {
    expect(() => coarsen(logitsAnswer(new Float32Array(CLASSES)), {kind: 'top-k', k: 0})).toThrow('got 0');
  });
});

describe('an expected level', () => {
  const level: Answer = {kind: 'expected', level: 1.25};

  it('is in whole distributions alone, and holds nothing else, not even a label', () => {
    const wanted: Detail = {kind: 'expected'};
    const holding = ['label', 'votes', 'top-k', 'log-probabilities', 'logits'].map(kind =>
      satisfies({kind, k: 9} as Detail, wanted),
    );
    expect(holding).toEqual([false, false, false, true, true]);
    for (const kind of ['label', 'votes', 'log-probabilities', 'logits']) {
      expect(satisfies({kind: 'expected'}, {kind} as Detail)).toBe(false);
    }
    expect(() => coarsen(level, {kind: 'label'})).toThrow("An answer of expected can't give label.");
    expect(() => coarsen({kind: 'label', label: 2}, {kind: 'expected'})).toThrow("label can't give expected");
  });

  it('is the mean of the levels, each weighted by its probability', () => {
    const probabilities = [0.03, 0.22, 0.56, 0.19];
    const logProbabilities = Float32Array.from(probabilities, Math.log);
    // The published target of the loss of an expected level.
    expect(coarsen({kind: 'log-probabilities', logProbabilities}, {kind: 'expected'}).level).toBeCloseTo(1.91, 6);
    const logits = Float32Array.of(800, 800, -800);
    expect(coarsen({kind: 'logits', logits, features: {}}, {kind: 'expected'})).toEqual({kind: 'expected', level: 0.5});
    expect(coarsen(level, {kind: 'expected'})).toBe(level);
  });

  it('and a label together take a whole distribution', () => {
    expect(joinDetails([{kind: 'expected'}])).toEqual({kind: 'expected'});
    for (const other of [{kind: 'label'}, {kind: 'top-k', k: 2}] as const) {
      expect(joinDetails([other, {kind: 'expected'}])).toEqual({kind: 'log-probabilities'});
    }
    expect(() => joinDetails([{kind: 'votes'}, {kind: 'expected'}])).toThrow(
      'No answer holds both votes and expected.',
    );
  });
});

describe('a vector', () => {
  it('holds itself alone, and nothing else holds it', () => {
    const vector: Answer = {kind: 'vector', values: Float32Array.of(1, 2)};
    expect(coarsen(vector, {kind: 'vector'})).toBe(vector);
    const kinds = ['label', 'votes', 'expected', 'log-probabilities', 'logits'] as const;
    for (const kind of kinds) {
      expect(satisfies({kind: 'vector'}, {kind})).toBe(false);
      expect(satisfies({kind}, {kind: 'vector'})).toBe(false);
      expect(() => coarsen(vector, {kind})).toThrow(KnowledgeError);
      expect(() => joinDetails([{kind}, {kind: 'vector'}])).toThrow('No answer holds both');
    }
    expect(() => coarsen({kind: 'label', label: 0}, {kind: 'vector'})).toThrow("label can't give vector");
  });
});

describe('joinDetails', () => {
  it('is the least that satisfies them all', () => {
    fc.assert(
      fc.property(fc.array(details, {minLength: 1, maxLength: 3}), details, (wanted, other) => {
        const kinds = new Set(wanted.map(({kind}) => kind));
        kinds.delete('label');
        fc.pre(!kinds.has('votes') || kinds.size === 1);
        const joined = joinDetails(wanted);
        for (const detail of wanted) expect(satisfies(joined, detail)).toBe(true);
        if (wanted.every(detail => satisfies(other, detail))) expect(satisfies(other, joined)).toBe(true);
      }),
    );
    expect(joinDetails([])).toEqual({kind: 'label'});
    expect(
      joinDetails([
        {kind: 'logits', features: ['pool', 'stem']},
        {kind: 'logits', features: ['stem', 'hidden']},
      ]),
    ).toEqual({kind: 'logits', features: ['pool', 'stem', 'hidden']});
  });

  it('does not exist of votes and a distribution', () => {
    expect(() => joinDetails([{kind: 'votes'}, {kind: 'label'}, {kind: 'top-k', k: 3}])).toThrow(
      'No answer holds both votes and top-k (k = 3).',
    );
  });
});

describe('describeDetail', () => {
  it('names k and features', () => {
    expect(describeDetail({kind: 'top-k', k: 5})).toBe('top-k (k = 5)');
    expect(describeDetail({kind: 'logits', features: ['pool']})).toBe('logits with features pool');
    expect(describeDetail({kind: 'logits', features: []})).toBe('logits');
  });
});
