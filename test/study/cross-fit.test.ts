import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {type Knowledge, trueLabels} from '../../src/knowledge/knowledge.ts';
import {predictLogits} from '../../src/student/predict.ts';
import {crossFit, isTemperatureKnown} from '../../src/study/cross-fit.ts';
import {classes, hashesOf, tinyData, tinyModel} from './tiny.ts';

beforeAll(startEngine);

const knowledge: Knowledge = trueLabels(tinyData().train, classes);

describe('crossFit', () => {
  it('asks each student about what it did not learn from, and about every input once', async () => {
    const all = hashesOf(knowledge.inputs);
    const left: string[] = [];
    await crossFit(knowledge, {
      folds: 4,
      seed: 1,
      async train({inputs}, fold) {
        const known = hashesOf(inputs);
        expect(known).toHaveLength(45);
        expect(left).toHaveLength(fold * 15);
        left.push(...all.filter(hash => !known.includes(hash)));
        return tinyModel();
      },
    });
    expect(left.sort()).toEqual([...all].sort());
  });

  it('tries whole parts until students were asked about as many answers as are enough', async () => {
    const parts: number[] = [];
    const train = async (_: unknown, fold: number) => {
      parts.push(fold);
      return tinyModel();
    };
    const {labels, logits} = await crossFit(knowledge, {folds: 4, most: 16, seed: 1, train});
    expect({parts, asked: labels.length, logits: logits.length}).toEqual({parts: [0, 1], asked: 30, logits: 90});
  });

  it('tries no further part once what was found is enough', async () => {
    const train = () => tinyModel();
    const {labels} = await crossFit(knowledge, {folds: 4, seed: 1, train, isEnough: found => found.labels.length > 15});
    expect(labels).toHaveLength(30);
  });

  it('gives what each student says of its part, with the answers to it, and divides the same way again', async () => {
    const {logits, labels} = await crossFit(knowledge, {seed: 1, train: tinyModel});
    // Every student the same, so that its answers to all parts are those of one.
    const whole = await predictLogits(await tinyModel(), knowledge.inputs);
    const known = knowledge.answers as {readonly labels: Int32Array};
    const rowsOf = (values: ArrayLike<number>, of: ArrayLike<number>) =>
      Array.from(of, (label, row) => [label, ...Array.from(values).slice(3 * row, 3 * row + 3)].join()).sort();
    expect(rowsOf(logits, labels)).toEqual(rowsOf(whole, known.labels));
    const again = await crossFit(knowledge, {seed: 1, train: tinyModel});
    expect(again.labels).toEqual(labels);
    const other = await crossFit(knowledge, {seed: 2, train: tinyModel});
    expect(other.labels).not.toEqual(labels);
  });

  it('keeps the versions of an input in one part, and asks about the first of them', async () => {
    const hashes = hashesOf(knowledge.inputs);
    // Row i is version i % 3 of input i / 3.
    const versioned = {...knowledge, versions: 3};
    const asked: string[] = [];
    const {labels} = await crossFit(versioned, {
      folds: 4,
      seed: 1,
      async train({inputs, versions}) {
        const known = hashesOf(inputs).map(hash => hashes.indexOf(hash));
        expect({count: known.length, versions}).toEqual({count: 45, versions: 3});
        for (const [place, row] of known.entries()) expect(row % 3).toBe(place % 3);
        for (let place = 0; place < 45; place += 3) expect(known[place + 2]).toBe(known[place]! + 2);
        const left = hashes.filter((_, row) => row % 3 === 0 && !known.includes(row));
        expect(left).toHaveLength(5);
        asked.push(...left);
        return tinyModel();
      },
    });
    expect(asked.sort()).toEqual(hashes.filter((_, row) => row % 3 === 0).sort());
    expect(labels).toHaveLength(20);
    await expect(crossFit(versioned, {folds: 21, seed: 1, train: tinyModel})).rejects.toThrow('there are 20');
  });

  it('refuses fewer answers than parts', async () => {
    await expect(crossFit(knowledge, {folds: 61, seed: 1, train: tinyModel})).rejects.toThrow(InputError);
  });
});

describe('isTemperatureKnown', () => {
  const isKnown = (classes: number, count: number, labelOf: (row: number) => number): boolean => {
    const logits = Float32Array.from({length: classes * count}, (_, index) => 0.3 * (index % classes));
    const names = Array.from({length: classes}, (_, index) => `class ${index}`);
    const labels = Array.from({length: count}, (_, row) => labelOf(row));
    return isTemperatureKnown({detail: {kind: 'label'}, classes: names}, {logits, labels});
  };

  it('takes a small standard error, or 150 answers', () => {
    // Of two classes an answer says little about a temperature.
    const ofTwo = (row: number) => (row % 5 < 3 ? 1 : 0);
    expect([149, 150].map(count => isKnown(2, count, ofTwo))).toEqual([false, true]);
    // By the quantiles of softmax(logits), in which log q has a variance of about 1: 1 / √n is the standard error.
    const ofForty = (count: number) => (row: number) =>
      Math.max(0, 39 - Math.floor(-Math.log((row + 0.5) / count) / 0.3));
    expect([80, 120].map(count => isKnown(40, count, ofForty(count)))).toEqual([false, true]);
  });
});
