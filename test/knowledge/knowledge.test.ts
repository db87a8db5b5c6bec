import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';

const classes = ['no', 'yes'];
const inputs = {kind: 'text', count: 2, texts: ['a', 'b']} as const;

describe('trueLabels', () => {
  it('makes knowledge of labelled examples that says whose labels they are', () => {
    const labels = Int32Array.of(1, 0);
    expect(trueLabels({inputs, labels}, classes)).toEqual({
      source: {access: 'truth', identity: {}},
      classes,
      detail: {kind: 'label'},
      inputs,
      answers: {kind: 'label', count: 2, labels},
    });
  });

  it('refuses examples that have none', () => {
    expect(() => trueLabels({role: 'train', inputs}, classes)).toThrow(
      new InputError('The training inputs have no true labels to learn from.'),
    );
  });
});
