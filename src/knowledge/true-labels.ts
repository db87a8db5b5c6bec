import type {Examples, Unlabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import type {Knowledge} from './knowledge.ts';

/**
 * True labels in the form of a teacher's answers, for the baseline that learns without a teacher.
 *
 * @throws InputError if there are none
 */
export function trueLabels(examples: Examples | Unlabelled, classes: readonly string[]): Knowledge {
  if (!('labels' in examples)) throw new InputError('The training inputs have no true labels to learn from.');
  const {inputs, labels} = examples;
  return {
    source: {access: 'truth', identity: {}},
    classes,
    detail: {kind: 'label'},
    inputs,
    answers: {kind: 'label', count: labels.length, labels},
  };
}
