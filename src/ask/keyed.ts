import {digestKey, digestQuery, type QueryDigest} from '../store/key.ts';
import type {Query, Teacher} from '../teacher.ts';

/** A query with all that its record needs. */
export interface Keyed {
  readonly key: string;
  readonly digest: QueryDigest;
}

interface Remembered extends Keyed {
  readonly identity: Teacher['identity'];
}

const remembered = new WeakMap<Query, Remembered>();

/** The key of a query to a teacher. It is computed once, however many layers need it. */
export function keyed({identity}: Pick<Teacher, 'identity'>, query: Query): Keyed {
  const known = remembered.get(query);
  if (known?.identity === identity) return known;
  const digest = known?.digest ?? digestQuery(query);
  const fresh = {identity, key: digestKey(identity, digest), digest};
  remembered.set(query, fresh);
  return fresh;
}
