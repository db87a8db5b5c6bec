import {UnrecordedError} from '../../errors.ts';
import {describeDifferences, explainMiss} from '../../store/explain.ts';
import type {AnswerStore} from '../../store/store.ts';
import {identityText, readAlike} from '../../store/stored-answer.ts';
import type {Access, Outcome, Query, Teacher} from '../../teacher.ts';
import {keyed, type LayeredTeacher, type LayerOptions, layerOver} from '../layer.ts';

/**
 * Which queries are asked, and which are only read. The names are those of tools that record HTTP:
 *
 * - `new`: kept answers are read, the rest is asked and kept;
 * - `once`: like `new` if no answer of this teacher is kept yet, otherwise like `none`;
 * - `none`: nothing is asked, and a missing answer is an error;
 * - `all`: everything is asked, and replaces what is kept.
 */
export type RecordMode = 'new' | 'once' | 'none' | 'all';

interface RecordOptions {
  readonly store: AnswerStore;
  readonly mode: RecordMode;
}

/**
 * Lets only those queries reach the teacher that its mode allows. Every other query is refused singly, so that the
 * caller of a whole set learns of all that is missing. The first refusal names the nearest kept answer.
 */
export function withRecordMode<A extends Access>(
  teacher: LayeredTeacher<A>,
  {store, mode}: RecordOptions,
): LayeredTeacher<A> {
  if (mode === 'new' || mode === 'all') return teacher;
  let isOpen: Promise<boolean> | undefined;
  let isExplained = false;

  const refuse = async (query: Query): Promise<Outcome<A>> => {
    const {key, digest} = keyed(teacher, query);
    const [reason, way] = REFUSALS[mode];
    const stored = await store.get(key);
    if (stored && !readAlike(stored.reader, teacher.service?.reader)) {
      return {error: new UnrecordedError(`The answer under key ${key} ${READ_OTHERWISE}, and ${reason}. ${way}`)};
    }
    const isFirst = !isExplained;
    isExplained = true;
    const why = isFirst ? await nearestTo(store, teacher.identity, digest) : '';
    return {error: new UnrecordedError(`No answer is kept under key ${key}, and ${reason}.${why} ${way}`)};
  };
  const ask = async (queries: readonly Query[], options: LayerOptions = {}) => {
    isOpen ??= mode === 'none' ? Promise.resolve(false) : holdsAnswerOf(store, teacher.identity).then(holds => !holds);
    return (await isOpen) ? teacher.ask(queries, options) : Promise.all(queries.map(refuse));
  };
  return layerOver(teacher, {ask});
}

const REFUSALS = {
  none: ['offline none is bought', 'Run once without `--offline` or `--record none`.'],
  once: ['this teacher was recorded before', 'Record what is new with `--record new`.'],
} as const;

const READ_OTHERWISE =
  'was read in another way than this teacher reads, its raw reply gives no answer in this way or is not in the journal';

type Identity = LayeredTeacher['identity'];

async function nearestTo(
  store: AnswerStore,
  identity: Identity,
  digest: Parameters<typeof explainMiss>[2],
): Promise<string> {
  const nearest = await explainMiss(store, identity, digest);
  if (nearest === undefined) return ' Nothing is kept at all.';
  return ` The nearest is ${nearest.key}: its ${describeDifferences(nearest.differences)}.`;
}

/** True if a store holds an answer that a teacher itself gave. Reads the store until it finds one. */
export async function holdsAnswerOf(store: AnswerStore, identity: Teacher['identity']): Promise<boolean> {
  const own = identityText(identity);
  for await (const {stored} of store.entries()) {
    if (!stored.imported && identityText(stored.teacher.identity) === own) return true;
  }
  return false;
}
