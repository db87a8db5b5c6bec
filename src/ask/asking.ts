import {existsSync} from 'node:fs';
import type {Inputs} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {checkOptions} from '../options.ts';
import {type Admission, createAdmission} from '../pace/admission.ts';
import {isStoreUrl} from '../store/cache-path.ts';
import {openJournal} from '../store/journal/journal.ts';
import {JournalReader} from '../store/journal/reader.ts';
import type {Owner} from '../store/owner.ts';
import {type AnswerStore, openStoreAt} from '../store/store.ts';
import type {Access, Teacher} from '../teacher.ts';
import {ASKING, type AskingOptions} from './asking-options.ts';
import {createBudget} from './budget/budget.ts';
import type {Spending} from './budget/limit.ts';
import {type Leaf, leavesOf} from './compose/parts.ts';
import type {Replies} from './keep/kept-reply.ts';
import {Doubts, doubtsIn, type InDoubt, offlineRecovery} from './keep/recover.ts';
import {checkLanes, LaneWatch} from './lane/lane.ts';
import {BatchRoom} from './lane/room.ts';
import type {LayeredTeacher} from './layer.ts';
import {AnsweredRequests, createLedger, EarlierPurchases, type Ledger} from './ledger.ts';
import {onceEach, warn} from './notes.ts';
import {type AskPlan, type PlanOptions, planAsking} from './plan/plan.ts';
import {PackingVerdicts} from './probe/packing-verdicts.ts';
import {type AskingReport, createAskingMeter} from './progress/meter.ts';
import {FirstAnswer} from './refusals/first-answer.ts';
import type {StackOptions} from './stack-options.ts';
import {ownRefusals, ratesOf, stack} from './teacher-stack.ts';

export type {AskingOptions, SharedAsking} from './asking-options.ts';

/** A teacher with all its layers, and the parts that are asked through them. */
export interface OpenTeacher<A extends Access = Access> {
  readonly teacher: LayeredTeacher<A>;
  readonly ledger: Ledger;
  /** Reports progress: `done` of `total` queries have an outcome. */
  readonly meter: (done: number, total: number) => AskingReport;
}

/** A teacher that is not composed of others, with its answered requests. */
export interface AnsweredPart {
  readonly teacher: Teacher;
  readonly requests: AnsweredRequests;
}

export interface OpenOptions {
  /**
   * True to ask even if no probe has shown what the teacher demands of its packs.
   *
   * @default false
   */
  readonly isProbe?: boolean;
}

/** The shared resources of the teachers of one run: the answer store, the budget, and the rate limits of each account. */
export interface Asking {
  readonly store: AnswerStore;
  /** The raw replies that are kept. */
  readonly replies: Replies;
  readonly spent: Spending;
  /** Requests of earlier runs that brought no reply. Nobody knows whether they were paid for. */
  readonly inDoubt: InDoubt;
  /** What probes found of packs. */
  readonly packing: PackingVerdicts;
  /** Whether it waits for batches of services: for hours, with little else to do. */
  readonly awaitsBatches: boolean;
  /** Lines of the quarantine file that are no entries, as file and line. */
  readonly skipped: readonly string[];
  /**
   * Puts the layers around a teacher. Asks nothing yet.
   *
   * @throws InputError if the budget can't be kept for this teacher, if the batch lane is chosen and the teacher has
   * none, or if its packs may not be asked
   */
  open<A extends Access>(teacher: Teacher<A>, options?: OpenOptions): OpenTeacher<A>;
  /**
   * Like `open`, but asks about queries that already have an answer, too: everything is asked, quarantined or not. A
   * kept answer is replaced only if the new one holds more. In record mode `none` nothing is asked.
   *
   * @param ledger - counts what is asked
   * @default ledger one of its own
   * @throws InputError as `open` does
   */
  openAnew<A extends Access>(teacher: Teacher<A>, ledger?: Ledger): OpenTeacher<A>;
  /** The answered requests to a teacher; to each of its parts, if it is composed of others. */
  requestsTo(teacher: Teacher): readonly AnsweredPart[];
  /** Computes the cost of asking a teacher about inputs as if no answer were kept. Asks nobody. */
  planFromNothing(teacher: Teacher, inputs: Inputs, options: Pick<PlanOptions, 'detail' | 'views'>): Promise<AskPlan>;
  close(): Promise<void>;
}

/**
 * @throws AnswerStoreError if the journal can't be written
 * @throws InputError if drift is to be watched by a batch lane, or a budget is given beside a shared one
 */
