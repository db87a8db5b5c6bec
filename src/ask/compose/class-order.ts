import {sameClasses} from '../../data/classes.ts';
import {InputError} from '../../errors.ts';
import type {Answer, Teacher} from '../../teacher.ts';

/** Gives an answer's classes the places that another teacher has for them. */
export type Reorder = (answer: Answer) => Answer;

/**
 * How answers of a teacher become answers over these classes.
 *
 * @throws InputError where the teacher has other classes
 */
export function reorderTo(classes: readonly string[], teacher: Pick<Teacher, 'name' | 'classes'>): Reorder {
  if (sameClasses(classes, teacher.classes)) return answer => answer;
  const places = teacher.classes.map(name => classes.indexOf(name));
  if (new Set(places).size !== classes.length || places.includes(-1)) {
    throw new InputError(
      `Teacher ${teacher.name} speaks of the classes ${teacher.classes.join(', ')}, and another one that it is to be put ` +
        `together with of ${classes.join(', ')}. Give all of them the same names.`,
    );
  }
  return answer => moved(answer, places);
}

/** @param places - by class as the answer has it, its place in the other order */
function moved(answer: Answer, places: readonly number[]): Answer {
  switch (answer.kind) {
    case 'label':
      return {...answer, label: places[answer.label]!};
    case 'votes':
      return {...answer, counts: scattered(answer.counts, places)};
    case 'top-k':
      return {...answer, classes: answer.classes.map(index => places[index]!)};
    case 'log-probabilities':
      return {...answer, logProbabilities: scattered(answer.logProbabilities, places)};
    case 'logits':
      return {...answer, logits: scattered(answer.logits, places)};
  }
}

function scattered<T extends Float32Array | Uint32Array>(values: T, places: readonly number[]): T {
  const result = values.slice() as T;
  for (const [index, place] of places.entries()) result[place] = values[index]!;
  return result;
}
