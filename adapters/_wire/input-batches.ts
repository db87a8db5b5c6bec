import type {Question} from '../../src/question.ts';
import type {Input, Query, Reply} from '../../src/teacher.ts';
import {inputsIn} from '../_answers/heads.ts';
import {WholeReply} from './reply.ts';

/** Inputs that fit into one request, and the queries about them. */
export interface InputBatch {
  /** Indices of the queries in the call. */
  readonly rows: readonly number[];
  readonly inputs: readonly Input[];
  /** How many of the queries are about each input. */
  readonly counts: readonly number[];
  /** Of each query; undefined if the teacher has none. */
  readonly questions?: readonly (Question | undefined)[] | undefined;
}

interface Growing extends InputBatch {
  readonly rows: number[];
  readonly inputs: Input[];
  readonly counts: number[];
  readonly questions: (Question | undefined)[] | undefined;
}

/**
 * Sorts queries into batches. All questions about an input are in the same one.
 *
 * @param formOf - inputs of the same form fit into one request; an error if no request can hold the input
 * @param refuse - called for the queries about such an input
 */
export function batchesByForm(
  queries: readonly Query[],
  formOf: (input: Input, index: number) => string | Error,
  refuse: (row: number, error: Error) => void,
): readonly InputBatch[] {
  const batches = new Map<string, Growing>();
  for (const [index, {query, rows}] of inputsIn(queries).entries()) {
    const form = formOf(query.input, index);
    if (form instanceof Error) {
      for (const row of rows) refuse(row, form);
      continue;
    }
    const batch: Growing = batches.get(form) ?? {
      ...{rows: [], inputs: [], counts: []},
      questions: query.question && [],
    };
    batch.rows.push(...rows);
    batch.inputs.push(query.input);
    batch.counts.push(rows.length);
    batch.questions?.push(...rows.map(row => queries[row]!.question));
    batches.set(form, batch);
  }
  return [...batches.values()];
}

/** How many queries are about each input of a request, in their order. */
const ROWS = 'limbeck-rows';

/** Notes in a reply how many queries with questions are about each input, so that it can be read again. */
export function withRows(reply: Reply, {counts, questions}: InputBatch): Reply {
  if (questions === undefined || counts.length === 1) return reply;
  return new WholeReply(reply.status, {...reply.headers, [ROWS]: counts.join()}, reply.body);
}

/** Returns the index of the input, in its request, that each of `count` queries with a question is about. */
export function inputOfRows({headers}: Reply, count: number): readonly number[] {
  const noted = headers[ROWS];
  const counts = noted === undefined ? [count] : String(noted).split(',').map(Number);
  return counts.flatMap((about, input) => new Array<number>(about).fill(input));
}
