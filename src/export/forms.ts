import type {SchemaElement} from 'hyparquet-writer';
import {InputError} from '../errors.ts';
import type {Detail} from '../teacher.ts';
import type {LabelledText} from './records.ts';

/** A form in which labelled texts are written. */
export interface RecordForm {
  /** As a line of JSON. */
  json(record: LabelledText): object;
  /** As a row of a table, its cells by the names of the columns. */
  row(record: LabelledText): Record<string, unknown>;
  /** The columns. */
  readonly columns: readonly Column[];
}

export interface Column {
  readonly name: string;
  readonly schema: readonly SchemaElement[];
}

export interface ChatOptions {
  /**
   * The user's message, with `{text}` instead of the text.
   *
   * @default '{text}'
   */
  readonly prompt?: string | undefined;
  /** The system message at the start. */
  readonly system?: string | undefined;
}

/** The placeholder of the text in a prompt. */
const TEXT = '{text}';

/**
 * Conversations in which the user gives a text and the assistant answers with the name of its class. TRL
 * (conversational language modelling) and Axolotl (`chat_template`) read them.
 *
 * @throws InputError if the prompt has no placeholder for the text
 */
export function chatForm({prompt = TEXT, system}: ChatOptions): RecordForm {
  if (!prompt.includes(TEXT)) {
    throw new InputError(
      `Expected \`prompt\` to contain ${TEXT}, which the text replaces, got ${JSON.stringify(prompt)}.`,
    );
  }
  const first = system === undefined ? [] : [{role: 'system', content: system}];
  const messagesOf = ({text, label}: LabelledText) => ({
    // A function, because a text can contain patterns that `replaceAll` would expand.
    messages: [
      ...first,
      {role: 'user', content: prompt.replaceAll(TEXT, () => text)},
      {role: 'assistant', content: label},
    ],
  });
  const message: SchemaElement = {name: 'element', num_children: 2, repetition_type: 'REQUIRED'};
  const columns = [{name: 'messages', schema: list('messages', [message, words('role'), words('content')])}];
  return {json: messagesOf, row: messagesOf, columns};
}

/**
 * Texts with their label and all details of the answers. JSON has probabilities by class. A table has lists of classes
 * and natural log-probabilities, the most probable first.
 */
export function recordForm(detail: Detail, classes: readonly string[]): RecordForm {
  const base = {columns: [words('text'), words('label')].map(column), json: labelOf, row: labelOf};
  switch (detail.kind) {
    case 'label':
      return base;
    case 'votes':
      return {
        json: record => ({...labelOf(record), votes: byClass(classes, record.votes!)}),
        row: record => ({...labelOf(record), classes, votes: Array.from(record.votes!)}),
        columns: [...base.columns, lists('classes', words('element')), lists('votes', numbers('element', 'INT32'))],
      };
    default:
      return {
        json: record => ({...labelOf(record), ...probabilitiesOf(record)}),
        row: ({top, ...record}) => ({
          ...labelOf(record),
          classes: top!.classes,
          log_probabilities: Array.from(top!.logProbabilities),
          rest: top!.rest ?? 0,
        }),
        columns: [
          ...base.columns,
          lists('classes', words('element')),
          lists('log_probabilities', numbers('element', 'FLOAT')),
          column(numbers('rest', 'FLOAT')),
        ],
      };
  }
}

function labelOf({text, label}: LabelledText): {text: string; label: string} {
  return {text, label};
}

function probabilitiesOf({top}: LabelledText): object {
  const {classes, logProbabilities, rest} = top!;
  const probabilities = byClass(
    classes,
    Array.from(logProbabilities, value => single(Math.exp(value))),
  );
  return {probabilities, ...(rest !== undefined && {rest: single(rest)})};
}

function byClass(classes: readonly string[], values: ArrayLike<number>): Record<string, number> {
  return Object.fromEntries(classes.map((name, index) => [name, values[index]!]));
}

/** Rounds to the digits of a 32-bit float. */
function single(value: number): number {
  return Number(value.toPrecision(7));
}

function words(name: string): SchemaElement {
  return {name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED'};
}

function numbers(name: string, type: 'INT32' | 'FLOAT'): SchemaElement {
  return {name, type, repetition_type: 'REQUIRED'};
}

function column(element: SchemaElement): Column {
  return {name: element.name, schema: [element]};
}

function lists(name: string, element: SchemaElement): Column {
  return {name, schema: list(name, [element])};
}

/** A list as the specification of Parquet defines it. */
function list(name: string, element: readonly SchemaElement[]): SchemaElement[] {
  return [
    {name, converted_type: 'LIST', num_children: 1, repetition_type: 'REQUIRED'},
    {name: 'list', num_children: 1, repetition_type: 'REPEATED'},
    ...element,
  ];
}
