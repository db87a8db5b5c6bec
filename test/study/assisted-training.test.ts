import {describe, expect, it} from 'vitest';
import {assistedTraining} from '../../src/study/assisted-training.ts';
import {sgd} from '../../src/train/optimizer.ts';

const ofTexts = {reading: {kind: 'n-grams', buckets: 16, words: 1, characters: [0, 0], length: 100}} as const;

describe('assistedTraining', () => {
  it('shows each input four times, and 24,000 inputs at least', () => {
    expect(assistedTraining(ofTexts, 8000, {})).toMatchObject({epochs: 4});
    expect(assistedTraining(ofTexts, 500, {})).toMatchObject({epochs: 48});
    expect(assistedTraining(ofTexts, 30_000, {})).toMatchObject({epochs: 4});
  });

  it('gives students of texts batches of 128 at twice the default rate, and others batches of 64', () => {
    expect(assistedTraining(ofTexts, 8000, {})).toMatchObject({batchSize: 128, optimizer: {learningRate: 0.02}});
    expect(assistedTraining({}, 8000, {})).toEqual({epochs: 4, batchSize: 64});
  });

  it('changes nothing that a recipe says', () => {
    expect(assistedTraining(ofTexts, 8000, {epochs: 3})).toEqual({});
    expect(assistedTraining(ofTexts, 8000, {steps: 10, batchSize: 8})).toEqual({});
    expect(assistedTraining(ofTexts, 8000, {batchSize: 32})).toEqual({epochs: 4});
    expect(assistedTraining(ofTexts, 8000, {optimizer: sgd()})).toEqual({epochs: 4, batchSize: 64});
  });
});
