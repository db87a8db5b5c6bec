import type {MissingInputs} from '../missing.ts';
import type {Results} from '../results.ts';
import {count, counted, decimal} from './format.ts';

/** How many inputs have no answer and how far they can move the figures, a sentence or two each. */
export function missingSentences({missing}: Results): readonly string[] {
  if (missing === undefined) return [];
  const {transfer, test} = missing;
  return [
    ...(transfer.count > 0
      ? [`${ofAll(transfer, 'training input')} were left without an answer, and no method learned from them.`]
      : []),
    ...(test.count > 0
      ? [
          `${ofAll(test, 'test input')} were left without an answer, and nothing is measured on them. They can move a ` +
            `share by ${decimal(100 * test.share, 2)} points at most, up or down.`,
        ]
      : []),
  ];
}

function ofAll({count: missing, total}: MissingInputs, noun: string): string {
  return `${count(missing)} of ${counted(total, noun)}`;
}
