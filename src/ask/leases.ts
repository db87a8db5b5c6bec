import {setTimeout} from 'node:timers/promises';
import {withoutFeatures} from '../knowledge/coarsen.ts';
import type {Access, Detail, Outcome, Question} from '../teacher.ts';
import type {Kept} from './keep.ts';
import {type Lookup, shown, takeKept} from './kept-answers.ts';
import {keyed} from './keyed.ts';
import {askOthers, type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';

export interface LeasesOptions extends Lookup {
  /**
   * Whether an answer that has come in the meantime is served.
   *
   * @default true
   */
  readonly servesKept?: boolean;
  /**
   * For how long a question is one process's own, in milliseconds. Renewed while it is under way.
   *
   * @default 60000
   */
  readonly lease?: number;
  /**
   * How often to look for the answers of other processes, in milliseconds.
   *
   * @default 100
   */
  readonly glance?: number;
}

/** Lets processes that share a store share the work as well: a question that another one is asking is waited for. */
export function withLeases<A extends Access>(
  teacher: LayeredTeacher<A>,
  {store, replies, servesKept = true, lease = 60_000, glance = 100}: LeasesOptions,
): LayeredTeacher<A> {
  const {leases} = store;
  const keyOf = (question: Question) => keyed(teacher, question).key;

  /** Asks about questions that are this process's own, save those that another one answered just before. */
  const askOwn = async (questions: readonly Question[], options: LayerOptions & {readonly detail: Detail}) => {
    const keys = questions.map(keyOf);
    const renewal = setInterval(() => void leases.renew(keys, lease).catch(() => {}), lease / 3);
    try {
      const known = new Map<number, Kept<A>>();
      const found = servesKept ? await takeKept(questions, teacher, options.detail, {store, replies}) : undefined;
      for (const [place, key] of keys.entries()) {
        const stored = found?.get(key);
        const answer = stored && shown(stored, teacher, options.detail);
        if (answer) known.set(place, {answer, detail: stored.detail});
      }
      options.onSettled?.(known.size);
      return await askOthers(teacher, questions, known, options);
    } finally {
      clearInterval(renewal);
      await leases.release(keys);
    }
  };

  const ask = async (questions: readonly Question[], options: LayerOptions = {}) => {
    const wanted = {...options, detail: options.detail ?? withoutFeatures(teacher.detail)};
    const outcomes = new Array<Outcome<A>>(questions.length);
    let open = [...questions.keys()];
    while (true) {
      const isOwn = await leases.acquire(
        open.map(place => keyOf(questions[place]!)),
        lease,
      );
      const own = open.filter((_, index) => isOwn[index]);
      const asked = await askOwn(
        own.map(place => questions[place]!),
        wanted,
      );
      for (const [index, place] of own.entries()) outcomes[place] = asked[index]!;
      open = open.filter((_, index) => !isOwn[index]);
      if (open.length === 0) return outcomes;
      await setTimeout(glance);
      options.stop?.throwIfAborted();
    }
  };
  return layerOver(teacher, {ask});
}
