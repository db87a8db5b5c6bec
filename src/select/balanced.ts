import {argmaxRows} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {mixSeed} from '../data/random.ts';
import {OptionError} from '../options.ts';
import {random} from './random.ts';
import type {Candidates, Strategy} from './strategy.ts';

/**
 * Chooses as evenly from the classes as the inputs allow, for classes that are rare among them. Classes that the
 * teacher named least often so far come first. The student's prediction tells the class of an input. Within a class
 * another strategy chooses.
 *
 * @param within - chooses among the inputs of one class
 *
 * @example
 * ```ts
 * import * as select from 'limbeck/select';
 *
 * export const strategy = select.balanced(select.margin());
 * ```
 */
export function balanced(within: Strategy = random()): Strategy {
  if (typeof within?.choose !== 'function') {
    throw new OptionError('balanced takes a strategy, such as margin(), or nothing.');
  }
  return {
    name: within.name === 'random' ? 'balanced' : `balanced ${within.name}`,
    needs: {...within.needs, students: Math.max(1, within.needs.students)},
    among: within.among,
    choose(candidates, size) {
      const rows = rowsByClass(candidates);
      const quotas = quotasOf(candidates, rows, size);
      const chosen = rows.map((ofClass, label) => {
        const part = candidatesAt(candidates, ofClass, mixSeed(candidates.seed, `class ${label}`));
        return Array.from(within.choose(part, quotas[label]!), index => ofClass[index]!);
      });
      return Int32Array.from(chosen.flat());
    },
  };
}

/** Indices of the candidates by the class that the first student predicts. */
function rowsByClass({logits, classes}: Candidates): readonly number[][] {
  const rows = Array.from({length: classes}, (): number[] => []);
  for (const [row, label] of argmaxRows(logits[0]!, classes).entries()) rows[label]!.push(row);
  return rows;
}

/** Number to choose of each class, so that answered and chosen inputs together are as even as the candidates allow. */
function quotasOf({labels, classes}: Candidates, rows: readonly (readonly number[])[], size: number): Int32Array {
  const quotas = new Int32Array(classes);
  const totals = new Float64Array(classes);
  for (const label of labels) totals[label]!++;
  for (let left = size; left > 0; left--) {
    let fewest = -1;
    for (let label = 0; label < classes; label++) {
      const isLeft = quotas[label]! < rows[label]!.length;
      if (isLeft && (fewest < 0 || totals[label]! < totals[fewest]!)) fewest = label;
    }
    quotas[fewest]!++;
    totals[fewest]!++;
  }
  return quotas;
}

/** The data of some of the candidates. */
function candidatesAt({classes, logits, embeddings, labels}: Candidates, rows: number[], seed: number): Candidates {
  return {
    count: rows.length,
    classes,
    seed,
    logits: logits.map(student => selectRows(student, classes, rows)),
    labels,
    embeddings: embeddings && {
      ...embeddings,
      candidates: selectRows(embeddings.candidates, embeddings.width, rows),
    },
  };
}
