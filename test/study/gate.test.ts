import {describe, expect, it} from 'vitest';
import {trueLabels} from '../../src/knowledge/true-labels.ts';
import {gateOver} from '../../src/study/gate.ts';

const texts = Array.from({length: 40}, (_, index) => `Please move the meeting of room ${index} to next week.`);
const labels = Int32Array.from(texts, (_, index) => index % 2);
const knowledge = trueLabels({inputs: {kind: 'text', count: texts.length, texts}, labels}, ['a', 'b']);
const numbers = {
  inputs: {kind: 'tensor', dtype: 'uint8', shape: [2], count: 40, data: new Uint8Array(80)},
  labels,
} as const;

describe('gateOver', () => {
  it('fits a gate to the texts of a student that may abstain, the same for the same seed', async () => {
    const gate = await gateOver({calibration: {}}, knowledge, 1);
    expect(gate?.texts).toHaveLength(40);
    expect(await gateOver({calibration: {}}, knowledge, 1)).toEqual(gate);
  });

  it('fits none where nothing is calibrated, or the inputs are numbers', async () => {
    expect(await gateOver({}, knowledge, 1)).toBeUndefined();
    expect(await gateOver({calibration: {}}, trueLabels(numbers, ['a', 'b']), 1)).toBeUndefined();
  });
});
