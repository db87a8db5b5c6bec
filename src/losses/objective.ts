import {InputError} from '../errors.ts';
import {describeDetail, joinDetails, satisfies} from '../knowledge/coarsen.ts';
import type {Detail} from '../teacher.ts';
import type {LossTerm} from './loss.ts';

/**
 * The least detail of answers that every term of an objective can use.
 *
 * @throws KnowledgeError if no answer holds enough, because votes can't be derived from other answers, nor those from
 * votes
 */
export function needsOf(terms: readonly LossTerm[]): Detail {
  return joinDetails(terms.map(term => term.needs));
}

/**
 * Checks an objective before any query or training: that it has terms with valid weights, and that the answers hold
 * what each term needs.
 *
 * @param detail - detail of the answers
 * @param method - the objective's name in messages
 * @throws InputError if they don't
 */
export function checkObjective(terms: readonly LossTerm[], detail: Detail, method = 'The objective'): void {
  if (terms.length === 0) {
    throw new InputError(`${method} has no losses. Give it at least one, for example \`hardLabels()\`.`);
  }
  for (const {name, weight} of terms) {
    if (weight > 0 && Number.isFinite(weight)) continue;
    const advice = weight === 0 ? ': nothing is learned from it. Leave the term out, or raise its weight' : '';
    throw new InputError(`${method}: expected \`weight\` of ${name} to be a number above 0, got ${weight}${advice}.`);
  }
  for (const {name, needs} of terms) {
    if (satisfies(detail, needs)) continue;
    throw new InputError(
      `${method}: ${name} needs ${describeDetail(needs)}, but the answers hold ${describeDetail(detail)}. ` +
        `${nearest(needs, detail)}, or ask a teacher that gives ${describeDetail(needs)}.`,
    );
  }
}

/**
 * Checks that the terms read every part of a method's answers, because unread parts need not be requested. The label of
 * votes is their majority, so it reads all of them.
 *
 * @throws InputError that names the unread part, and a loss that reads it
 */
export function checkAllRead(terms: readonly LossTerm[], detail: Detail, method = 'The objective'): void {
  const needs = terms.map(term => term.needs);
  const read = needs.flatMap(need => (need.kind === 'logits' ? (need.features ?? []) : []));
  const features = detail.kind === 'logits' ? (detail.features ?? []) : [];
  const unread = features.filter(feature => !read.includes(feature));
  if (unread.length > 0) {
    throw new InputError(
      `${method}: the answers hold features of ${unread.join(', ')}, and no loss reads them. Learn from them with a loss such as ` +
        '`featureHint()`, or leave them out of `detail`.',
    );
  }
  if (detail.kind === 'label' || detail.kind === 'votes' || needs.some(({kind}) => kind !== 'label')) return;
  const names = terms.map(({name}) => name).join(' + ');
  const reader = detail.kind === 'top-k' ? 'topKLabels()' : 'softLabels()';
  throw new InputError(
    `${method}: the answers hold ${describeDetail(detail)}, and ${names} reads labels alone. Learn from them with ` +
      `\`${reader}\`, or leave \`detail\` out to request labels alone.`,
  );
}

/** Suggests a loss that can use the present answers. */
function nearest(needs: Detail, held: Detail): string {
  switch (held.kind) {
    case 'label':
      return 'Use `hardLabels()`, which takes labels';
    case 'votes':
      return 'Use `voteLabels()`, which takes votes';
    case 'expected':
      return 'Use `expectedLabels()`, which takes expected levels';
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
