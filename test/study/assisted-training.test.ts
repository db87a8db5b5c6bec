import {describe, expect, it} from 'vitest';
import {assistedTraining} from '../../src/study/assisted-training.ts';
import {sgd} from '../../src/train/optimizer.ts';

const ofTexts = {reading: {kind: 'n-grams', buckets: 16, words: 1, characters: [0, 0], length: 100}} as const;

const hard = (count: number) => ({count, answers: 100, plainAgreement: 0.5});

describe('assistedTraining', () => {
  it('shows each input four times, and 24,000 inputs at least', () => {
    expect(assistedTraining(ofTexts, hard(8000), {})).toMatchObject({epochs: 4});
    expect(assistedTraining(ofTexts, hard(500), {})).toMatchObject({epochs: 48});
    expect(assistedTraining(ofTexts, hard(30_000), {})).toMatchObject({epochs: 4});
  });

  it('shows students that count words twelve inputs to each answer', () => {
    const lesson = {count: 10_000, answers: 8000, plainAgreement: 0.5};
    expect(assistedTraining(ofTexts, lesson, {})).toMatchObject({epochs: 10});
    expect(assistedTraining({}, lesson, {})).toMatchObject({epochs: 4});
  });

  it('shows half as many, and some parts of each, where counts alone give most answers, to students that count', () => {
    const plain = (count: number) => ({count, answers: 100, plainAgreement: 0.9});
    expect(assistedTraining(ofTexts, plain(500), {})).toMatchObject({epochs: 24, mostParts: 512});
    expect(assistedTraining(ofTexts, plain(500), {mostParts: 100})).toMatchObject({mostParts: 100});
    expect(assistedTraining(ofTexts, plain(8000), {})).toMatchObject({epochs: 4});
    expect(assistedTraining({}, plain(500), {})).toEqual({epochs: 48, batchSize: 64});
    expect(assistedTraining(ofTexts, hard(500), {})).not.toHaveProperty('mostParts');
  });

  it('gives students of texts batches of 128 at twice the default rate, and others batches of 64', () => {
    expect(assistedTraining(ofTexts, hard(8000), {})).toMatchObject({batchSize: 128, optimizer: {learningRate: 0.02}});
    expect(assistedTraining({}, hard(8000), {})).toEqual({epochs: 4, batchSize: 64});
  });

  it('changes nothing that a recipe says', () => {
    expect(assistedTraining(ofTexts, hard(8000), {epochs: 3})).toEqual({});
    expect(assistedTraining(ofTexts, hard(8000), {steps: 10, batchSize: 8})).toEqual({});
    expect(assistedTraining(ofTexts, hard(8000), {batchSize: 32})).toEqual({epochs: 4});
    expect(assistedTraining(ofTexts, hard(8000), {optimizer: sgd()})).toEqual({epochs: 4, batchSize: 64});
  });
});
