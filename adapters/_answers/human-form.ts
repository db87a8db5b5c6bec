/** What a person fills in, and what it means. */
import {type Column, labelReader} from '../../src/data/human-table/columns.ts';
import {InputError} from '../../src/errors.ts';
import type {Answer, Detail} from '../../src/teacher.ts';
import {checkForm} from '../_local/given.ts';

export interface Form {
  readonly columns: readonly Column[];
  readonly access: 'black-box' | 'gray-box';
  readonly detail: Detail;
  /** @param values - one a column */
  answerOf(values: readonly number[]): Answer;
}

export interface FormOptions {
  readonly classes: readonly string[];
  readonly people?: readonly string[] | undefined;
  readonly confidence?: boolean | undefined;
}

/** @throws InputError where the options can't be used */
export function formOf({classes, people, confidence = false}: FormOptions): Form {
  checkForm('human', {classes});
  const wordless = classes.find(name => name.trim() === '');
  if (wordless !== undefined) throw new InputError('human: A class has no name, so nobody can fill it in. Name it.');
  const read = labelReader(classes);
  const label: Column = {name: 'label', read};
  if (people !== undefined) {
    checkPeople(people, confidence);
    return {
      columns: people.map(name => ({name: `label ${name}`, read})),
      access: 'black-box',
      detail: {kind: 'votes'},
      answerOf: labels => ({kind: 'votes', counts: countsOf(labels, classes.length)}),
    };
  }
  if (confidence) {
    return {
      columns: [label, {name: 'confidence', read: readConfidence}],
      access: 'gray-box',
      detail: {kind: 'top-k', k: 1},
      answerOf: ([of = 0, probability = 0]) => ({
        kind: 'top-k',
        classes: Int32Array.of(of),
        logProbabilities: Float32Array.of(Math.log(probability)),
        rest: 1 - probability,
      }),
    };
  }
  return {
    columns: [label],
    access: 'black-box',
    detail: {kind: 'label'},
    answerOf: ([of = 0]) => ({kind: 'label', label: of}),
  };
}

function checkPeople(people: readonly string[], confidence: boolean): void {
  const names = people.map(name => name.toLowerCase());
  if (people.length === 0 || names.some(name => name.trim() !== name || name === '')) {
    throw new InputError('human: `people` is to name somebody, without spaces at the ends of a name.');
  }
  if (new Set(names).size < names.length) throw new InputError('human: `people` names somebody twice.');
  if (confidence) {
    throw new InputError('human: Votes of several `people` tell how sure they are. Leave `confidence` out.');
  }
}

function countsOf(labels: readonly number[], classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts;
}

/** A share of 1, or of 100 with its sign, with a point or a comma. */
function readConfidence(cell: string): number | string {
  const [, digits, percent] = /^(\d*[.,]?\d+)\s*(%?)$/.exec(cell) ?? [];
  const value = Number(digits?.replace(',', '.')) / (percent ? 100 : 1);
  if (value > 0 && value <= 1) return value;
  return 'It is to be above 0 and at most 1, such as 0.8, or a percentage, such as 80%.';
}
