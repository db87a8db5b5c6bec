import {describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {centredLogits} from '../../src/losses/centred-logits.ts';
import {dist} from '../../src/losses/dist.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {jensenShannon} from '../../src/losses/jensen-shannon.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import type {LossTerm} from '../../src/losses/loss.ts';
import {nkd} from '../../src/losses/nkd.ts';
import {quantised} from '../../src/losses/quantised.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {standardised} from '../../src/losses/standardised.ts';
import {topKLabels} from '../../src/losses/top-k.ts';
import {ttm} from '../../src/losses/ttm.ts';
import {voteLabels} from '../../src/losses/vote-labels.ts';
import type {Method, TuneOptions} from '../../src/recipe/recipe.ts';
import {methodAt, settingsOf} from '../../src/recipe/settings.ts';

const tried = (losses: readonly LossTerm[], tune: true | TuneOptions = true) =>
  settingsOf({method: 'mine', losses, tune});

describe('what is tried', () => {
  it('of one term are its temperatures, its own among them', () => {
    expect(tried([softLabels({temperature: 3, weight: 0.5})])).toEqual(
      [1, 2, 3, 4, 8, 20].map(temperature => ({temperature, weights: [0.5]})),
    );
  });

  it('of several are weights of all but the first, with each temperature', () => {
    expect(tried([hardLabels({weight: 0.1}), softLabels({weight: 0.9})])).toHaveLength(15);
    const hint = featureHint({teacher: 'a', student: 'b', weight: 10});
    expect(tried([softLabels(), hint], {temperatures: [4, 1], weights: [2, 0.1]})).toEqual([
      {temperature: 1, weights: [1, 1]},
      {temperature: 1, weights: [1, 20]},
      {temperature: 4, weights: [1, 1]},
      {temperature: 4, weights: [1, 20]},
    ]);
    expect(tried([centredLogits(), hint])).toEqual([3, 10, 30].map(weight => ({weights: [1, weight]})));
    expect(tried([centredLogits(), hardLabels({weight: 0.1})])[2]).toEqual({weights: [1, 0.3]});
  });

  it.each([
    [[hardLabels()], true, 'no temperature to choose, and its weight weighs against nothing. Leave `tune` out.'],
    [[centredLogits()], {temperatures: [1, 2]}, 'not one has a temperature'],
    [[learnedTemperature()], true, 'Method `mine` has nothing of that kind to tune in learned-temperature soft-labels'],
    [[topKLabels({rest: 'bucket'})], true, 'nothing'],
    [[softLabels()], {weights: [1, 2]}, 'Leave `weights` out'],
    [[softLabels()], {temperatures: [3]}, 'Give `tune` more values'],
  ] as const)('is refused where there is no choice: %#', (losses, tune, problem) => {
    expect(() => tried(losses, tune)).toThrow(problem);
  });
});

describe('a method set in one way', () => {
  const makers: Record<string, (temperature: number) => LossTerm> = {
    softLabels: temperature => softLabels({temperature, direction: 'reverse', scaleByT2: false}),
    topKLabels: temperature => topKLabels({temperature, rest: 'zero'}),
    voteLabels: temperature => voteLabels({temperature, samplingTemperature: 0.7}),
    dkd: temperature => dkd({temperature, alpha: 2, beta: 3}),
    dist: temperature => dist({temperature, gamma: 0.5}),
    jensenShannon: temperature => jensenShannon({temperature, beta: 0.3}),
    nkd: temperature => nkd({temperature, gamma: 2}),
    ttm: temperature => ttm({temperature, weighted: false}),
    standardised: temperature => standardised(softLabels({temperature})),
    quantised: temperature => quantised(dkd({temperature}), {decimals: 2}),
  };

  it.each(Object.keys(makers))('has %s at another temperature, all else as it was', async name => {
    await startEngine();
    const make = makers[name]!;
    const [first] = methodAt<Method>(
      {level: 'gray-box', method: 'mine', losses: [make(4)]},
      {temperature: 1.5, weights: [7]},
    ).losses;
    const expected = make(1.5);
    expect(first).toMatchObject({name: expected.name, needs: expected.needs, temperature: 1.5, weight: 7});
    const values = [first!, expected].map(term =>
      tf.tidy(() => {
        const logProbabilities = tf.tensor2d([1, 2, 0.5, -1, 0.3, 0, -2, 1.1], [2, 4]);
        const named = tf.tensor2d([1, 1, 0, 0, 1, 0, 0, 1], [2, 4]);
        const targets = {labels: tf.tensor1d([1, 3], 'int32'), logProbabilities, named, features: {}};
        const logits = tf.tensor2d([2, 0, 0.5, 1, -0.3, 1, 2, 0.1], [2, 4]);
        return term.prepare({teacher: {}, student: {}}, 1).value(targets, {logits, features: {}}).dataSync()[0];
      }),
    );
    expect(values[0]).toBe(values[1]);
  });

  it('keeps terms without a temperature, and the prepare of a class', () => {
    class Own implements LossTerm {
      readonly name = 'own';
      readonly weight = 2;
      readonly needs = {kind: 'label'} as const;
      readonly studentFeatures = [];
      prepare() {
        return {variables: [], value: () => tf.scalar(this.weight)};
      }
    }
    const {losses} = methodAt<Method>(
      {level: 'black-box', method: 'mine', losses: [new Own()]},
      {temperature: 2, weights: [5]},
    );
    expect(losses[0]!.weight).toBe(5);
    const value = losses[0]!.prepare({teacher: {}, student: {}}, 1).value({} as never, {} as never);
    expect(value.dataSync()[0]).toBe(2);
    value.dispose();
  });
});
