import {satisfies} from '../knowledge/coarsen.ts';
import {readAlike} from './reading.ts';
import type {AnswerEntry, AnswerStore} from './store.ts';

export interface FullerOptions {
  /**
   * Whether an answer replaces one that was read in another way, however full.
   *
   * @default false
   */
  readonly replacesOtherReadings?: boolean;
}

/** The entries without those for which the store holds something as full. */
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
