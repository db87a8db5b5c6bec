import type {Packing} from '../../service-features.ts';
import {exactInterval} from '../../statistics/bounds.ts';
import {pairedInterval} from '../../statistics/paired.ts';
import {identityText} from '../../store/stored-answer.ts';
import type {Answer, Outcome, Query, Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {compareAnswers} from '../compare-answers.ts';
import type {Ledger} from '../ledger.ts';
import {
  largestShown,
  leastToShow,
  type OpenPacking,
  openPackingOf,
  type PackedLabels,
  packingOf,
  shownAgreement,
} from './packing-verdicts.ts';
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

/** A size that was tried of a teacher that leaves it open. */
export interface TriedPacks extends Omit<PackingFindings, 'alone'> {
  /** What asking about the whole set in such packs would cost. */
  readonly packed?: RequestFindings;
}

/** The size of packs that a probe chose for a teacher that leaves it open. */
export interface PackChoice {
  /** The least agreement that is to be shown. */
  readonly agreement: number;
  /** The fewest inputs that can show it. */
  readonly leastInputs: number;
  /** From the smallest size; the last one may have failed. Empty if there were too few inputs. */
  readonly tried: readonly TriedPacks[];
  /** The largest size that showed the agreement, 1 if the first failed; absent if none was tried. */
  readonly size?: number;
}

/** Findings, with the ledgers of what they cost. */
interface PackingTrial {
  readonly packing?: PackingFindings | undefined;
  readonly packChoice?: PackChoice;
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

/** The outcomes of queries, in their order, to a teacher as it is. */
interface Twice {
  readonly before: readonly Outcome[];
  /** Asked for now. */
  readonly after: readonly Outcome[];
}

/**
 * Asks of a teacher that packs about each input alone, twice; of one that leaves the size of packs open in packs.
 *
 * @returns no findings if the teacher does not pack
 */
export async function tryPacking(
  asking: Asking,
  teacher: Teacher,
  {before, after}: Twice,
  options: TrialOptions,
): Promise<PackingTrial> {
  const packing = packingOf(teacher);
  if (packing !== undefined) return tryAlone(asking, {teacher, packing}, after, options);
  const open = openPackingOf(teacher);
  return open ? trySizes(asking, open, {alone: before, again: after}, options) : {ledgers: []};
}

async function tryAlone(
  asking: Asking,
  {teacher, packing}: {readonly teacher: Teacher; readonly packing: Packing},
  packed: readonly Outcome[],
  {queries, inputs, samples, ask}: TrialOptions,
): Promise<PackingTrial> {
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
    packing: findings && {...findings, ...(requests && {alone: requests})},
    ledgers: [first.ledger, again.ledger],
  };
}

/** Tries sizes from the smallest, until one does not show the agreement. */
async function trySizes(
  asking: Asking,
  {choices, agreement, at}: OpenPacking,
  alone: Omit<ThreeTimes, 'packed'>,
  {queries, inputs, samples, ask}: TrialOptions,
): Promise<PackingTrial> {
  const leastInputs = leastToShow(agreement);
  const ledgers: Ledger[] = [];
  const tried: TriedPacks[] = [];
  for (const size of queries.length < leastInputs ? [] : choices) {
    const teacher = at(size);
    const seen: Seen[] = [];
    const opened = asking.openAnew(observed(teacher, request => seen.push(request)));
    ledgers.push(opened.ledger);
    const findings = comparePacking(size, {...alone, packed: await ask(opened.teacher, queries)});
    // So few labels say nothing of the size, for example if the budget has ended.
    if (findings === undefined || findings.compared < leastInputs) break;
    asking.packing.keep(teacher, findings);
    const packed = findInRequests(seen, {teacher, samples}, inputs);
    tried.push({...findings, ...(packed && {packed})});
    if (shownAgreement(findings) < agreement) break;
  }
  const size = tried.length > 0 ? {size: largestShown(tried, agreement)} : {};
  return {packChoice: {agreement, leastInputs, tried, ...size}, ledgers};
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
