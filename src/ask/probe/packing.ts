import type {Packing} from '../../service-features.ts';
import {identityText} from '../../store/stored-answer.ts';
import type {Outcome, Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import type {Ledger} from '../ledger.ts';
import {changesByRow, changesIn, type LabelChanges, leastToShow, shownAgreement} from './changes.ts';
import {type AskedTwice, type TrialOptions, tryOtherWay} from './other-way.ts';
import {type PackTrend, trendOf} from './pack-trend.ts';
import {largestShown, type OpenPacking, openPackingOf, packingOf} from './packing-verdicts.ts';
import {findInRequests, observed, type RequestFindings, type Seen} from './requests.ts';

/** What changes if inputs share a request, by inputs that were answered three times: packed, alone, and alone again. */
export interface PackingFindings extends LabelChanges {
  /** The most inputs in one request. */
  readonly size: number;
  /** What asking about the whole set alone would cost; absent if no such request was answered now. */
  readonly alone?: RequestFindings;
  /** Absent if no request has both changed labels and others. */
  readonly trend?: PackTrend;
}

/** A size that was tried of a teacher that leaves it open. */
export interface TriedPacks extends Omit<PackingFindings, 'alone' | 'trend'> {
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
  /** Of the last size that was tried. */
  readonly trend?: PackTrend;
}

/** Findings, with the ledgers of what they cost. */
interface PackingTrial {
  readonly packing?: PackingFindings | undefined;
  readonly packChoice?: PackChoice;
  readonly ledgers: readonly Ledger[];
}

/**
 * Asks of a teacher that packs about each input alone, twice; of one that leaves the size of packs open in packs.
 *
 * @returns no findings if the teacher does not pack
 */
export async function tryPacking(
  asking: Asking,
  teacher: Teacher,
  own: AskedTwice,
  options: TrialOptions,
): Promise<PackingTrial> {
  const packing = packingOf(teacher);
  if (packing !== undefined) return tryAlone(asking, {teacher, packing}, own.again, options);
  const open = openPackingOf(teacher);
  return open ? trySizes(asking, open, own, options) : {ledgers: []};
}

async function tryAlone(
  asking: Asking,
  {teacher, packing}: {readonly teacher: Teacher; readonly packing: Packing},
  packed: readonly Outcome[],
  {queries, inputs, samples, seen: ofPacks, ask}: TrialOptions,
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
  const ledgers = [first.ledger, again.ledger];
  const changes = changesByRow({first: alone, again: repeated, other: packed});
  const found = changesIn(changes);
  if (found === undefined) return {ledgers};
  const {size} = packing;
  asking.packing.keep(teacher, {...found, size});
  const trend = trendOf(teacher, packing, {queries, changes, seen: ofPacks});
  return {packing: {...found, size, ...(requests && {alone: requests}), ...(trend && {trend})}, ledgers};
}

/** Tries sizes from the smallest, until one does not show the agreement. */
async function trySizes(
  asking: Asking,
  packing: OpenPacking,
  alone: AskedTwice,
  options: TrialOptions,
): Promise<PackingTrial> {
  const {choices, agreement} = packing;
  const leastInputs = leastToShow(agreement);
  const ledgers: Ledger[] = [];
  const tried: TriedPacks[] = [];
  let trend: PackTrend | undefined;
  for (const size of options.queries.length < leastInputs ? [] : choices) {
    const teacher = packing.at(size);
    const {ledger, seen, changes, found, requests} = await tryOtherWay(asking, teacher, alone, options);
    ledgers.push(ledger);
    // So few labels say nothing of the size, for example if the budget has ended.
    if (found === undefined || found.compared < leastInputs) break;
    const findings = {...found, size, ...(requests && {packed: requests})};
    asking.packing.keep(teacher, findings);
    tried.push(findings);
    trend = trendOf(teacher, packing, {queries: options.queries, changes, seen});
    if (shownAgreement(findings) < agreement) break;
  }
  const size = tried.length > 0 ? {size: largestShown(tried, agreement)} : {};
  return {packChoice: {agreement, leastInputs, tried, ...size, ...(trend && {trend})}, ledgers};
}
