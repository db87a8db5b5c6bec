import {exactInterval} from '../../statistics/bounds.ts';
import {pairedInterval} from '../../statistics/paired.ts';
import {identityText} from '../../store/stored-answer.ts';
import type {Answer, Outcome, Query, Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {compareAnswers} from '../compare-answers.ts';
import type {Ledger} from '../ledger.ts';
import {type PackedLabels, packingOf} from './packing-verdicts.ts';
import {findInRequests, observed, type RequestFindings, type Seen} from './requests.ts';

/** What changes if inputs share a request, by inputs that were answered three times: packed, alone, and alone again. */
export interface PackingFindings extends PackedLabels {
  /** Of the compared ones, with another label alone again than alone. */
  readonly changedAgain: number;
  /** Share of the labels that are the same packed as alone. */
  readonly agreement: number;
  /** Exact 95 % interval of the agreement on inputs like these. */
  readonly interval: readonly [low: number, high: number];
  /** Share of the labels that packing changes, less the share that asking again changes. */
  readonly extra: number;
  /** Interval of `extra`, of 95 % or more. */
  readonly extraInterval: readonly [low: number, high: number];
  /** What asking about the whole set alone would cost; absent if no such request was answered now. */
  readonly alone?: RequestFindings;
}

/** Findings, with the ledgers of what they cost. */
interface PackingTrial {
  readonly findings: PackingFindings | undefined;
  readonly ledgers: readonly Ledger[];
}

interface TrialOptions {
  readonly queries: readonly Query[];
  /** How many inputs the whole set has. */
  readonly inputs: number;
  readonly samples: number;
  /** Asks a teacher; never throws for the teacher's own errors. */
  ask(teacher: Teacher, queries: readonly Query[]): Promise<readonly Outcome[]>;
}

/**
 * Asks about each input alone, twice.
 *
 * @param packed - the outcomes of the queries in packs, asked for now
 * @returns undefined if the teacher does not pack
 */
export async function tryPacking(
  asking: Asking,
  teacher: Teacher,
  packed: readonly Outcome[],
  {queries, inputs, samples, ask}: TrialOptions,
): Promise<PackingTrial | undefined> {
  const packing = packingOf(teacher);
  if (packing === undefined) return undefined;
  const single = packing.at(1);
  const seen: Seen[] = [];
  const watched = observed(single, request => seen.push(request));
  // Answers of packs can be kept under the same keys.
  const isShared = identityText(single.identity) === identityText(teacher.identity);
  const [first, again] = [isShared ? asking.openAnew(watched) : asking.open(watched), asking.openAnew(watched)];
  const alone = await ask(first.teacher, queries);
  const repeated = await ask(again.teacher, queries);
  const requests = findInRequests(seen, {teacher: single, samples}, inputs);
  const findings = comparePacking(packing.size, {packed, alone, again: repeated});
  if (findings) asking.packing.keep(teacher, findings);
  return {
    findings: findings && {...findings, ...(requests && {alone: requests})},
    ledgers: [first.ledger, again.ledger],
  };
}

interface ThreeTimes {
  readonly packed: readonly Outcome[];
  readonly alone: readonly Outcome[];
  readonly again: readonly Outcome[];
}

/** @returns undefined if no input was answered three times */
export function comparePacking(size: number, {packed, alone, again}: ThreeTimes): PackingFindings | undefined {
  const rows = alone.flatMap((outcome, row) => {
    const answers = [outcome, packed[row], again[row]].flatMap(one => (one && 'answer' in one ? [one.answer] : []));
    return answers.length === 3 ? [changesIn(answers as [Answer, Answer, Answer])] : [];
  });
  const compared = rows.length;
  if (compared === 0) return undefined;
  const count = (test: (row: Changes) => boolean) => rows.filter(test).length;
  const changed = count(row => row.packed);
  const changedAgain = count(row => row.again);
  const apart = {one: count(row => row.packed && !row.again), other: count(row => row.again && !row.packed)};
  return {
    ...{size, compared, changed, changedAgain},
    agreement: 1 - changed / compared,
    interval: exactInterval(compared - changed, compared),
    extra: (changed - changedAgain) / compared,
    extraInterval: pairedInterval(apart, compared),
  };
}

/** Whether the label of an input is another one than alone. */
interface Changes {
  readonly packed: boolean;
  readonly again: boolean;
}

function changesIn([alone, packed, again]: readonly [Answer, Answer, Answer]): Changes {
  return {packed: compareAnswers(alone, packed).flipped, again: compareAnswers(alone, again).flipped};
}
