import {sameValues} from './same-values.ts';

/** Whether two lists name the same classes in the same order: only then does an index mean the same to both. */
export function sameClasses(one: readonly string[], other: readonly string[]): boolean {
  return sameValues(one, other);
}