export async function openAsking(given: AskingOptions): Promise<Asking> {
  checkOptions('openAsking', given, ASKING, ['cache', 'journal']);
  const {
    cache,
    waitsForStore = false,
    journal: folder,
    budget: limits = [],
    firstAnswerWithin,
    lane,
    shared,
    wait,
    interruption,
    onNote: say = warn,
    ...options
  } = given;
  if (lane && options.drift) {
    throw new InputError('Drift is watched between requests one by one. Leave `--drift-every` out of the batch lane.');
  }
  if (shared && limits.length > 0) {
    throw new InputError('The budget is that of `shared`. Give it there, and leave `budget` out.');
  }
  const onNote = onceEach(say);
  const budget = shared?.budget ?? createBudget(limits, onNote);
  const store = openStoreAt(cache, folder, waitsForStore ? say : undefined);
  // A broken store is reported before anything is created beside it. A new store is created when the first answer
  // comes.
  if (options.record !== 'none' && (isStoreUrl(cache) || existsSync(cache))) await store.open();
  // An offline run sends no requests, so it opens no journal.
  const journal = options.record === 'none' ? undefined : await openJournal(folder);
  const replies = journal ?? new JournalReader(folder);
  const recovery = journal ?? offlineRecovery(folder, replies);
  const doubts = journal && new Doubts(journal, folder, onNote);
  const inDoubt = {keys: [...(journal?.recovered.inDoubt ?? [])], path: doubtsIn(folder)};
  if (doubts) await settleAnswered(doubts, store, inDoubt.keys);
  if (journal && journal.unknown.length > 0) onNote(unknownNote(journal.unknown));
  const packing = new PackingVerdicts(folder);
  const admissions = new Map<string, Admission>();
  const admissionOf = (teacher: Teacher): Admission | undefined => {
    const {service} = teacher;
    if (service === undefined) return undefined;
    const rates = ratesOf(teacher);
    const known =
      admissions.get(service.account) ?? shared?.admission(service.account, rates) ?? createAdmission(rates);
    admissions.set(service.account, known);
    return known;
  };
  const firstAnswerOf = perTeacher(teacher => new FirstAnswer(teacher, firstAnswerWithin));
  const earlier = interruption && new EarlierPurchases(interruption);
  const requestsTo = perTeacher(() => new AnsweredRequests());
  const roomOf = perTeacher(({service}) => new BatchRoom(service?.rate));
  const isEndless = firstAnswerWithin === Number.POSITIVE_INFINITY;
  const refusalsOf = perTeacher(ownRefusals(store, isEndless ? firstAnswerWithin : undefined));
  type Ways = Pick<StackOptions, 'record' | 'replace' | 'retryQuarantined' | 'drift' | 'lane'>;
  const opened = <A extends Access>(
    teacher: Teacher<A>,
    ways: Ways,
    ledger = createLedger(earlier),
  ): OpenTeacher<A> => {
    const kept = {store, replies, recovery, journal, doubts};
    const asked = {ledger, budget, onNote, wait, admissionOf, firstAnswerOf, refusalsOf, requestsTo};
    const layered = stack(teacher, {...kept, ...asked, ...ways});
    const leaves = leavesOf(teacher, teacher.detail);
    const admissions = new Set(leaves.flatMap(leaf => admissionOf(leaf.teacher) ?? []));
    const answers = {answersEach: answersOf(leaves, 'each'), answersBeforehand: answersOf(leaves, 'beforehand')};
    const meter = createAskingMeter({ledger, budget, admissions: [...admissions], ...answers});
    const {watch} = ways.lane ?? {};
    return {teacher: layered, ledger, meter: watch ? withBatchesShown(meter, watch) : meter};
  };
  return {
    store,
    replies,
    get spent() {
      return budget.spent;
    },
    inDoubt,
    skipped: recovery.skipped,
    packing,
    awaitsBatches: lane !== undefined && !lane.detached,
    open(teacher, {isProbe = false} = {}) {
      if (lane) checkLanes(teacher);
      if (!isProbe && options.record !== 'none') {
        for (const leaf of leavesOf(teacher, teacher.detail)) packing.check(leaf.teacher);
      }
      return opened(teacher, {...options, ...(lane && {lane: {...lane, watch: new LaneWatch(), roomOf}})});
    },
    openAnew: (teacher, ledger) => {
      const record = options.record === 'none' ? 'none' : 'all';
      return opened(teacher, {record, replace: false, retryQuarantined: true}, ledger);
    },
    requestsTo: whole => leavesOf(whole, whole.detail).map(({teacher}) => ({teacher, requests: requestsTo(teacher)})),
    planFromNothing: (teacher, inputs, options) =>
      planAsking(teacher, inputs, {...options, store, isFromNothing: true}),
    async close() {
      try {
        await replies.close();
      } finally {
        await store.close();
      }
    },
  };
}

/** Returns the same value for the same teacher each time. */
function perTeacher<T>(make: (teacher: Teacher) => T): (teacher: Teacher) => T {
  const made = new Map<Teacher, T>();
  return teacher => {
    const known = made.get(teacher) ?? make(teacher);
    made.set(teacher, known);
    return known;
  };
}

/** Settles queries in doubt that have their answers by now, so that nobody is told of them. */
async function settleAnswered(doubts: Doubts, store: AnswerStore, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const held = await store.getMany(keys);
  doubts.settle(keys.filter((_, index) => held[index] !== undefined));
}

function unknownNote(owners: readonly Owner[]): string {
  const machines = [...new Set(owners.map(({space}) => space.split(' ')[0]))].join(', ');
  return (
    `A process on another machine or in another container (${machines}) writes the journal, or did until less than two ` +
    'minutes ago. It counts as running, so its requests under way are left to it.'
  );
}

/** How many answers of leaves one query takes at most, or how many are asked before all queries. */
function answersOf(leaves: readonly Leaf[], when: 'each' | 'beforehand'): number {
  const asked = leaves.filter(({beforehand}) => (beforehand !== undefined) === (when === 'beforehand'));
  return asked.reduce((sum, {samples, further, beforehand = [1]}) => sum + beforehand.length * (samples + further), 0);
}

/** A progress line that begins with the state of the batches. */
function withBatchesShown(meter: OpenTeacher['meter'], watch: LaneWatch): OpenTeacher['meter'] {
  return (done, total) => {
    const report = meter(done, total);
    const batches = watch.describe();
    return batches === undefined ? report : {...report, detail: `${batches} · ${report.detail}`};
  };
}
