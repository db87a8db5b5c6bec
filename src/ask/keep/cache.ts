import {SingleFlight} from '../../concurrency.ts';
import {AnswerStoreError} from '../../errors.ts';
import {withoutFeatures} from '../../knowledge/coarsen.ts';
import {detailFor} from '../../questions.ts';
import type {AnswerEntry, AnswerStore, StoredAnswer} from '../../store/store.ts';
import {digestKey, KEY_VERSION} from '../../store/stored-answer.ts';
import type {Access, Answer, AnswerOf, Detail, Outcome, Query, Teacher} from '../../teacher.ts';
import type {DriftGuard} from '../drift.ts';
import {keyed, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import type {EarlierPurchases, Ledger, Purchase} from '../ledger.ts';
import type {Kept} from './keep.ts';
import {type Held, shown, type TakingLookup, takeKept} from './kept-answers.ts';

export interface CacheOptions extends TakingLookup {
  /** Counts the queries, and those served without buying. */
  readonly ledger?: Ledger | undefined;
  /**
   * True to ask again about queries that already have an answer.
   *
   * @default false
   */
  readonly refreshes?: boolean | undefined;
  /**
   * The most queries of one call, by which the calls of earlier processes to a model here are counted.
   *
   * @default the teacher's
   */
  readonly maxBatch?: number | undefined;
  /** Receives every answer that is served. */
  readonly guard?: Pick<DriftGuard, 'sawHit'> | undefined;
}

/** The result for a key: an answer with all that it can serve, or an error. */
type Found = Held | {readonly error: Error};

const flightsByStore = new WeakMap<AnswerStore, SingleFlight<Found>>();

/**
 * Asks only about queries whose answers the store does not hold. A kept answer serves every query that wants no more
 * than it holds. It comes back whole if the teacher's access may show it, otherwise coarsened to what was wanted. If an
 * answer was read with another reader than the teacher's, it is read again from its raw reply, if that is kept.
 *
 * Identical queries are asked once, both within a call and across calls that are under way at the same time.
 *
 * @param teacher - one that keeps what it buys, see `withKeeping`
 */
export function withCache<A extends Access>(teacher: LayeredTeacher<A>, options: CacheOptions): LayeredTeacher<A> {
  const {store, replies, onLost, ledger, guard, refreshes = false, maxBatch = teacher.maxBatch} = options;
  const earlier = ledger?.earlier;
  const flights = flightsByStore.get(store) ?? new SingleFlight<Found>();
  flightsByStore.set(store, flights);

  const ask = async (queries: readonly Query[], askOptions: LayerOptions = {}) => {
    const {detail = withoutFeatures(teacher.detail)} = askOptions;
    await checkKeyForm(store);
    const byKey = new Map(queries.map(query => [keyed(teacher, query).key, query]));
    const wantedOf = (query: Query) => detailFor(teacher, query, detail);
    let bought = 0;
    let served = 0;
    let settled = 0;
    const onSettled = (count: number) => {
      // A batch that is asked again settles its queries once more.
      const some = Math.min(count, queries.length - settled);
      settled += some;
      if (some > 0) askOptions.onSettled?.(some);
    };

    const find = async (keys: readonly string[]): Promise<ReadonlyMap<string, Found>> => {
      const hits = refreshes
        ? new Map<string, StoredAnswer>()
        : await takeKept(
            keys.map(key => byKey.get(key)!),
            teacher,
            detail,
            {store, replies, onLost},
          );
      const imported = [...hits].filter(([, stored]) => stored.imported !== undefined);
      // An imported answer may be that of another prompt, so that it tells nothing about drift.
      for (const [key, stored] of hits) if (!stored.imported) guard?.sawHit(byKey.get(key)!, stored);
      served += hits.size;
      const own = earlier?.take(purchasesIn(hits, byKey, earlier), {service: teacher.service, maxBatch}) ?? {bought: 0};
      ledger?.add({...own, cached: hits.size - own.bought, imported: imported.length});
      const found = new Map<string, Found>(hits);
      onSettled(found.size);
      const missing = keys.filter(key => !found.has(key));
      if (missing.length === 0) return found;
      const outcomes: readonly Kept<A>[] = await teacher.ask(
        missing.map(key => byKey.get(key)!),
        {...askOptions, detail, onSettled},
      );
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.isBought) bought++;
        const key = missing[index]!;
        found.set(
          key,
          'error' in outcome ? {error: outcome.error} : heldBy(outcome, teacher, wantedOf(byKey.get(key)!)),
        );
      }
      return found;
    };

    ledger?.add({asked: queries.length});
    const usable = (found: Found, key: string) =>
      'error' in found || shown(found, teacher, wantedOf(byKey.get(key)!)) !== undefined;
    const found = await flights.run([...byKey.keys()], find, usable);
    const outcomes = queries.map(query => outcomeOf(found.get(keyed(teacher, query).key)!, teacher, wantedOf(query)));
    // Answers that other calls found, and repeated queries, are not counted yet.
    ledger?.add({cached: outcomes.filter(outcome => 'answer' in outcome).length - bought - served});
    onSettled(queries.length - settled);
    return outcomes;
  };
  return layerOver(teacher, {ask});
}

function purchasesIn(
  hits: ReadonlyMap<string, StoredAnswer>,
  queries: ReadonlyMap<string, Query>,
  earlier: EarlierPurchases,
): readonly Purchase[] {
  return [...hits].flatMap(([key, {storedAt, imported, reply, receipt}]) =>
    imported === undefined && earlier.holds(storedAt) ? [{key, query: queries.get(key)!, reply, receipt}] : [],
  );
}

function heldBy({answer, detail}: Kept & {readonly answer: Answer}, {service}: Teacher, wanted: Detail): Held {
  return {answer, detail: detail ?? wanted, reader: service?.reader};
}

function outcomeOf<A extends Access>(found: Found, teacher: Teacher<A>, wanted: Detail): Outcome<A> {
  if ('error' in found) return found;
  // An answer that can't be shown as wanted was bought just now: the teacher gave less than it should.
  return {answer: shown(found, teacher, wanted) ?? (found.answer as AnswerOf<A>)};
}

const checked = new WeakMap<AnswerStore, Promise<void>>();

/**
 * Checks, once per store, that its answers have keys of this version's form. With another form none would be found, and
 * all would be bought again.
 *
 * @throws AnswerStoreError if they have not
 */
function checkKeyForm(store: AnswerStore): Promise<void> {
  const known = checked.get(store) ?? check(store);
  checked.set(store, known);
  return known;
}

async function check(store: AnswerStore): Promise<void> {
  // An unreadable store reports that when it is asked for an answer. Not every store can list its answers.
  const entry = await firstOf(store).catch(() => undefined);
  if (entry === undefined || digestKey(entry.stored.teacher.identity, entry.stored.question) === entry.key) return;
  throw new AnswerStoreError(
    `The answer store (${store.name}) keeps its answers under keys of another form than this version's ` +
      `(${KEY_VERSION}): none would be found, and all would be bought again. ` +
      'Use the version of limbeck that wrote it, or name another store; `limbeck cache verify` lists what does not fit.',
  );
}

async function firstOf(store: AnswerStore): Promise<AnswerEntry | undefined> {
  for await (const entry of store.entries()) return entry;
  return undefined;
}
