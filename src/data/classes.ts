/** True if two lists name the same classes in the same order. Only then does an index mean the same in both. */
export function sameClasses(one: readonly string[], other: readonly string[]): boolean {
  return sameValues(one, other);
}

/** True if two lists hold the same values in the same order. */
export function sameValues(one: ArrayLike<unknown>, other: ArrayLike<unknown>): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
