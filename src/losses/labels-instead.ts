import {hardLabels} from './hard-labels.ts';
import type {LossTerm} from './loss.ts';

/** Replaces each term that learns from scores with hard labels of the same weight. */
export function labelsInstead(terms: readonly LossTerm[]): readonly LossTerm[] {
  return terms.map(term => {
    const {name, weight, needs} = term;
    return needs.kind === 'label' ? term : {...hardLabels({weight}), name: `hard-labels in place of ${name}`};
  });
}
