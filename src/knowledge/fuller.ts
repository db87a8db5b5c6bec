import {satisfies} from './coarsen.ts';
import type {AnswerEntry, AnswerStore} from './store.ts';

/** The entries without those for which the store holds something as full. */
export async function fuller(store: AnswerStore, entries: readonly AnswerEntry[]): Promise<readonly AnswerEntry[]> {
  const held = await store.getMany(entries.map(({key}) => key));
  return entries.filter(({stored}, index) => {
    const other = held[index];
    return !other || !satisfies(other.detail, stored.detail);
  });
}
