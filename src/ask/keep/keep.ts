import {coalesce} from '../../concurrency.ts';
import {TeacherError} from '../../errors.ts';
import {recordJson} from '../../input-kinds.ts';
import {heldDetail, withoutFeatures} from '../../knowledge/coarsen.ts';
import {detailFor} from '../../questions.ts';
import type {Journal} from '../../store/journal/journal.ts';
import type {AnswerEntry, AnswerStore} from '../../store/store.ts';
import {fuller} from '../../store/stored-answer.ts';
import type {Access, Detail, Input, Outcome, Query, Teacher} from '../../teacher.ts';
import type {Bought, PaidCall} from '../calls.ts';
import {keyed, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';
import type {Ledger, Purchase} from '../ledger.ts';
import {oneLine} from '../notes.ts';
import type {DeclaredScores} from '../refusals/declared-scores.ts';
import type {Refusals} from '../refusals/refusals.ts';
import type {RefusedQuestions} from '../refusals/refused-questions.ts';

interface KeepOptions {
  readonly store: AnswerStore;
  readonly journal?: Journal | undefined;
  readonly ledger?: Ledger | undefined;
  /** Decides whether the service refuses a query for its input. */
  readonly refusals?: Refusals | undefined;
  /** Decides whether the teacher's scores are what was declared. */
  readonly declared?: DeclaredScores | undefined;
  /** Decides whether the service refuses a question whatever the input. */
  readonly questions?: RefusedQuestions | undefined;
  /**
   * True if a new answer replaces one that holds as much.
   *
   * @default false
   */
  readonly replace?: boolean;
}

/** An outcome that is kept, with all that it can serve. */
export type Kept<A extends Access = Access> = Outcome<A> & {readonly detail?: Detail; readonly isBought?: boolean};

/**
 * Keeps every answer before it is returned, with what its reply says of its origin. A paid reply without an answer to a
 * query quarantines that query, and so does a refusal of its input. Other errors are not kept.
 *
 * A fuller answer replaces one in the store; a poorer one never does. If two answers hold different things (votes and a
 * distribution, other features) or were read with different readers, the later one stays.
 */
export function withKeeping<A extends Access>(teacher: LayeredTeacher<A>, options: KeepOptions): LayeredTeacher<A> {
  const {store, journal, ledger, refusals, declared, questions, replace = false} = options;
  const earlier = ledger?.earlier;
  const keep = coalesce<AnswerEntry>(async entries => {
    // Another process may have kept an answer as full in the meantime.
    const wanted = replace ? entries : await fuller(store, entries, {replacesOtherReadings: true});
    const failure = await journal?.kept(wanted).then(
      () => undefined,
      (error: unknown) => error,
    );
    // A full journal doesn't keep paid answers out of the store.
    await store.setMany(wanted);
    if (failure !== undefined) throw failure;
  });
  const ask = async (queries: readonly Query[], askOptions: LayerOptions = {}) => {
    const {detail = withoutFeatures(teacher.detail)} = askOptions;
    const outcomes: readonly Bought<A>[] = await teacher.ask(queries, {...askOptions, detail});
    const refusedBefore = refusals?.count ?? 0;
    const kept = outcomes.map((outcome, index): Kept<A> => {
      return keptOutcome(outcome, detailFor(teacher, queries[index]!, detail), earlier !== undefined);
    });
    const before = earlier?.take(purchasesIn(teacher, queries, outcomes), teacher) ?? {bought: 0};
    const now = outcomes.filter(outcome => 'answer' in outcome && !outcome.call?.isOfEarlierRun).length;
    ledger?.add({...before, bought: before.bought + now});
    const entries = entriesOf(teacher, queries, outcomes, kept);
    if (entries.length > 0) await keep(entries);
    if (entries.length < outcomes.length) await quarantine(queries, outcomes);
    // Refusals in the meantime can have another reason.
    const isMixed = entries.length < outcomes.length;
    if (entries.length > 0) await refusals?.sure(isMixed ? refusals.count : refusedBefore);
    for (const {failure} of callsOf(outcomes)) if (failure) throw failure;
    for (const call of callsOf(outcomes)) call.done();
    if (declared?.verdict) throw declared.verdict;
    questions?.note(queries, outcomes);
    if (questions?.verdict) throw questions.verdict;
    const refused = outcomes.findLast(isRefused);
    if (refused) refusals?.checkRow(refused.error);
    if (journal && journal.quarantined.size > 0) {
      const mended = entries.map(({key}) => key).filter(key => journal.quarantined.has(key));
      if (mended.length > 0) journal.settled(mended);
    }
    askOptions.onSettled?.(kept.length);
    return kept;
  };
  /** Quarantines queries whose paid reply can't be read, and queries that the service refuses. */
  const quarantine = async (queries: readonly Query[], outcomes: readonly Bought[]) => {
    for (const [index, outcome] of outcomes.entries()) {
      if (!('error' in outcome)) continue;
      const {error, call} = outcome;
      const query = queries[index]!;
      const write = async () => {
        await journal?.quarantine(keyed(teacher, query).key, {
          why: error.message,
          place: call?.location,
          at: new Date().toISOString(),
          teacher: teacher.name,
          input: inputBeginning(query.input),
          ...(error instanceof TeacherError && {said: error.said}),
        });
        ledger?.add({setAside: 1});
      };
      if (call) await write();
      else if (isRefused(outcome)) await refusals?.whenSure(write);
    }
  };
  return layerOver(teacher, {ask});
}

function isRefused(outcome: Outcome): outcome is {readonly error: TeacherError} {
  return 'error' in outcome && outcome.error instanceof TeacherError && outcome.error.refusal !== undefined;
}

/** Each call once. */
function callsOf(outcomes: readonly Bought[]): Iterable<PaidCall> {
  const calls = outcomes.flatMap(({call}) => call ?? []);
  return calls.length > 1 ? new Set(calls) : calls;
}

function entriesOf(
  teacher: Teacher,
  queries: readonly Query[],
  outcomes: readonly Bought[],
  kept: readonly Kept[],
): AnswerEntry[] {
  const {name, identity, service} = teacher;
  const origin = {name, identity};
  const storedAt = new Date().toISOString();
  const entries: AnswerEntry[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    if ('error' in outcome) continue;
    const {answer, call} = outcome;
    const {key, digest} = keyed(teacher, queries[index]!);
    const detail = kept[index]!.detail!;
    entries.push({
      key,
      stored: {
        format: 1,
        teacher: origin,
        question: digest,
        detail,
        answer,
        storedAt,
        ...(call?.receipt && {receipt: call.receipt}),
        ...(call?.location && {reply: call.location}),
        ...(service && {reader: service.reader}),
      },
    });
  }
  return entries;
}

/** The answers that were read from replies of earlier processes. */
function purchasesIn(teacher: Teacher, queries: readonly Query[], outcomes: readonly Bought[]): readonly Purchase[] {
  return outcomes.flatMap((outcome, index) => {
    if ('error' in outcome || !outcome.call?.isOfEarlierRun) return [];
    const {location, receipt} = outcome.call;
    const query = queries[index]!;
    return [{key: keyed(teacher, query).key, query, reply: location, receipt}];
  });
}

/** @param countsEarlier - whether an answer that an earlier process paid for counts as bought */
function keptOutcome<A extends Access>(outcome: Bought<A>, wanted: Detail, countsEarlier: boolean): Kept<A> {
  if ('error' in outcome) return {error: outcome.error};
  const {answer, call} = outcome;
  return {answer, detail: heldDetail(answer, wanted), isBought: countsEarlier || !call?.isOfEarlierRun};
}

/** An input in one line, for people: the first words of a text or a record, or the form of a tensor or an image. */
function inputBeginning(input: Input): string {
  switch (input.kind) {
    case 'text':
      return oneLine(input.text);
    case 'record':
      return oneLine(recordJson(input.fields));
    case 'image':
      return `${input.mediaType}, ${input.bytes.length} bytes`;
    case 'tensor':
      return `${input.dtype} [${input.shape.join(', ')}]`;
  }
}
