/** JSON pointers (RFC 6901) in which a `*` stands for any name or index. */

export interface Pointer {
  /** As it was written, for messages. */
  readonly text: string;
  readonly segments: readonly string[];
}

/** Of one that `POINTER` matches. */
export function pointerOf(text: string): Pointer {
  const segments = text.split('/').slice(1);
  return {text, segments: segments.map(segment => segment.replaceAll('~1', '/').replaceAll('~0', '~'))};
}

/** What a pointer looks like: empty for the whole document, else `/` before each name. */
export const POINTER: RegExp = /^(\/([^~/]|~[01])*)*$/;

/** A pointer to a list, and one from its entries on; undefined where nothing in the pointer stands for any index. */
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

/** Everything that a pointer finds, in the document's order. */
export function find(document: unknown, {segments}: Pointer): readonly unknown[] {
  return segments.reduce<readonly unknown[]>(
    (found, segment) => found.flatMap(value => step(value, segment)),
    [document],
  );
}

/** In a list each, so that what is found is never taken for several finds. */
function step(value: unknown, segment: string): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (segment === '*') return Object.values(value);
  return Object.hasOwn(value, segment) && isOwnEntry(value, segment)
    ? [(value as Record<string, unknown>)[segment]]
    : [];
}

/** A list has a `length`, which no document holds. */
function isOwnEntry(value: object, segment: string): boolean {
  return !Array.isArray(value) || /^(0|[1-9]\d*)$/.test(segment);
}
