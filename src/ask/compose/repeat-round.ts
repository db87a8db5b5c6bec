import {LimbeckError, TeacherError} from '../../errors.ts';
import type {Outcome, Part, Query} from '../../teacher.ts';
import type {LayerOptions} from '../layer.ts';
import {type AskPart, samplesOf} from './parts.ts';

/** A query, and the outcomes of its samples so far. */
export interface Asked {
  readonly query: Query;
  readonly outcomes: Outcome[];
}

/** Some samples of every query. */
export interface Round {
  readonly part: Part;
  readonly ask: AskPart;
  readonly from: number;
  /** One after the last sample. */
  readonly to: number;
}

/**
 * Asks further samples of each query. If a sample can't be made, an error is its outcome.
 *
 * @param options - `onSettled` receives the number of queries whose samples all came
 */
export async function askRound(
  {part, ask, from, to}: Round,
  rows: readonly Asked[],
  {onSettled, ...options}: LayerOptions,
): Promise<void> {
  const put = await Promise.all(rows.map(({query}) => putSamples(part, query, from, to)));
  const whole = [...rows.keys()].filter(row => Array.isArray(put[row]));
  onSettled?.(rows.length - whole.length);
  const each = to - from;
  let settled = 0;
  const onSample = (count: number) => {
    const before = Math.floor(settled / each);
    settled += count;
    onSettled?.(Math.floor(settled / each) - before);
  };
  const queries = whole.flatMap(row => put[row] as readonly Query[]);
  const outcomes = await ask(queries, {...options, ...(onSettled && {onSettled: onSample})});
  for (const [row, {outcomes: all}] of rows.entries()) {
    const samples = put[row]!;
    if (samples instanceof Error) all.push({error: samples});
  }
  for (const [index, row] of whole.entries()) {
    rows[row]!.outcomes.push(...outcomes.slice(index * each, (index + 1) * each));
  }
}

async function putSamples(part: Part, query: Query, from: number, to: number): Promise<readonly Query[] | Error> {
  try {
    return await samplesOf(part, query, from, to);
  } catch (cause) {
    if (cause instanceof LimbeckError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new TeacherError(part.teacher.name, `A version of the query could not be made: ${reason}.`, {cause});
  }
}
