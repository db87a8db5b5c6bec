import pLimit from 'p-limit';
import {coarsen, heldDetail, satisfies} from '../../knowledge/coarsen.ts';
import {readAlike} from '../../store/fuller.ts';
import type {AnswerStore, StoredAnswer} from '../../store/store.ts';
import type {Access, Answer, AnswerOf, Detail, Query, Teacher} from '../../teacher.ts';
import {keyed} from '../keyed.ts';
import {isAnswerOf} from '../layer.ts';
import {type Replies, readReply} from './kept-reply.ts';
import {readLost} from './lost-answers.ts';

export interface Lookup {
  readonly store: AnswerStore;
  /**
   * The raw replies, to read answers again if another reader than the teacher's read them, or if the store has lost
   * them.
   *
   * @default none: such answers are not found
   */
  readonly replies?: Replies | undefined;
  /** Called if answers that the store has lost were read from raw replies. */
  readonly onLost?: (() => void) | undefined;
}

/** An answer with all that it can serve. */
export interface Held {
  readonly answer: Answer;
  readonly detail: Detail;
  readonly reader?: StoredAnswer['reader'];
}

/**
 * The answer as the teacher's access may show it, if it holds what is wanted and was read with the teacher's reader.
 */
export function shown<A extends Access>(
  {answer, detail, reader}: Held,
  {access, classes, service}: Teacher<A>,
  wanted: Detail,
): AnswerOf<A> | undefined {
  if (!satisfies(detail, wanted) || !readAlike(reader, service?.reader)) return undefined;
  if (isAnswerOf(access, answer)) return answer;
  const coarser = coarsen(answer, wanted, classes.length);
  return isAnswerOf(access, coarser) ? coarser : undefined;
}

/** The kept answers to some queries, by key. */
export interface FoundAnswers {
  /** All answers that serve. */
  readonly found: ReadonlyMap<string, StoredAnswer>;
  /** Of these, answers that were read from raw replies and are not in the store in this form. */
  readonly read: ReadonlyMap<string, StoredAnswer>;
}

/**
 * The kept answers that serve a teacher. An answer that another reader read is read again from its raw reply, and its
 * other fields stay as they were. An answer that the store has lost is read from the raw reply in the journal.
 *
 * @param wanted - the least that each must hold
 */
export async function findKept(
  queries: readonly Query[],
  teacher: Teacher,
  wanted: Detail,
  {store, replies, onLost}: Lookup,
): Promise<FoundAnswers> {
  const asked = new Map(queries.map(query => [keyed(teacher, query).key, query]));
  const keys = [...asked.keys()];
  const found = new Map<string, StoredAnswer>();
  const otherwise = new Map<string, StoredAnswer>();
  const lacking = new Map<string, Query>();
  for (const [index, stored] of (await store.getMany(keys)).entries()) {
    const key = keys[index]!;
    if (!stored) lacking.set(key, asked.get(key)!);
    else if (shown(stored, teacher, wanted)) found.set(key, stored);
    else if (!readAlike(stored.reader, teacher.service?.reader)) otherwise.set(key, stored);
  }
  const read = new Map<string, StoredAnswer>();
  if (replies === undefined) return {found, read};
  const lost = await readLost(lacking, teacher, wanted, replies);
  if (lost.length > 0) onLost?.();
  for (const [key, stored] of [...(await readAgain(otherwise, teacher, wanted, replies)), ...lost]) {
    if (!shown(stored, teacher, wanted)) continue;
    found.set(key, stored);
    read.set(key, stored);
  }
  return {found, read};
}

/** As `findKept`, and keeps the answers that were read from raw replies. */
export async function takeKept(
  queries: readonly Query[],
  teacher: Teacher,
  wanted: Detail,
  lookup: Lookup,
): Promise<ReadonlyMap<string, StoredAnswer>> {
  const {found, read} = await findKept(queries, teacher, wanted, lookup);
  if (read.size > 0) await lookup.store.setMany(Array.from(read, ([key, stored]) => ({key, stored})));
  return found;
}

/** How many replies are read at once. */
const AT_ONCE = 16;

/** The answers whose replies are kept and can be read by the teacher's reader. */
async function readAgain(
  answers: ReadonlyMap<string, StoredAnswer>,
  {service}: Teacher,
  wanted: Detail,
  replies: Replies,
): Promise<readonly (readonly [key: string, stored: StoredAnswer])[]> {
  if (service === undefined || answers.size === 0) return [];
  // Many answers can come from one reply, which is read once.
  const keysByLocation = new Map<string, string[]>();
  for (const [key, {reply}] of answers) {
    if (!reply) continue;
    const location = `${reply.segment} ${reply.offset}`;
    keysByLocation.set(location, [...(keysByLocation.get(location) ?? []), key]);
  }
  const read = await pLimit(AT_ONCE).map([...keysByLocation.values()], async keys => {
    const first = answers.get(keys[0]!)!;
    // The reply may still hold the detail that it was first read for, even if less is wanted now.
    const detail = satisfies(first.detail, wanted) ? first.detail : wanted;
    const reply = await readReply({replies, service, location: first.reply!, detail});
    return keys.flatMap(key => {
      const outcome = reply?.outcomes.get(key);
      if (!outcome || 'error' in outcome) return [];
      const {answer} = outcome;
      return [
        [key, {...answers.get(key)!, answer, detail: heldDetail(answer, detail), reader: service.reader}] as const,
      ];
    });
  });
  return read.flat();
}
