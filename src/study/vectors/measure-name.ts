import type {PairVerdict} from '../budget-results.ts';

const NAMES: Readonly<Record<PairVerdict['measure'], string>> = {
  agreement: 'agreement',
  cosine: 'mean cosine',
  recall: 'recall',
};

/** What a verdict is about, in words. */
export function measureName(measure: PairVerdict['measure']): string {
  return NAMES[measure];
}
