/** JSON pointers (RFC 6901) in which a `*` stands for any name or index. */

export interface Pointer {
  /** The pointer as it was written, for messages. */
  readonly text: string;
  readonly segments: readonly string[];
}

/** @param text - matches `POINTER` */
export function pointerOf(text: string): Pointer {
  const segments = text.split('/').slice(1);
  return {text, segments: segments.map(segment => segment.replaceAll('~1', '/').replaceAll('~0', '~'))};
}

/** The form of a pointer: empty for the whole document, else `/` before each name. */
export const POINTER: RegExp = /^(\/([^~/]|~[01])*)*$/;

/** Splits at the first `*` into a pointer to a list and one from its entries on; undefined if there is no `*`. */
export function splitAtStar({text, segments}: Pointer): {readonly list: Pointer; readonly rest: Pointer} | undefined {
  const star = segments.indexOf('*');
  if (star < 0) return undefined;
  return {
    list: {
      text: text
        .split('/')
        .slice(0, star + 1)
        .join('/'),
      segments: segments.slice(0, star),
    },
    rest: {text, segments: segments.slice(star + 1)},
  };
}

/** Returns all values that a pointer finds, in the document's order. */
export function find(document: unknown, {segments}: Pointer): readonly unknown[] {
  return segments.reduce<readonly unknown[]>(
    (found, segment) => found.flatMap(value => step(value, segment)),
    [document],
  );
}

/** Returns the values in a list, so that a value that is a list is not taken for several. */
function step(value: unknown, segment: string): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (segment === '*') return Object.values(value);
  return Object.hasOwn(value, segment) && isOwnEntry(value, segment)
    ? [(value as Record<string, unknown>)[segment]]
    : [];
}

/** False for a list's `length`, which no document holds. */
function isOwnEntry(value: object, segment: string): boolean {
  return !Array.isArray(value) || /^(0|[1-9]\d*)$/.test(segment);
}
