import {describe, expect, it} from 'vitest';
import {assistedTraining} from '../../src/study/assisted-training.ts';
import {sgd} from '../../src/train/optimizer.ts';

const ofTexts = {reading: {kind: 'n-grams', buckets: 16, words: 1, characters: [0, 0], length: 100}} as const;

const hard = (count: number) => ({count, plainAgreement: 0.5});

describe('assistedTraining', () => {
  it('shows each input four times, and 24,000 inputs at least', () => {
    expect(assistedTraining(ofTexts, hard(8000), {})).toMatchObject({epochs: 4});
    expect(assistedTraining(ofTexts, hard(500), {})).toMatchObject({epochs: 48});
    expect(assistedTraining(ofTexts, hard(30_000), {})).toMatchObject({epochs: 4});
  });

  it('shows half as many where counts alone give most answers, to students that count', () => {
    expect(assistedTraining(ofTexts, {count: 500, plainAgreement: 0.9}, {})).toMatchObject({epochs: 24});
    expect(assistedTraining(ofTexts, {count: 8000, plainAgreement: 0.9}, {})).toMatchObject({epochs: 4});
    expect(assistedTraining({}, {count: 500, plainAgreement: 0.9}, {})).toMatchObject({epochs: 48});
  });

  it('gives students of texts batches of 128 at twice the default rate, and others batches of 64', () => {
    expect(assistedTraining(ofTexts, hard(8000), {})).toMatchObject({batchSize: 128, optimizer: {learningRate: 0.02}});
    expect(assistedTraining({}, hard(8000), {})).toEqual({epochs: 4, batchSize: 64});
  });

  it('shows students that count parts of texts some of those of a long text at a time', () => {
    expect(assistedTraining(ofTexts, hard(8000), {})).toMatchObject({mostParts: 512});
    expect(assistedTraining({}, hard(8000), {})).not.toHaveProperty('mostParts');
    expect(assistedTraining(ofTexts, hard(8000), {mostParts: 100})).toMatchObject({mostParts: 100});
  });

  it('changes nothing that a recipe says', () => {
    expect(assistedTraining(ofTexts, hard(8000), {epochs: 3})).toEqual({});
    expect(assistedTraining(ofTexts, hard(8000), {steps: 10, batchSize: 8})).toEqual({});
    expect(assistedTraining(ofTexts, hard(8000), {batchSize: 32})).toEqual({epochs: 4, mostParts: 512});
    expect(assistedTraining(ofTexts, hard(8000), {optimizer: sgd()})).toEqual({
      epochs: 4,
      mostParts: 512,
      batchSize: 64,
    });
  });
});
