import {detailOf, satisfies} from '../knowledge/coarsen.ts';
import type {Answer} from '../teacher.ts';
import {digestKey} from './key.ts';
import type {AnswerEntry} from './store.ts';

/** How far the sum of probabilities can be from 1. */
const TOLERANCE = 1e-3;

/**
 * The fault of a kept answer, as a clause: its key does not match its question, it holds invalid values for its kind,
 * or it holds less than its detail.
 */
export function problemWith({key, stored}: AnswerEntry): string | undefined {
  const {teacher, question, detail, answer} = stored;
  if (digestKey(teacher.identity, question) !== key) return 'its key is not that of its teacher and question';
  const problem = problemWithAnswer(answer);
  if (problem !== undefined) return problem;
  // A top-k answer can name fewer classes than were asked for.
  const isWhole = detail.kind === 'top-k' ? answer.kind === 'top-k' : satisfies(detailOf(answer), detail);
  return isWhole ? undefined : `it is said to hold ${detail.kind}, and holds ${answer.kind}`;
}

function problemWithAnswer(answer: Answer): string | undefined {
  switch (answer.kind) {
    case 'label':
      return Number.isInteger(answer.label) && answer.label >= 0 ? undefined : `its label is ${answer.label}`;
    case 'votes':
      return answer.counts.some(count => count > 0) ? undefined : 'it has no votes';
    case 'logits':
      return answer.logits.every(Number.isFinite) ? undefined : 'its logits are not all finite';
    case 'log-probabilities':
      return problemWithMass(massOf(answer.logProbabilities));
    case 'top-k':
      if (answer.classes.length !== answer.logProbabilities.length) return 'it names other classes than it has values';
      return problemWithMass(massOf(answer.logProbabilities) + answer.rest);
  }
}

function problemWithMass(mass: number): string | undefined {
  return Math.abs(mass - 1) <= TOLERANCE ? undefined : `its probabilities sum to ${mass.toPrecision(4)}`;
}

function massOf(logProbabilities: Float32Array): number {
  return logProbabilities.reduce((sum, value) => sum + Math.exp(value), 0);
}
