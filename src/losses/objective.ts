import {InputError} from '../errors.ts';
import {describeDetail, joinDetails, satisfies} from '../knowledge/coarsen.ts';
import type {Detail} from '../teacher.ts';
import type {LossTerm} from './loss.ts';

/**
 * The least that answers must hold for every term of an objective.
 *
 * @throws KnowledgeError where no answer holds enough: votes are not in any other answer, nor it in them
 */
export function needsOf(terms: readonly LossTerm[]): Detail {
  return joinDetails(terms.map(term => term.needs));
}

/**
 * Checks an objective before anything is asked or trained: that it has terms, that their weights are weights, and that
 * the answers hold what each term needs.
 *
 * @param detail - what the answers hold
 * @param method - how messages call the objective
 * @throws InputError
 */
export function checkObjective(terms: readonly LossTerm[], detail: Detail, method = 'The objective'): void {
  if (terms.length === 0) {
    throw new InputError(`${method} has no losses. Give it at least one, for example \`hardLabels()\`.`);
  }
  for (const {name, weight} of terms) {
    if (weight >= 0 && Number.isFinite(weight)) continue;
    throw new InputError(`${method}: expected \`weight\` of ${name} to be a number of at least 0, got ${weight}.`);
  }
  if (terms.every(({weight}) => weight === 0)) {
    throw new InputError(`${method}: every weight is 0, so there is nothing to learn. Raise one above 0.`);
  }
  for (const {name, needs} of terms) {
    if (satisfies(detail, needs)) continue;
    throw new InputError(
      `${method}: ${name} needs ${describeDetail(needs)}, but the answers hold ${describeDetail(detail)}. ` +
        `${nearest(needs, detail)}, or ask a teacher that gives ${describeDetail(needs)}.`,
    );
  }
}

/** What to do with the answers there are. */
function nearest(needs: Detail, held: Detail): string {
  switch (held.kind) {
    case 'label':
      return 'Use `hardLabels()`, which takes labels';
    case 'votes':
      return 'Use `voteLabels()`, which takes votes';
    case 'top-k':
      return 'Use `topKLabels()`, which takes the k best classes';
    case 'log-probabilities':
      return 'Use `softLabels()`, which takes log-probabilities';
    case 'logits':
      return needs.kind === 'logits' && held.features?.length
        ? `Name a feature that they hold (${held.features.join(', ')})`
        : 'Use `softLabels()`, which takes logits';
  }
}
