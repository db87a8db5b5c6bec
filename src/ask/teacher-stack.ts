import type {AnswerStore} from '../knowledge/store.ts';
import type {Access, Teacher} from '../teacher.ts';
import {type ProgressTeacher, withBatches} from './batches.ts';
import {withCache} from './cache.ts';
import type {Ledger} from './ledger.ts';
import {offline} from './offline.ts';
import {withRetry} from './retry.ts';

export interface StackOptions {
  readonly store: AnswerStore;
  readonly ledger?: Ledger;
  /**
   * Whether to use kept answers only.
   *
   * @default false
   */
  readonly offline?: boolean;
}

/**
 * A teacher with all its layers. Their order is their meaning: the cache is inside the batches, so that each batch is
 * kept when it comes, and outside the retries, so that an answer is kept once.
 */
export function stack<A extends Access>(teacher: Teacher<A>, options: StackOptions): ProgressTeacher<A> {
  const {store, ledger, offline: keptOnly = false} = options;
  const counted = ledger ? {ledger} : {};
  const source = keptOnly ? offline(teacher) : withRetry(teacher, counted);
  return withBatches(withCache(source, {store, ...counted}));
}
