/** Whether two lists name the same classes in the same order: only then does an index mean the same to both. */
export function sameClasses(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}
