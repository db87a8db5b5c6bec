import {Quarantine} from '../../store/quarantine.ts';
import type {Replies} from './kept-reply.ts';
import type {Recovery} from './recover.ts';

/**
 * What earlier runs left, for a run that asks nothing and so has no journal: the quarantine. A kept reply that the
 * teacher's present reader can read takes its query out of it.
 */
export function offlineRecovery(directory: string, replies: Replies): Recovery & {readonly skipped: readonly string[]} {
  const quarantine = new Quarantine(directory);
  return {
    recovered: {inDoubt: [], replies: new Map()},
    received: new Map(),
    quarantined: quarantine.byKey,
    skipped: quarantine.skipped,
    settled: keys => quarantine.settle(keys),
    read: place => replies.read(place),
  };
}
