import {accuracy} from '../evaluate/metrics.ts';
import type {CrossFit} from './cross-fit.ts';
import type {Candidate, StudentChoice} from './results.ts';

/** A student that might be chosen, and what came of trying it. */
export interface Tried extends Omit<Candidate, 'agreement'> {
  readonly fit: CrossFit;
}

/** Chooses the student that agrees most often with the answers that it did not learn from; at a tie the first of them. */
export function chooseAmong(tried: readonly Tried[], classes: number): StudentChoice {
  const candidates = tried.map(({name, parameters, fit: {logits, labels}}) => ({
    name,
    parameters,
    agreement: accuracy(logits, labels, classes),
  }));
  const best = Math.max(...candidates.map(({agreement}) => agreement));
  return {chosen: candidates.findIndex(({agreement}) => agreement === best), candidates};
}
