import {type Column, labelReader} from '../../src/data/human-table/table.ts';
import {InputError} from '../../src/errors.ts';
import {classesOf, type Question} from '../../src/question.ts';
import type {Answer, Detail} from '../../src/teacher.ts';
import {checkForm} from './given.ts';

/** The columns that a person fills in, and their meaning. */
export interface Form {
  readonly columns: readonly Column[];
  readonly access: 'black-box' | 'gray-box';
  readonly detail: Detail;
  /** @param values - one per column */
  answerOf(values: readonly number[]): Answer;
}

interface FormOptions {
  readonly classes: readonly string[];
  readonly people?: readonly string[] | undefined;
  readonly confidence?: boolean | undefined;
  /** The question whose name its columns have; undefined for the choice among the classes. */
  readonly question?: Question | undefined;
}

/**
 * Checks the options and returns what the table asks for.
 *
 * @throws InputError if the options can't be used
 */
export function formOf({classes, people, confidence = false, question}: FormOptions): Form {
  checkForm('human', {classes});
  const wordless = classes.find(name => name.trim() === '');
  if (wordless !== undefined) throw new InputError('human: A class has no name, so nobody can fill it in. Name it.');
  const read = question?.type === 'predicate' ? predicateReader(classes) : labelReader(classes);
  const label: Column = {name: question?.name ?? 'label', read};
  if (people !== undefined) {
    checkPeople(people, confidence);
    return {
      columns: people.map(name => ({name: `${label.name} ${name}`, read})),
      access: 'black-box',
      detail: {kind: 'votes'},
      answerOf: labels => ({kind: 'votes', counts: countsOf(labels, classes.length)}),
    };
  }
  if (confidence) {
    return {
      columns: [label, {name: question ? `${question.name} confidence` : 'confidence', read: readConfidence}],
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

/** Takes true and false for yes and no, as spreadsheets write a ticked box. */
function predicateReader(classes: readonly string[]): Column['read'] {
  const read = labelReader(classes);
  return cell => (/^(true|false)$/i.test(cell) ? Number(cell.toLowerCase() === 'true') : read(cell));
}

function checkPeople(people: readonly string[], confidence: boolean): void {
  const names = people.map(name => name.toLowerCase());
  if (people.length === 0 || names.some(name => name.trim() !== name || name === '')) {
    throw new InputError('human: `people` must name somebody, without spaces at the ends of a name.');
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

/** Reads a share of 1, or of 100 with a percent sign. The decimal separator is a point or a comma. */
function readConfidence(cell: string): number | string {
  const [, digits, percent] = /^(\d*[.,]?\d+)\s*(%?)$/.exec(cell) ?? [];
  const value = Number(digits?.replace(',', '.')) / (percent ? 100 : 1);
  if (value > 0 && value <= 1) return value;
  return 'It must be above 0 and at most 1, such as 0.8, or a percentage, such as 80%.';
}

/** The part of a table that answers a question, or the choice among the classes. */
export interface FormPart extends Form {
  readonly question: Question | undefined;
  /** The index of its first column among all that people fill in. */
  readonly start: number;
}

interface FormsOptions extends Omit<FormOptions, 'classes' | 'question'> {
  readonly classes?: readonly string[] | undefined;
  readonly questions?: readonly Question[] | undefined;
}

/** Names of columns that every table has. */
const OWN = ['text', 'id'];

/** @throws InputError if the options can't be used, or two columns would have the same name */
export function formsOf({classes, questions, ...options}: FormsOptions): readonly FormPart[] {
  if (questions === undefined) return [{...formOf({...options, classes: classes!}), question: undefined, start: 0}];
  let start = 0;
  const forms = questions.map(question => {
    const form = {...formOf({...options, classes: classesOf(question), question}), question, start};
    start += form.columns.length;
    return form;
  });
  const names = [...OWN, ...forms.flatMap(({columns}) => columns.map(({name}) => name.trim().toLowerCase()))];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return forms;
  throw new InputError(`human: Two columns would have the name \`${twice}\`. Give a question another name.`);
}
