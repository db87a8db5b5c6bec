import {coarsen, detailOf, satisfies, withoutFeatures} from '../knowledge/coarsen.ts';
import {digestKey, digestQuestion, type QuestionDigest} from '../knowledge/key.ts';
import type {AnswerEntry, AnswerStore, StoredAnswer} from '../knowledge/store.ts';
import type {Access, Answer, AnswerOf, AskOptions, Detail, Outcome, Question, Teacher} from '../teacher.ts';
import {isAnswerOf, layerOver} from './layer.ts';
import type {Ledger} from './ledger.ts';
import {SingleFlight} from './single-flight.ts';

export interface CacheOptions {
  readonly store: AnswerStore;
  /** Counts what was asked, bought and served without buying. */
  readonly ledger?: Ledger;
}

/** A question with all that its record needs. */
interface Keyed {
  readonly key: string;
  readonly question: Question;
  readonly digest: QuestionDigest;
}

/** What became of a key. */
type Found = StoredAnswer | {readonly error: Error};

const flightsByStore = new WeakMap<AnswerStore, SingleFlight<Found>>();

/**
 * Asks only what the store does not hold. An answer is kept before it is returned; an error is not kept.
 *
 * A kept answer serves every question that wants no more than it holds. It comes back whole where the teacher's access
 * may show it, coarsened to what was wanted where it may not. A fuller answer replaces it, a poorer one never does; of
 * two that hold different things (votes and a distribution, other features) the later one stays.
 *
 * Identical questions are asked once, in one call as well as in several under way at the same time.
 */
export function withCache<A extends Access>(teacher: Teacher<A>, {store, ledger}: CacheOptions): Teacher<A> {
  const flights = flightsByStore.get(store) ?? new SingleFlight<Found>();
  flightsByStore.set(store, flights);

  const ask = async (questions: readonly Question[], options: AskOptions = {}) => {
    const {detail = withoutFeatures(teacher.detail)} = options;
    const asked = questions.map(question => keyed(teacher, question));
    const byKey = new Map(asked.map(question => [question.key, question]));
    let bought = 0;

    const find = async (keys: readonly string[]): Promise<ReadonlyMap<string, Found>> => {
      const found = new Map<string, Found>();
      for (const [index, stored] of (await store.getMany(keys)).entries()) {
        if (stored && shown(stored, teacher, detail)) found.set(keys[index]!, stored);
      }
      const missing = keys.filter(key => !found.has(key)).map(key => byKey.get(key)!);
      if (missing.length === 0) return found;
      const fresh = await buy(teacher, missing, {...options, detail});
      const entries = [...fresh].flatMap(([key, stored]) => ('error' in stored ? [] : [{key, stored}]));
      bought += entries.length;
      ledger?.add({bought: entries.length});
      await keep(store, entries);
      return new Map([...found, ...fresh]);
    };

    ledger?.add({asked: asked.length});
    const usable = (found: Found) => 'error' in found || shown(found, teacher, detail) !== undefined;
    const found = await flights.run([...byKey.keys()], find, usable);
    const outcomes = asked.map(({key}) => outcomeOf(found.get(key)!, teacher, detail));
    ledger?.add({cached: outcomes.filter(outcome => 'answer' in outcome).length - bought});
    return outcomes;
  };
  return layerOver(teacher, {ask});
}

function keyed(teacher: Teacher, question: Question): Keyed {
  const digest = digestQuestion(question);
  return {key: digestKey(teacher.identity, digest), question, digest};
}

async function buy(
  teacher: Teacher,
  missing: readonly Keyed[],
  options: AskOptions & {readonly detail: Detail},
): Promise<ReadonlyMap<string, Found>> {
  const {name, identity} = teacher;
  const outcomes = await teacher.ask(
    missing.map(({question}) => question),
    options,
  );
  const storedAt = new Date().toISOString();
  const found = missing.map(({key, digest}, index): [string, Found] => {
    const outcome = outcomes[index]!;
    if ('error' in outcome) return [key, outcome];
    const {answer} = outcome;
    const detail = heldDetail(answer, options.detail);
    return [key, {format: 1, teacher: {name, identity}, question: digest, detail, answer, storedAt}];
  });
  return new Map(found);
}

/** A top-k answer that names fewer classes than it was asked for is all that its teacher has: more can't be bought. */
function heldDetail(answer: Answer, wanted: Detail): Detail {
  const held = detailOf(answer);
  return held.kind === 'top-k' && wanted.kind === 'top-k' ? {kind: 'top-k', k: Math.max(held.k, wanted.k)} : held;
}

/** Keeps the entries, save those for which the store has come to hold something fuller in the meantime. */
async function keep(store: AnswerStore, entries: readonly AnswerEntry[]): Promise<void> {
  const held = await store.getMany(entries.map(({key}) => key));
  await store.setMany(
    entries.filter(({stored}, index) => {
      const other = held[index];
      return !other || !satisfies(other.detail, stored.detail);
    }),
  );
}

/** The answer as the teacher's access may show it, where it holds what is wanted. */
function shown<A extends Access>(stored: StoredAnswer, teacher: Teacher<A>, wanted: Detail): AnswerOf<A> | undefined {
  if (!satisfies(stored.detail, wanted)) return undefined;
  if (isAnswerOf(teacher.access, stored.answer)) return stored.answer;
  const coarser = coarsen(stored.answer, wanted, teacher.classes.length);
  return isAnswerOf(teacher.access, coarser) ? coarser : undefined;
}

function outcomeOf<A extends Access>(found: Found, teacher: Teacher<A>, wanted: Detail): Outcome<A> {
  if ('error' in found) return found;
  // What can't be shown as wanted was bought just now: a teacher that answered less than it should.
  return {answer: shown(found, teacher, wanted) ?? (found.answer as AnswerOf<A>)};
}
