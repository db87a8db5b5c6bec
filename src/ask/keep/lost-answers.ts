import pLimit from 'p-limit';
import {heldDetail, satisfies, withoutFeatures} from '../../knowledge/coarsen.ts';
import type {ReplyLocation} from '../../store/journal/journal.ts';
import {startOf} from '../../store/journal/segment.ts';
import type {StoredAnswer} from '../../store/store.ts';
import type {Detail, Outcome, Query, Reply, Service, Teacher} from '../../teacher.ts';
import {keyed} from '../keyed.ts';
import {type Replies, readReply} from './kept-reply.ts';

/** The note if lost answers are found again. */
export const LOST_NOTE =
  'The cache lacks answers that were bought: they are read from the journal, which has every reply, and put back.';

/** How many replies are read at once. */
const AT_ONCE = 16;

/**
 * Restores answers that a store has lost, from the raw replies in the journal.
 *
 * @param queries - by key: queries without an answer in the store
 * @param wanted - the least that each answer must hold
 */
export async function readLost(
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
    const name = `${location.segment} ${location.offset}`;
    const known = byLocation.get(name);
    if (known) known.keys.push(key);
    else byLocation.set(name, {location: location, keys: [key]});
  }
  const read = await pLimit(AT_ONCE).map([...byLocation.values()], async ({location, keys}) => {
    const answers = await readFully({replies, service, location: location, teacher, wanted});
    return keys.flatMap(key => {
      const stored = answers && storedAs(answers, key, keyed(teacher, queries.get(key)!).digest);
      return stored ? [[key, stored] as const] : [];
    });
  });
  return read.flat();
}

interface LostReply {
  readonly replies: Replies;
  readonly service: Service;
  readonly location: ReplyLocation;
  readonly teacher: Teacher;
  readonly wanted: Detail;
}

interface LostAnswers extends LostReply {
  readonly reply: Reply;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** The detail that it was read for. */
  readonly detail: Detail;
}

/** Reads as much as the teacher gives. If the reply was asked for less, it reads what is wanted. */
async function readFully(lost: LostReply): Promise<LostAnswers | undefined> {
  for (const detail of [withoutFeatures(lost.teacher.detail), lost.wanted]) {
    const read = await readReply({...lost, detail});
    if (read === undefined) return undefined;
    const isAnswered = [...read.outcomes.values()].some(
      outcome => 'answer' in outcome && satisfies(heldDetail(outcome.answer, detail), lost.wanted),
    );
    if (isAnswered) return {...lost, ...read, detail};
  }
  return undefined;
}

function storedAs(
  {teacher, service, location, reply, outcomes, detail}: LostAnswers,
  key: string,
  question: StoredAnswer['question'],
): StoredAnswer | undefined {
  const outcome = outcomes.get(key);
  if (outcome === undefined || 'error' in outcome) return undefined;
  const {name, identity} = teacher;
  const receipt = service.receipt?.(reply);
  return {
    ...{format: 1, teacher: {name, identity}, question, detail: heldDetail(outcome.answer, detail)},
    ...{answer: outcome.answer, storedAt: timeOf(reply, location).toISOString()},
    ...(receipt && {receipt}),
    ...{reply: location, reader: service.reader},
  };
}

/** When the reply came: its own date, or else when its segment was begun. */
function timeOf({headers}: Reply, {segment}: ReplyLocation): Date {
  const date = Date.parse(String(headers['date']));
  return new Date(Number.isNaN(date) ? startOf(segment) : date);
}
