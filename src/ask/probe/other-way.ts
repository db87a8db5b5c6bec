import type {Outcome, Query, Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import type {Ledger} from '../ledger.ts';
import {type AskedThrice, type Change, changesByRow, changesIn, type LabelChanges} from './changes.ts';
import {findInRequests, observed, type RequestFindings, type Seen} from './requests.ts';

/** What other ways to ask are tried with. */
export interface TrialOptions {
  readonly queries: readonly Query[];
  /** How many inputs the whole set has. */
  readonly inputs: number;
  readonly samples: number;
  /** The requests to the teacher as it is. */
  readonly seen: readonly Seen[];
  /** Asks a teacher; never throws for the teacher's own errors. */
  ask(teacher: Teacher, queries: readonly Query[]): Promise<readonly Outcome[]>;
}

/** The outcomes of the queries, in their order, to a teacher as it is. */
export type AskedTwice = Omit<AskedThrice, 'other'>;

/** What came of one other way to ask. */
export interface OtherWay {
  readonly ledger: Ledger;
  readonly seen: readonly Seen[];
  /** By query. */
  readonly changes: readonly (Change | undefined)[];
  /** Undefined if no query was answered three times. */
  readonly found: LabelChanges | undefined;
  /** What asking about the whole set in this way would cost; undefined if no such request was answered. */
  readonly requests: RequestFindings | undefined;
}

/** Asks a teacher anew that stands for another way to ask. */
export async function tryOtherWay(
  asking: Asking,
  teacher: Teacher,
  own: AskedTwice,
  {queries, inputs, samples, ask}: TrialOptions,
): Promise<OtherWay> {
  const seen: Seen[] = [];
  const opened = asking.openAnew(observed(teacher, request => seen.push(request)));
  const changes = changesByRow({...own, other: await ask(opened.teacher, queries)});
  const requests = findInRequests(seen, {teacher, samples}, inputs);
  return {ledger: opened.ledger, seen, changes, found: changesIn(changes), requests};
}
