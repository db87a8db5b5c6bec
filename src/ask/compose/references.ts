import {type Inputs, inputAt, type TensorInputs} from '../../data/inputs.ts';
import {InputError, KnowledgeError} from '../../errors.ts';
import {coarsen} from '../../knowledge/coarsen.ts';
import type {Outcome, TensorInput} from '../../teacher.ts';
import {BoundaryLine, distanceBetween} from './boundary-line.ts';
import {passUnanswerable} from './unanswerable.ts';

/** Inputs by the class that the teacher says they are of. */
export type References = ReadonlyMap<number, readonly TensorInput['data'][]>;

/**
 * References by what the teacher said of each; those that it can't answer are left out.
 *
 * @throws the error of one that may yet have an answer; KnowledgeError where a class has none
 */
export function referencesBy(
  inputs: TensorInputs,
  outcomes: readonly Outcome[],
  {name, classes}: {readonly name: string; readonly classes: readonly string[]},
): References {
  const references = new Map<number, TensorInput['data'][]>(classes.map((_, label) => [label, []]));
  for (const [index, outcome] of outcomes.entries()) {
    if ('error' in outcome) {
      passUnanswerable(outcome.error);
      continue;
    }
    const {label} = coarsen(outcome.answer, {kind: 'label'}, classes.length);
    references.get(label)!.push((inputAt(inputs, index) as TensorInput).data);
  }
  const missing = classes.filter((_, label) => references.get(label)!.length === 0);
  if (missing.length === 0) return references;
  throw new KnowledgeError(
    `Teacher ${name} says of none of the ${inputs.count} references that it is of class ${missing.join(', ')}, so that ` +
      'nothing leads to the boundary of that. Give it references of every class.',
  );
}

/** The ways to the nearest references of every class but the own one, by class. */
export function linesFrom(
  input: TensorInput,
  own: number,
  references: References,
  nearest: number,
): ReadonlyMap<number, readonly BoundaryLine[]> {
  const lines = new Map<number, readonly BoundaryLine[]>();
  for (const [label, others] of references) {
    if (label === own) continue;
    const byDistance = others
      .map(data => new BoundaryLine(input, data, label, distanceBetween(input.data, data)))
      // A teacher that samples may have said something else of the same input.
      .filter(({distance}) => distance > 0)
      .sort((one, other) => one.distance - other.distance);
    lines.set(label, byDistance.slice(0, nearest));
  }
  return lines;
}

/** @throws InputError where they are texts */
export function checkReferences(references: Inputs): asserts references is TensorInputs {
  if (references.kind === 'tensor') return;
  throw new InputError(
    'A boundary is looked for between tensors, and these references are texts. Ask for votes of those.',
  );
}
