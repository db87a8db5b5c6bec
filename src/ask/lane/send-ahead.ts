import {BudgetError, TeacherError} from '../../errors.ts';
import type {Access, Outcome, Teacher} from '../../teacher.ts';
import type {BatchFates} from './collect-batch.ts';
import type {LaneQueries} from './lane-queries.ts';

/** The most queries that are asked singly before others are submitted. */
const AHEAD = 5;

/** The needs of asking singly. */
interface Ahead<A extends Access> {
  readonly lane: {readonly teacher: Teacher; readonly fates: BatchFates};
  readonly queries: LaneQueries<A>;
  /** Asks the service about queries of the call. */
  readonly ask: (indices: readonly number[]) => Promise<readonly Outcome<A>[]>;
}

/**
 * Asks about the first queries singly, until one is answered.
 *
 * @returns how many were asked; none of a single one
 * @throws TeacherError if none of them is answered
 */
export async function sendAhead<A extends Access>(
  indices: readonly number[],
  {lane: {teacher, fates}, queries, ask}: Ahead<A>,
): Promise<number> {
  if (indices.length < 2) return 0;
  for (const [count, index] of indices.slice(0, AHEAD).entries()) {
    fates.sendAhead(queries.keyOf(index));
    const [outcome] = await ask([index]);
    queries.settle(index, outcome!);
    if ('answer' in outcome! || outcome!.error instanceof BudgetError) return count + 1;
    if (count + 1 === indices.length) return count + 1;
  }
  const last = queries.outcomes[indices[AHEAD - 1]!] as {readonly error: Error};
  throw new TeacherError(
    teacher.name,
    `It answered none of ${AHEAD} queries that were asked one by one, so nothing was submitted. Find the cause first.`,
    {cause: last.error},
  );
}
