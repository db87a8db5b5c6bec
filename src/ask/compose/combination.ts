import {InputError, TeacherError} from '../../errors.ts';
import {coarsen} from '../../knowledge/coarsen.ts';
import type {AnswerOf, Detail, Part, Teacher, VotesAnswer} from '../../teacher.ts';
import {meanDistribution, meanTopK, type Share} from './mean-answer.ts';

/** The access level of combined answers. */
export type Combined = 'black-box' | 'gray-box';

/**
 * The content of several combined answers: votes if each is a label or votes; their mean if all are distributions.
 *
 * @throws InputError if some are votes and others distributions
 */
export function shownBy(teachers: readonly Teacher[]): {readonly access: Combined; readonly detail: Detail} {
  const voting = teachers.filter(isVoting);
  if (voting.length === teachers.length) return {access: 'black-box', detail: {kind: 'votes'}};
  if (voting.length > 0) {
    const scored = teachers.find(teacher => !isVoting(teacher))!;
    throw new InputError(
      `Teacher ${voting[0]!.name} shows labels and ${scored.name} distributions, of which together there is no mean. ` +
        "Have them all vote: `degrade(teacher, {access: 'black-box', detail: {kind: 'label'}})` shows labels alone.",
    );
  }
  const most = teachers.flatMap(({detail}) => (detail.kind === 'top-k' ? [detail.k] : []));
  return {
    // The mean of estimates of black-box teachers is an estimate, too.
    access: teachers.every(({access}) => access === 'black-box') ? 'black-box' : 'gray-box',
    detail: most.length === 0 ? {kind: 'log-probabilities'} : {kind: 'top-k', k: Math.min(...most)},
  };
}

function isVoting({detail}: Teacher): boolean {
  return detail.kind === 'label' || detail.kind === 'votes';
}

/** The detail that a teacher is asked for, so that its answers can be combined with others. */
export function partShowing(teacher: Teacher): Part {
  return {teacher, ...(teacher.detail.kind === 'logits' && {detail: {kind: 'log-probabilities'}})};
}

/**
 * Combines several answers into one.
 *
 * @param shares - weights are whole numbers for votes, and sum to 1 for distributions
 * @returns undefined if the most probable class isn't known
 */
export function combine(shares: readonly Share[], {kind}: Detail, classes: number): AnswerOf<Combined> | undefined {
  if (kind === 'votes') return votesIn(shares, classes);
  return kind === 'top-k' ? meanTopK(shares, classes) : meanDistribution(shares, classes);
}

/** A teacher that votes has as many votes as it gives, each with its weight. */
function votesIn(shares: readonly Share[], classes: number): VotesAnswer {
  const counts = new Uint32Array(classes);
  for (const {answer, weight} of shares) {
    if (answer.kind === 'votes') for (const [index, count] of answer.counts.entries()) counts[index]! += weight * count;
    else counts[coarsen(answer, {kind: 'label'}, classes).label]! += weight;
  }
  return {kind: 'votes', counts};
}

export function unknownBest(name: string): TeacherError {
  return new TeacherError(
    name,
    'Its teachers name so few classes that it is not known which is the most probable. Have them name more.',
  );
}
