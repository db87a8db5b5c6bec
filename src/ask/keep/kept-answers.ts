import pLimit from 'p-limit';
import {coarsen, heldDetail, satisfies, withoutFeatures} from '../../knowledge/coarsen.ts';
import {detailFor} from '../../questions.ts';
import type {ReplyLocation} from '../../store/journal/journal.ts';
import {startOf} from '../../store/journal/lines.ts';
import type {AnswerStore, StoredAnswer} from '../../store/store.ts';
import {locationName, readAlike} from '../../store/stored-answer.ts';
import type {Access, Answer, AnswerOf, Detail, Query, Reply, Teacher} from '../../teacher.ts';
import {isAnswerOf, keyed} from '../layer.ts';
import {type Replies, type ReplyToRead, readReply} from './kept-reply.ts';

/** How kept answers are found. */
export interface Lookup {
  readonly store: Pick<AnswerStore, 'getMany'>;
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

/** How kept answers are found, and put back into a store that has lost them. */
export interface TakingLookup extends Lookup {
  readonly store: AnswerStore;
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
  {access, service}: Teacher<A>,
  wanted: Detail,
): AnswerOf<A> | undefined {
  if (!satisfies(detail, wanted) || !readAlike(reader, service?.reader)) return undefined;
  if (isAnswerOf(access, answer)) return answer;
  const coarser = coarsen(answer, wanted);
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
  const wantedOf = (key: string) => detailFor(teacher, asked.get(key)!, wanted);
  const found = new Map<string, StoredAnswer>();
  const otherwise = new Map<string, StoredAnswer>();
  const lacking = new Map<string, Query>();
  for (const [index, stored] of (await store.getMany(keys)).entries()) {
    const key = keys[index]!;
    if (!stored) lacking.set(key, asked.get(key)!);
    else if (shown(stored, teacher, wantedOf(key))) found.set(key, stored);
    else if (!readAlike(stored.reader, teacher.service?.reader)) otherwise.set(key, stored);
  }
  const read = new Map<string, StoredAnswer>();
  if (replies === undefined) return {found, read};
  const lost = await readLost(lacking, teacher, wanted, replies);
  if (lost.length > 0) onLost?.();
  for (const [key, stored] of [
    ...(await readAgain({answers: otherwise, queries: asked}, teacher, wanted, replies)),
    ...lost,
  ]) {
    if (!shown(stored, teacher, wantedOf(key))) continue;
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
  lookup: TakingLookup,
): Promise<ReadonlyMap<string, StoredAnswer>> {
  const {found, read} = await findKept(queries, teacher, wanted, lookup);
  if (read.size > 0) await lookup.store.setMany(Array.from(read, ([key, stored]) => ({key, stored})));
  return found;
}

/** How many replies are read at once. */
const AT_ONCE = 16;

/** The answers whose replies are kept and can be read by the teacher's reader. */
async function readAgain(
  {
    answers,
    queries,
  }: {readonly answers: ReadonlyMap<string, StoredAnswer>; readonly queries: ReadonlyMap<string, Query>},
  teacher: Teacher,
  wanted: Detail,
  replies: Replies,
): Promise<readonly (readonly [key: string, stored: StoredAnswer])[]> {
  const {service} = teacher;
  if (service === undefined || answers.size === 0) return [];
  // Many answers can come from one reply, which is read once.
  const keysByLocation = new Map<string, string[]>();
  for (const [key, {reply}] of answers) {
    if (!reply) continue;
    const location = locationName(reply);
    keysByLocation.set(location, [...(keysByLocation.get(location) ?? []), key]);
  }
  const read = await pLimit(AT_ONCE).map([...keysByLocation.values()], async keys => {
    const {detail, reply} = answers.get(keys[0]!)!;
    // The reply may still hold the detail that it was first read for, even if less is wanted now.
    const details = satisfies(detail, wanted) ? [detail, wanted] : [wanted];
    const again = await readFully({replies, teacher, service, location: reply!, details, wanted, queries});
    return keys.flatMap(key => {
      const held = again?.answers.get(key);
      return held ? [[key, {...answers.get(key)!, ...held, reader: service.reader}] as const] : [];
    });
  });
  return read.flat();
}

/** The note if lost answers are found again. */
export const LOST_NOTE =
  'The cache lacks answers that were bought: they are read from the journal, which has every reply, and put back.';

/**
 * Restores answers that a store has lost, from the raw replies in the journal.
 *
 * @param queries - by key: queries without an answer in the store
 * @param wanted - the least that each answer must hold
 */
async function readLost(
  queries: ReadonlyMap<string, Query>,
  teacher: Teacher,
  wanted: Detail,
  replies: Replies,
): Promise<readonly (readonly [key: string, stored: StoredAnswer])[]> {
  const {service} = teacher;
  if (service === undefined || queries.size === 0) return [];
  const locations = (await replies.find?.([...queries.keys()])) ?? new Map<string, ReplyLocation>();
  // Many answers can come from one reply, which is read once.
  const byLocation = new Map<string, {readonly location: ReplyLocation; readonly keys: string[]}>();
  for (const [key, location] of locations) {
    const name = locationName(location);
    const known = byLocation.get(name);
    if (known) known.keys.push(key);
    else byLocation.set(name, {location: location, keys: [key]});
  }
  // If the reply was asked for less than the teacher gives, it is read for what is wanted.
  const details = [withoutFeatures(teacher.detail), wanted];
  const read = await pLimit(AT_ONCE).map([...byLocation.values()], async ({location, keys}) => {
    const lost = await readFully({replies, teacher, service, location, details, wanted, queries});
    return keys.flatMap(key => {
      const held = lost?.answers.get(key);
      if (!lost || !held) return [];
      const {name, identity} = teacher;
      const {digest: question} = keyed(teacher, queries.get(key)!);
      const receipt = service.receipt?.(lost.reply);
      const stored: StoredAnswer = {
        ...{format: 1, teacher: {name, identity}, question, ...held},
        ...{storedAt: timeOf(lost.reply, location).toISOString(), ...(receipt && {receipt})},
        ...{reply: location, reader: service.reader},
      };
      return [[key, stored] as const];
    });
  });
  return read.flat();
}

interface FullReading extends Omit<ReplyToRead<Access>, 'detail'> {
  readonly teacher: Teacher;
  /** What to read the reply for, the fullest first. */
  readonly details: readonly Detail[];
  readonly wanted: Detail;
}

interface FullyRead {
  readonly reply: Reply;
  /** By key: answers that hold what is wanted. */
  readonly answers: ReadonlyMap<string, Pick<StoredAnswer, 'answer' | 'detail'>>;
}

/**
 * Reads a reply for the first detail by which an answer holds what is wanted. The answers of one reply can differ: a
 * rounded predicate has two classes, and is all that can be wanted of a top-5 answer only if it is read for one.
 */
async function readFully({teacher, details, wanted, ...location}: FullReading): Promise<FullyRead | undefined> {
  const answers = new Map<string, Pick<StoredAnswer, 'answer' | 'detail'>>();
  let reply: Reply | undefined;
  for (const detail of details) {
    const read = await readReply({...location, detail});
    if (read === undefined) return undefined;
    ({reply} = read);
    for (const [key, outcome] of read.outcomes) {
      if (answers.has(key) || 'error' in outcome) continue;
      const query = location.queries?.get(key) ?? {};
      const held = heldDetail(outcome.answer, detailFor(teacher, query, detail));
      if (satisfies(held, detailFor(teacher, query, wanted))) answers.set(key, {answer: outcome.answer, detail: held});
    }
    if (answers.size === read.outcomes.size) break;
  }
  return reply && {reply, answers};
}

/** When the reply came: its own date, or else when its segment was begun. */
function timeOf({headers}: Reply, {segment}: ReplyLocation): Date {
  const date = Date.parse(String(headers['date']));
  return new Date(Number.isNaN(date) ? startOf(segment) : date);
}
