import pLimit from 'p-limit';
import {coarsen, heldDetail, satisfies} from '../knowledge/coarsen.ts';
import {readAlike} from '../knowledge/reading.ts';
import type {AnswerStore, StoredAnswer} from '../knowledge/store.ts';
import type {Access, Answer, AnswerOf, Detail, Teacher} from '../teacher.ts';
import {type Replies, readReply} from './kept-reply.ts';
import {isAnswerOf} from './layer.ts';

export interface Lookup {
  readonly store: AnswerStore;
  /**
   * Where the raw replies are of answers that were read in another way than the teacher's: they are read from these again.
   *
   * @default nowhere: such answers are not found
   */
  readonly replies?: Replies | undefined;
}

/** An answer with all that it can serve. */
export interface Held {
  readonly answer: Answer;
  readonly detail: Detail;
  readonly reader?: StoredAnswer['reader'];
}

/** The answer as the teacher's access may show it, where it holds what is wanted and was read as the teacher reads. */
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

/**
 * The kept answers that serve a teacher, by key. What was read in another way is read again from its raw reply, with all
 * else of it as it was.
 *
 * @param wanted - the least that each must hold
 * @returns `found`, and of it `read`, what was read again and is not kept yet
 */
export async function findKept(
  keys: readonly string[],
  teacher: Teacher,
  wanted: Detail,
  {store, replies}: Lookup,
): Promise<{readonly found: ReadonlyMap<string, StoredAnswer>; readonly read: ReadonlyMap<string, StoredAnswer>}> {
  const found = new Map<string, StoredAnswer>();
  const otherwise = new Map<string, StoredAnswer>();
  for (const [index, stored] of (await store.getMany(keys)).entries()) {
    if (!stored) continue;
    if (shown(stored, teacher, wanted)) found.set(keys[index]!, stored);
    else if (!readAlike(stored.reader, teacher.service?.reader)) otherwise.set(keys[index]!, stored);
  }
  const read = new Map<string, StoredAnswer>();
  if (replies === undefined || otherwise.size === 0) return {found, read};
  for (const [key, stored] of await readAgain(otherwise, teacher, wanted, replies)) {
    if (!shown(stored, teacher, wanted)) continue;
    found.set(key, stored);
    read.set(key, stored);
  }
  return {found, read};
}

/** The same; what was read again takes the place of what was kept. */
export async function takeKept(
  keys: readonly string[],
  teacher: Teacher,
  wanted: Detail,
  lookup: Lookup,
): Promise<ReadonlyMap<string, StoredAnswer>> {
  const {found, read} = await findKept(keys, teacher, wanted, lookup);
  if (read.size > 0) await lookup.store.setMany(Array.from(read, ([key, stored]) => ({key, stored})));
  return found;
}

/** How many replies are read at once. */
const AT_ONCE = 16;

/** Those of the answers whose replies are there and say something to the teacher's reader. */
async function readAgain(
  answers: ReadonlyMap<string, StoredAnswer>,
  {service}: Teacher,
  wanted: Detail,
  replies: Replies,
): Promise<readonly (readonly [key: string, stored: StoredAnswer])[]> {
  if (service === undefined) return [];
  // Many answers may come from one reply, which is read once.
  const keysByPlace = new Map<string, string[]>();
  for (const [key, {reply}] of answers) {
    if (!reply) continue;
    const place = `${reply.segment} ${reply.offset}`;
    keysByPlace.set(place, [...(keysByPlace.get(place) ?? []), key]);
  }
  const read = await pLimit(AT_ONCE).map([...keysByPlace.values()], async keys => {
    const first = answers.get(keys[0]!)!;
    // What the reply was once read to hold it may hold still, whatever less is wanted now.
    const detail = satisfies(first.detail, wanted) ? first.detail : wanted;
    const reply = await readReply({replies, service, place: first.reply!, detail});
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
