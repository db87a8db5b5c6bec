import {InputError} from '../errors.ts';
import {describeDetail} from '../knowledge/coarsen.ts';
import {checkOptions} from '../options.ts';
import {type Admission, createAdmission} from '../pace/admission.ts';
import type {GivenRates} from '../pace/learned-pace.ts';
import type {PatientService} from '../service-features.ts';
import type {AnswerStore} from '../store/store.ts';
import type {Access, Teacher} from '../teacher.ts';
import {withCalls} from './calls.ts';
import {layeredBy} from './compose/parts.ts';
import {DriftGuard, withDriftGuard} from './drift.ts';
import {withCache} from './keep/cache.ts';
import {withKeeping} from './keep/keep.ts';
import {LOST_NOTE} from './keep/kept-answers.ts';
import {withLeases} from './keep/leases.ts';
import {holdsAnswerOf, withRecordMode} from './keep/record.ts';
import {withDoubtsTold, withRecovery} from './keep/recover.ts';
import {laneOf} from './lane/lane.ts';
import {laneLayers} from './lane/lane-layers.ts';
import {type LayeredTeacher, layerOver, showsKind} from './layer.ts';
import {onceEach, warn} from './notes.ts';
import {DeclaredScores, withDeclaredScores} from './refusals/declared-scores.ts';
import {withFailedInputs} from './refusals/failed-inputs.ts';
import {withFirstAnswer} from './refusals/first-answer.ts';
import {Refusals} from './refusals/refusals.ts';
import {withRefusedInputs} from './refusals/refused-inputs.ts';
import {RefusedQuestions} from './refusals/refused-questions.ts';
import {STACK_OPTIONS, type StackOptions} from './stack-options.ts';

/** The fewest queries in one look-up. */
const LEAST_CHUNK = 256;

/**
 * How many chunks are under way: one is asked about while the last answers of another are awaited. Two more wait for
 * the answers that other processes are buying.
 */
const CHUNKS = 4;

/** The fewest queries that a process claims at once. */
const LEAST_CLAIM = 16;

/** How much work waits or is under way, as a multiple of what a service takes at once. It keeps every request busy. */
const AHEAD = 3;

/**
 * How many queries a process claims at once, and how many such claims it makes together. Small claims stay in order.
 */
function claimOf({maxBatch, concurrency = 1}: Teacher): {readonly claim: number; readonly claims: number} {
  const claim = maxBatch * Math.max(concurrency, Math.ceil(LEAST_CLAIM / maxBatch));
  return {claim, claims: Math.ceil((AHEAD * maxBatch * concurrency) / claim)};
}

/** How many queries a teacher's layers look up at once. Two such chunks keep every request of its service busy. */
export function chunkOf({maxBatch, concurrency = 1}: Teacher): number {
  return Math.max(LEAST_CHUNK, 2 * maxBatch * concurrency);
}

/**
 * A teacher with all its layers. Their order has a meaning, from the outside:
 *
 * - The cache serves kept answers. Answers that another process is buying are awaited. All other queries form batches.
 * - Each batch is kept when it comes. It is read from an earlier reply if there is one, refused if the record mode says
 *   so, and asked again if that helps.
 * - Next to the teacher, each request waits for admission and is written down before it is sent.
 *
 * If a teacher is composed of others, each part has these layers of its own.
 *
 * @example
 * ```ts
 * import {collect, openAnswerStore, stack, type Teacher, type TransferSet} from 'limbeck';
 *
 * export const ask = (teacher: Teacher, transfer: TransferSet) =>
 *   collect(stack(teacher, {store: openAnswerStore({path: '.limbeck/answers'})}), transfer);
 * ```
 */
export function stack<A extends Access>(teacher: Teacher<A>, options: StackOptions): LayeredTeacher<A> {
  checkOptions('stack', options, STACK_OPTIONS, ['store']);
  // A teacher that is a part twice still respects its own concurrency limit.
  const known = new Map<Teacher, LayeredTeacher>();
  return layeredBy(leaf => {
    const layered = known.get(leaf) ?? layersAround(leaf, options);
    known.set(leaf, layered);
    return layered as typeof leaf;
  }, teacher);
}

