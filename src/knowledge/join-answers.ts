import {concatenated} from '../data/arrays.ts';
import type {Answers} from './answers.ts';

/**
 * Answers of one detail, one set after the other.
 *
 * @param sets - one at least, all of the same kind and width
 */
export function joinAnswers(sets: readonly Answers[]): Answers {
  const [first] = sets as readonly [Answers];
  const count = sets.reduce((sum, {count}) => sum + count, 0);
  switch (first.kind) {
    case 'label':
      return {...first, count, labels: joined(sets as readonly (typeof first)[], ({labels}) => labels)};
    case 'votes':
      return {...first, count, counts: joined(sets as readonly (typeof first)[], ({counts}) => counts)};
    case 'expected':
      return {...first, count, levels: joined(sets as readonly (typeof first)[], ({levels}) => levels)};
    case 'top-k': {
      const all = sets as readonly (typeof first)[];
      const logProbabilities = joined(all, set => set.logProbabilities);
      return {
        ...first,
        count,
        logProbabilities,
        classes: joined(all, set => set.classes),
        rest: joined(all, set => set.rest),
      };
    }
    case 'log-probabilities': {
      const logProbabilities = joined(sets as readonly (typeof first)[], set => set.logProbabilities);
      return {...first, count, logProbabilities};
    }
    case 'logits': {
      const all = sets as readonly (typeof first)[];
      const features = Object.entries(first.features).map(([name, {shape}]) => {
        return [name, {shape, values: joined(all, set => set.features[name]!.values)}] as const;
      });
      return {...first, count, logits: joined(all, ({logits}) => logits), features: Object.fromEntries(features)};
    }
    case 'vector':
      return {...first, count, vectors: joined(sets as readonly (typeof first)[], ({vectors}) => vectors)};
  }
}

function joined<S, T extends Int32Array | Uint32Array | Float32Array>(sets: readonly S[], read: (set: S) => T): T {
  return concatenated(...sets.map(read));
}
