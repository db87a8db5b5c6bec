import {withoutFeatures} from '../../knowledge/coarsen.ts';
import {checkKeyForm} from '../../store/key-form.ts';
import type {AnswerStore, StoredAnswer} from '../../store/store.ts';
import type {Access, Answer, AnswerOf, Detail, Outcome, Question, Teacher} from '../../teacher.ts';
import type {DriftGuard} from '../drift.ts';
import {keyed} from '../keyed.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import type {Ledger} from '../ledger.ts';
import type {Kept} from './keep.ts';
import {type Held, type Lookup, shown, takeKept} from './kept-answers.ts';
import {SingleFlight} from './single-flight.ts';

export interface CacheOptions extends Lookup {
  /** Counts what was asked, and what was served without buying. */
  readonly ledger?: Ledger;
  /**
   * Whether to ask anew about what is kept.
   *
   * @default false
   */
  readonly asksAnew?: boolean;
  /** Shown every answer that is served. */
  readonly guard?: Pick<DriftGuard, 'sawHit'>;
}

/** What became of a key: an answer with all that it can serve. */
type Found = Held | {readonly error: Error};

const flightsByStore = new WeakMap<AnswerStore, SingleFlight<Found>>();

/**
 * Asks only what the store does not hold. A kept answer serves every question that wants no more than it holds. It comes
 * back whole where the teacher's access may show it, coarsened to what was wanted where it may not. One that was read in
 * another way than the teacher reads is read again from its raw reply, where that is there.
 *
 * Identical questions are asked once, in one call as well as in several under way at the same time.
 *
 * @param teacher - one that keeps what it buys, see `withKeeping`
 */
export function withCache<A extends Access>(teacher: LayeredTeacher<A>, options: CacheOptions): LayeredTeacher<A> {
  const {store, replies, onLost, ledger, guard, asksAnew = false} = options;
  const flights = flightsByStore.get(store) ?? new SingleFlight<Found>();
  flightsByStore.set(store, flights);

  const ask = async (questions: readonly Question[], askOptions: LayerOptions = {}) => {
    const {detail = withoutFeatures(teacher.detail)} = askOptions;
    await checkKeyForm(store);
    const byKey = new Map(questions.map(question => [keyed(teacher, question).key, question]));
    let bought = 0;
    let served = 0;
    let settled = 0;
    const onSettled = (count: number) => {
      settled += count;
      if (count > 0) askOptions.onSettled?.(count);
    };

    const find = async (keys: readonly string[]): Promise<ReadonlyMap<string, Found>> => {
      const hits = asksAnew
        ? new Map<string, StoredAnswer>()
        : await takeKept(
            keys.map(key => byKey.get(key)!),
            teacher,
            detail,
            {store, replies, onLost},
          );
      for (const [key, stored] of hits) guard?.sawHit(byKey.get(key)!, stored);
      served += hits.size;
      ledger?.add({cached: hits.size});
      const found = new Map<string, Found>(hits);
      onSettled(found.size);
      const missing = keys.filter(key => !found.has(key));
      if (missing.length === 0) return found;
      const outcomes: readonly Kept<A>[] = await teacher.ask(
        missing.map(key => byKey.get(key)!),
        {...askOptions, detail, onSettled},
      );
      for (const [place, outcome] of outcomes.entries()) {
        if (outcome.isBought) bought++;
        found.set(missing[place]!, 'error' in outcome ? {error: outcome.error} : heldBy(outcome, teacher, detail));
      }
      return found;
    };

    ledger?.add({asked: questions.length});
    const usable = (found: Found) => 'error' in found || shown(found, teacher, detail) !== undefined;
    const found = await flights.run([...byKey.keys()], find, usable);
    const outcomes = questions.map(question => outcomeOf(found.get(keyed(teacher, question).key)!, teacher, detail));
    // What other calls found, and what is asked about twice, has not been told yet.
    ledger?.add({cached: outcomes.filter(outcome => 'answer' in outcome).length - bought - served});
    onSettled(questions.length - settled);
    return outcomes;
  };
  return layerOver(teacher, {ask});
}

function heldBy({answer, detail}: Kept & {readonly answer: Answer}, {service}: Teacher, wanted: Detail): Held {
  return {answer, detail: detail ?? wanted, ...(service && {reader: service.reader})};
}

function outcomeOf<A extends Access>(found: Found, teacher: Teacher<A>, wanted: Detail): Outcome<A> {
  if ('error' in found) return found;
  // What can't be shown as wanted was bought just now: a teacher that answered less than it should.
  return {answer: shown(found, teacher, wanted) ?? (found.answer as AnswerOf<A>)};
}