function layersAround<A extends Access>(teacher: Teacher<A>, options: StackOptions): LayeredTeacher<A> {
  const {
    store,
    ledger,
    admissionOf,
    budget,
    onNote = onceEach(warn),
    firstAnswerOf,
    refusalsOf = ownRefusals(store),
    requestsTo,
    doubts,
    journal,
    recovery = journal,
    replies = journal,
    record = 'new',
    replace = record === 'all',
    retryQuarantined = false,
    drift,
    lane,
    wait,
  } = options;
  checkShown(teacher);
  const patient: PatientService | undefined = teacher.service;
  patient?.waitFor?.({wait, onWait: onNote});
  const admission = admissionOf?.(teacher) ?? ownAdmission(teacher);
  const refusals = refusalsOf(teacher);
  // A black box shows no scores.
  const declared = teacher.access === 'black-box' ? undefined : new DeclaredScores(teacher);
  const questions = teacher.questions && new RefusedQuestions(teacher);
  const tried = withRefusedInputs(teacher, refusals);
  const counted = firstAnswerOf ? withFirstAnswer(tried, firstAnswerOf(teacher)) : tried;
  const requests = requestsTo?.(teacher);
  const paying = {store, ledger, journal, admission, budget: budget?.forTeacher(teacher), requests, onNote};
  const asked = withFailedInputs(withCalls(counted, paying), {refusals, hasAdmission: admission !== undefined});
  const guard = drift && teacher.service && new DriftGuard(teacher, drift);
  const guarded = guard ? withDriftGuard(asked, guard) : asked;
  const keeping = (inner: LayeredTeacher<A>) => {
    const recording = withRecordMode(inner, {store, mode: record});
    const recovered = recovery ? withRecovery(recording, {journal: recovery, retryQuarantined, doubts}) : recording;
    const checked = declared ? withDeclaredScores(recovered, declared) : recovered;
    return withKeeping(checked, {store, refusals, declared, questions, ledger, journal, replace});
  };
  const batches = laneLayers({teacher, alone: guarded, keeping, journal, ledger, budget, onNote, choice: lane});
  const byBatches = isByBatches(teacher, options);
  const claim = byBatches ? {} : claimOf(teacher);
  const sharing = {store, replies, doubts, ...claim, servesKept: record !== 'all'};
  const shared = store.leases.shared && record !== 'none' ? withLeases(batches, sharing) : batches;
  const told = doubts && teacher.service ? withDoubtsTold(shared, doubts) : shared;
  const cached = withCache(told, {
    store,
    replies,
    onLost: () => onNote(LOST_NOTE),
    ...{ledger, guard, maxBatch: teacher.maxBatch},
    refreshes: record === 'all',
  });
  // A batch lane takes all queries at once.
  if (byBatches) return layerOver(cached, {ask: cached.ask, maxBatch: Number.POSITIVE_INFINITY});
  return layerOver(cached, {ask: cached.ask, maxBatch: chunkOf(teacher), concurrency: CHUNKS});
}

/**
 * A black-box teacher may estimate log-probabilities only if it is composed of others. Such an answer of any other
 * teacher, kept under its access, would not be shown again and would be bought in every run.
 */
function checkShown({name, access, detail}: Teacher): void {
  if (showsKind(access, detail.kind)) return;
  throw new InputError(
    `Teacher ${name} says that it is a ${access} and gives ${describeDetail(detail)}, which a ${access} does not show. ` +
      'Mend its `access` or its `detail`.',
  );
}

function isByBatches(teacher: Teacher, {lane, journal}: StackOptions): boolean {
  return lane !== undefined && journal !== undefined && laneOf(teacher) !== undefined;
}

/**
 * Finds out whether services refuse single inputs or every request. A stored answer proves that the teacher answers.
 */
export function ownRefusals(store: AnswerStore, within?: number): (teacher: Teacher) => Refusals {
  return teacher => {
    const hasEarlierAnswers = () => holdsAnswerOf(store, teacher.identity);
    return new Refusals(teacher, {hasEarlierAnswers, within});
  };
}

/** A teacher in this process needs no admission. */
function ownAdmission(teacher: Teacher): Admission | undefined {
  return teacher.service && createAdmission(ratesOf(teacher));
}

/** The rates of single requests that a teacher gives. */
export function ratesOf({service, concurrency = 1}: Teacher): GivenRates {
  const {enqueuedRequests: _, enqueuedTokens: __, ...rates} = service?.rate ?? {};
  return {concurrency, ...rates};
}
