import {fateOf, isOfThisMachine, type Owner} from '../owner.ts';
import {isLocked} from './lock.ts';

/** Milliseconds after which a process of which nothing else is known counts as ended. Its sign of life comes each 5 s. */
const SILENCE = 120_000;

/** A segment, and what is known of it. */
export interface WrittenSegment {
  readonly directory: string;
  readonly name: string;
  readonly owner: Owner;
  /** When it was last written, in milliseconds since 1970. */
  readonly changed: number;
}

/**
 * What became of the process that writes a segment. Of one elsewhere it is not known, until there was no sign of life for
 * two minutes: then it is `silent`, and may be there all the same.
 */
export async function fateOfWriter({
  directory,
  name,
  owner,
  changed,
}: WrittenSegment): Promise<'alive' | 'ended' | 'silent' | 'unknown'> {
  const fate = fateOf(owner);
  if (fate !== 'unknown') return fate;
  const locked = isOfThisMachine(owner) ? await isLocked(directory, name) : undefined;
  if (locked !== undefined) return locked ? 'alive' : 'ended';
  return Date.now() - changed > SILENCE ? 'silent' : 'unknown';
}
