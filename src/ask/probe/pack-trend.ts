import type {Packing} from '../../service-features.ts';
import {rankSumTest} from '../../statistics/rank-sum.ts';
import type {Query, Teacher} from '../../teacher.ts';
import {keyed} from '../layer.ts';
import type {Change} from './changes.ts';
import {answeredOf, type Seen} from './requests.ts';

/** Where in their requests the labels stand that packing changes. */
export interface PackTrend {
  /** The mean position of the changed labels, from 1. */
  readonly changed: number;
  /** The mean position of the others in the same requests. */
  readonly others: number;
  /** True if they stand late in their requests rather than early. */
  readonly isLate: boolean;
  /** Of an exact test of whether the position matters: early or late. */
  readonly p: number;
}

/** The error rate of the test of positions. */
const ERROR = 0.05;

/** True if it is shown that the position of an input in its request matters. */
export function isShown({p}: PackTrend): boolean {
  return p <= ERROR;
}

/** The queries of a probe with what packing changed, and the requests about them. */
interface PackedRows {
  readonly queries: readonly Query[];
  readonly changes: readonly (Change | undefined)[];
  readonly seen: readonly Seen[];
}

/**
 * Positions are drawn by the inputs of a request, so that the changed labels of each stand at random if the position does not
 * matter. An input that was asked about again alone does not count.
 *
 * @returns undefined if no request has both changed labels and others
 */
export function trendOf(
  teacher: Teacher,
  packing: Packing,
  {queries, changes, seen}: PackedRows,
): PackTrend | undefined {
  const keyOf = (query: Query) => keyed(teacher, query).key;
  const changed = new Map(queries.map((query, row) => [keyOf(query), changes[row]?.other]));
  const last = new Map<string, {readonly request: number; readonly position: number}>();
  for (const [request, {queries: asked, reply}] of answeredOf(seen).entries()) {
    const positions = reply && packing.positionsIn?.(reply);
    for (const [index, query] of asked.entries()) {
      const position = asked.length > 1 ? positions?.[index] : undefined;
      if (position === undefined) last.delete(keyOf(query));
      else last.set(keyOf(query), {request, position});
    }
  }
  const rows = new Map<number, {readonly position: number; readonly isChanged: boolean}[]>();
  for (const [key, {request, position}] of last) {
    const isChanged = changed.get(key);
    if (isChanged !== undefined) rows.set(request, [...(rows.get(request) ?? []), {position, isChanged}]);
  }
  const telling = [...rows.values()].filter(row => new Set(row.map(({isChanged}) => isChanged)).size === 2);
  if (telling.length === 0) return undefined;
  const meanOf = (wanted: boolean) => {
    const positions = telling.flat().flatMap(({position, isChanged}) => (isChanged === wanted ? [position + 1] : []));
    return positions.reduce((sum, position) => sum + position, 0) / positions.length;
  };
  const inOrder = telling.map(row => row.toSorted((one, other) => one.position - other.position));
  const test = rankSumTest(inOrder.map(row => row.map(({isChanged}) => isChanged)));
  return {changed: meanOf(true), others: meanOf(false), ...test};
}
