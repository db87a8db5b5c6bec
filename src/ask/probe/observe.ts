import {locationName} from '../../store/stored-answer.ts';
import type {Access, AskOptions, Exchange, Query, Reply, Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {keyed} from '../layer.ts';

/** One request that was answered; for a teacher in this process, one call. */
export interface Seen {
  /** The queries of this probe that it was about. */
  readonly queries: readonly Query[];
  /** The number of all queries that it was about. */
  readonly count: number;
  /** Undefined for a reply that was kept before. */
  readonly seconds: number | undefined;
  /** Undefined for a teacher in this process. */
  readonly reply: Reply | undefined;
}

/** The teacher, with its requests and their raw replies recorded as they come. */
export function observed<A extends Access>(teacher: Teacher<A>, note: (seen: Seen) => void): Teacher<A> {
  const timed = async <T>(about: readonly Query[], work: () => Promise<T>, replyOf: (result: T) => Seen['reply']) => {
    const started = performance.now();
    const result = await work();
    const seconds = (performance.now() - started) / 1000;
    note({queries: about, count: about.length, seconds, reply: replyOf(result)});
    return result;
  };
  const askHere: Teacher<A>['ask'] = (queries, options) => {
    const work = () => teacher.ask(queries, options);
    return timed(queries, work, () => undefined);
  };
  const askService = (queries: readonly Query[], options: AskOptions = {}) => {
    const {exchange = (_, send) => send()} = options;
    const watched: Exchange = (rows, send) => {
      const about = rows.map(row => queries[row]!);
      return exchange(rows, () => timed(about, send, reply => reply));
    };
    return teacher.ask(queries, {...options, exchange: watched});
  };
  return {...teacher, ask: teacher.service ? askService : askHere};
}

/** Requests whose replies hold the answers that they asked for. */
export function answeredOf(seen: readonly Seen[]): readonly Seen[] {
  return seen.filter(({reply}) => reply === undefined || reply.status === 200);
}

/** The replies from which kept answers to these queries were read, if they are still kept. */
export async function recalled(
  {store, replies}: Pick<Asking, 'store' | 'replies'>,
  teacher: Teacher,
  queries: readonly Query[],
): Promise<readonly Seen[]> {
  const seen = new Map<string, Seen>();
  for (const query of queries) {
    const {reply: location} = (await store.get(keyed(teacher, query).key)) ?? {};
    if (location === undefined) continue;
    const id = locationName(location);
    const known = seen.get(id);
    if (known) {
      seen.set(id, {...known, queries: [...known.queries, query]});
      continue;
    }
    const kept = await replies.read(location);
    if (kept) seen.set(id, {queries: [query], count: kept.keys.length, seconds: undefined, reply: kept.reply});
  }
  return [...seen.values()];
}
