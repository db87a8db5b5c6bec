import {stringify} from 'safe-stable-stringify';
import {satisfies} from '../knowledge/coarsen.ts';
import type {Json} from '../teacher.ts';
import type {AnswerEntry, AnswerStore} from './store.ts';

interface FullerOptions {
  /**
   * True if an answer replaces one of another reader, however full.
   *
   * @default false
   */
  readonly replacesOtherReadings?: boolean;
}

/** The entries without those for which the store holds an answer as full. */
export async function fuller(
  store: AnswerStore,
  entries: readonly AnswerEntry[],
  {replacesOtherReadings = false}: FullerOptions = {},
): Promise<readonly AnswerEntry[]> {
  const held = await store.getMany(entries.map(({key}) => key));
  return entries.filter(({stored}, index) => {
    const other = held[index];
    if (!other || !satisfies(other.detail, stored.detail)) return true;
    return replacesOtherReadings && !readAlike(other.reader, stored.reader);
  });
}

/** The reader of replies, see `Service.reader`; undefined for an answer that was not read from a reply. */
type Reader = Json | undefined;

/** True if two readers give the same answer to the same reply. */
export function readAlike(one: Reader, other: Reader): boolean {
  if (one === other || one === undefined || other === undefined) return true;
  return stringify(one) === stringify(other);
}
