import type {Inputs} from '../data/inputs.ts';
import {installedEncoder} from '../encoder/registry.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {hashedNgrams} from '../student/hashed-ngrams.ts';
import {staticEmbedding} from '../student/static-embedding.ts';
import type {StudentBuilder} from '../student/student.ts';
import type {Recipe} from './recipe.ts';

/**
 * The students that each run of a recipe chooses among; one if it names one.
 *
 * @throws InputError if it leaves the student to limbeck and its inputs are no texts
 */
export function studentsOf(
  {student, assistant}: Pick<Recipe, 'student' | 'assistant'>,
  {kind}: Pick<Inputs, 'kind'>,
): readonly StudentBuilder[] {
  if (typeof student === 'function') return [student];
  if (student !== 'auto') return student;
  if (kind !== 'text') {
    throw new InputError(
      `\`student: 'auto'\` is for texts, but the inputs are ${inputsOfKinds(kind)}. Name a student, such as mlp().`,
    );
  }
  const encoder = assistant && 'encoder' in assistant ? assistant.encoder : installedEncoder();
  // With an assistant there is more to learn than a few units hold.
  const hashed = hashedNgrams(assistant ? {units: [96]} : {});
  return encoder === undefined ? [hashed] : [hashed, staticEmbedding({encoder})];
}
