import {randomUUID} from 'node:crypto';
import {InputError, LimbeckError} from '../../errors.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import type {Admission} from '../../pace/admission.ts';
import {timer} from '../../pace/alarm.ts';
import type {GivenRates} from '../../pace/learned-pace.ts';
import {SharedAdmission} from '../../pace/shared/admission.ts';
import {openRedisLink} from '../../store/redis-link.ts';
import type {SharedAsking} from '../asking-options.ts';
import {type BudgetLimit, checkLimit} from '../budget/limit.ts';
import {type OnNote, onceEach, warn} from '../notes.ts';
import {BudgetRecord} from './budget-script.ts';
import {BudgetShare} from './budget-share.ts';
import {RedisBudget} from './redis-budget.ts';
import {RedisCell} from './redis-cell.ts';

export interface SharedAskingOptions {
  /** The Redis or Valkey server that all processes use, such as `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** The name of the run that has the budget. */
  readonly run: string;
  /**
   * The budget of the run, over all processes and restarts. It replaces the one that the run had, and what was spent
   * counts.
   *
   * @default that of the run; if it has none, there is no limit
   */
  readonly budget?: readonly BudgetLimit[] | undefined;
  /**
   * Receives notes for people, each once: the server is away, a service charges more than it may.
   *
   * @default a warning of Node.js
   */
  readonly onNote?: OnNote | undefined;
}

const KINDS = {
  url: kinds.text,
  run: kinds.text,
  budget: kinds.list,
  onNote: kinds.call,
} satisfies Shape<SharedAskingOptions>;

/** Milliseconds that leaving takes at most. */
const LEAVE = 2000;

/**
 * Joins the processes that keep the limits of their accounts and the budget of a run together, in Redis. While the
 * server is away no request is sent; all go on when it is back.
 *
 * @throws InputError if an option can't be used, or the package `@keyv/redis` is not installed
 * @throws AnswerStoreError if the server can't be reached, or refuses to keep the budget
 *
 * @example
 * ```ts
 * import {openAsking, openSharedAsking} from 'limbeck/ask';
 *
 * const shared = await openSharedAsking({url: 'redis://127.0.0.1:6379', run: 'mails', budget: [{usd: 20}]});
 * export const asking = await openAsking({cache: 'redis://127.0.0.1:6379', journal: '.limbeck/journal', shared});
 * ```
 */
export async function openSharedAsking(options: SharedAskingOptions): Promise<SharedAsking> {
  checkOptions('openSharedAsking', options, KINDS, ['url', 'run']);
  const {url, run, budget: limits, onNote: say = warn} = options;
  if (run === '') throw new InputError('Expected `run` to name a run, got an empty text.');
  limits?.forEach(checkLimit);
  const onNote = onceEach(say);
  const onFailure = () => onNote(awayNote(link.name));
  const link = await openRedisLink(url, {onReady: () => budget.tell(), onAway: onFailure});
  const record = new BudgetRecord(link.client, run, randomUUID());
  const share = new BudgetShare({record, run, onFailure});
  const budget = new RedisBudget(share, onNote);
  const admissions = new Map<string, SharedAdmission>();
  try {
    await record.open(limits);
    await share.ask([]);
  } catch (error) {
    link.close();
    throw error instanceof LimbeckError ? error : link.failure(error);
  }
  return {
    budget,
    admission(account: string, rates: GivenRates): Admission {
      const cell = new RedisCell(link.client, account);
      const known =
        admissions.get(account) ?? new SharedAdmission({rates, cell, holdsFor: () => share.holdsFor, onFailure});
      admissions.set(account, known);
      return known;
    },
    async close() {
      const leaving = [budget, ...admissions.values()].map(part => part.close());
      // A server that is away takes the last word of nobody.
      const late = new AbortController();
      await Promise.race([Promise.allSettled(leaving), timer(LEAVE, late.signal).catch(() => {})]);
      late.abort();
      link.close();
    },
  };
}

function awayNote(name: string): string {
  return `The Redis server at ${name} can't be reached. No request is sent until it is back.`;
}
