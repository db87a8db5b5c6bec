import {sameClasses} from '../../data/arrays.ts';
import {InputError, KnowledgeError} from '../../errors.ts';
import type {Answer, Teacher} from '../../teacher.ts';

/** Moves an answer's classes to the indices that another teacher has for them. */
export type Reorder = (answer: Answer) => Answer;

/**
 * Maps the answers of a teacher to these classes.
 *
 * @throws InputError if the teacher has other classes
 */
export function reorderTo(classes: readonly string[], teacher: Pick<Teacher, 'name' | 'classes'>): Reorder {
  if (sameClasses(classes, teacher.classes)) return answer => answer;
  const indices = teacher.classes.map(name => classes.indexOf(name));
  if (new Set(indices).size !== classes.length || indices.includes(-1)) {
    throw new InputError(
      `Teacher ${teacher.name} speaks of the classes ${teacher.classes.join(', ')}, and another one that it is to be put ` +
        `together with of ${classes.join(', ')}. Give all of them the same names.`,
    );
  }
  return answer => moved(answer, indices);
}

/** @param indices - by class of the answer, its index in the other order */
function moved(answer: Answer, indices: readonly number[]): Answer {
  switch (answer.kind) {
    case 'label':
      return {...answer, label: indices[answer.label]!};
    case 'votes':
      return {...answer, counts: scattered(answer.counts, indices)};
    case 'expected':
      throw new KnowledgeError(
        'An expected level counts classes in their own order. Give all teachers the same order.',
      );
    case 'top-k':
      return {...answer, classes: answer.classes.map(index => indices[index]!)};
    case 'log-probabilities':
      return {...answer, logProbabilities: scattered(answer.logProbabilities, indices)};
    case 'logits':
      return {...answer, logits: scattered(answer.logits, indices)};
  }
}

function scattered<T extends Float32Array | Uint32Array>(values: T, indices: readonly number[]): T {
  const result = values.slice() as T;
  for (const [index, position] of indices.entries()) result[position] = values[index]!;
  return result;
}
