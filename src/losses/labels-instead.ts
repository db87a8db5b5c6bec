import {hardLabels} from './hard-labels.ts';
import type {LossTerm} from './loss.ts';

/** The terms, hard labels of the same weight in place of each that learns from scores. */
export function labelsInstead(terms: readonly LossTerm[]): readonly LossTerm[] {
  return terms.map(term => {
    const {name, weight, needs} = term;
    return needs.kind === 'label' ? term : {...hardLabels({weight}), name: `hard-labels in place of ${name}`};
  });
}
