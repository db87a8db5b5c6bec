import type {Reply, Usage} from '../../teacher.ts';
import {type GivenRates, LearnedPace, type PaceMemory, type Sent} from '../learned-pace.ts';
import type {Cost} from '../service-limits.ts';

/** Milliseconds of requests that a server may have forgotten when it is started again: it writes to disk every second. */
const FORGOTTEN = 3000;
/** Milliseconds after which a process that says nothing has ended. */
export const ENDED_AFTER = 30_000;
/** Milliseconds after which a process that waits, and says nothing, is not held back for. */
const WAITING_FOR = 2000;
/** Milliseconds for which a process without any request under way lets others go on. */
const PATIENCE = 1000;

/** One process of an account, as the others see it. */
export interface Member {
  /** When it last wrote. */
  readonly at: number;
  /** The number of its latest step. */
  readonly step: number;
  /** Its requests under way, and the sum of what was reserved for them. */
  readonly inFlight: number;
  readonly cost: Cost;
  /** True if it has more requests to send. */
  readonly waits: boolean;
  /** Since when it waits without any request under way; 0 if it does not. */
  readonly idleSince: number;
}

/** Everything that processes know together of an account. */
interface Account {
  readonly pace?: PaceMemory;
  /** The restart of the server after which forgotten requests were counted. */
  readonly presumedAt: number;
  readonly members: Readonly<Record<string, Member>>;
}

/** What became of a request. */
export type Event =
  | {
      readonly sent: Sent;
      readonly reply: Pick<Reply, 'status' | 'headers'>;
      readonly usage: Usage | undefined;
      readonly ago: number;
    }
  | {readonly sent: Sent; readonly reply?: undefined};

/** The part of a process in a step: its requests, its events and its record. */
export interface Turn {
  readonly id: string;
  readonly step: number;
  readonly rates: GivenRates;
  readonly random: () => number;
  /** What its latest step wrote of it. */
  readonly self: Member | undefined;
  readonly events: readonly Event[];
  /** The costs of the requests that wait, the first one first. */
  waiting(): Iterable<Cost>;
}

/** The outcome of a step. */
export interface Step {
  readonly text: string;
  /** False if the others need not hear of it. */
  readonly isNews: boolean;
  readonly self: Member;
  readonly pace: LearnedPace;
  /** Milliseconds for which the reply of each event is held back. */
  readonly holds: readonly number[];
  /** The first of the requests that wait. They go out. */
  readonly sent: readonly Sent[];
  /** Milliseconds until the next one can go; Infinity if that depends on a reply. */
  readonly wait: number;
  /** True if that can be a reply of another process, or its end. */
  readonly needsOthers: boolean;
}

const NONE: Cost = {requests: 0, tokens: 0, inputTokens: 0, outputTokens: 0};

/**
 * One step of a process on the shared state of an account: it takes in what became of its requests, and admits as many
 * others as can go now.
 *
 * @param text - the state; undefined if nobody has written one
 * @param restartedAt - see `Seen`
 */
export function stepOf(text: string | undefined, turn: Turn, now: number, restartedAt: number): Step {
  const {id, step, rates, random, self, events} = turn;
  const account: Account = text === undefined ? {presumedAt: 0, members: {}} : parse(text);
  const pace = new LearnedPace(rates, {random, now, memory: account.pace});
  const members = new Map(Object.entries(account.members));
  if (restartedAt > account.presumedAt) pace.presume(FORGOTTEN, now);
  // The server may have forgotten what this process wrote last, and others may have taken it for ended.
  adjust(pace, members.get(id), self);
  members.delete(id);
  for (const [other, member] of members) {
    if (now - member.at < ENDED_AFTER) continue;
    adjust(pace, member, undefined);
    members.delete(other);
  }
  const holds = events.map(event => take(pace, event, now));
  const held = {inFlight: (self?.inFlight ?? 0) - events.length, idleSince: self?.idleSince ?? 0};
  let cost = self?.cost ?? NONE;
  for (const {sent} of events) cost = sum(cost, sent.cost, -1);
  const others = [...members.values()].filter(({waits, at}) => waits && now - at < WAITING_FOR);
  const sent: Sent[] = [];
  let wait = Number.POSITIVE_INFINITY;
  let waits = false;
  for (const next of turn.waiting()) {
    waits = true;
    wait = isTurnOf(held, others, pace, now) ? pace.wait(next, now) : Number.POSITIVE_INFINITY;
    if (wait > 0) break;
    sent.push(pace.sent(next, now));
    cost = sum(cost, next);
    held.inFlight++;
    waits = false;
  }
  const idleSince = waits && held.inFlight === 0 ? held.idleSince || now : 0;
  const next: Member = {at: now, step, inFlight: held.inFlight, cost, waits, idleSince};
  const isSame = self !== undefined && self.waits === waits && now - self.at < WAITING_FOR / 2;
  const after: Account = {pace: pace.memory, presumedAt: Math.max(restartedAt, account.presumedAt), members: {}};
  return {
    text: format({...after, members: {...Object.fromEntries(members), [id]: next}}),
    isNews: !isSame || events.length > 0 || sent.length > 0,
    ...{self: next, pace, holds, sent, wait},
    needsOthers: others.length > 0 || pace.memory.inFlight > held.inFlight,
  };
}

/** The state after a process has left. */
export function withoutMember(text: string, id: string): string {
  const account = parse(text);
  const {[id]: _, ...members} = account.members;
  return format({...account, members});
}

/** The step that the state holds of a process; undefined if none. */
export function stepIn(text: string, id: string): number | undefined {
  return parse(text).members[id]?.step;
}

function take(pace: LearnedPace, event: Event, now: number): number {
  if (event.reply !== undefined) return pace.replied(event.sent, event.reply, event.usage, now - event.ago);
  pace.failed(event.sent);
  return 0;
}

/** Replaces what is counted as under way for a process. */
function adjust(pace: LearnedPace, counted: Member | undefined, real: Member | undefined): void {
  const requests = (real?.inFlight ?? 0) - (counted?.inFlight ?? 0);
  pace.adjust(requests, sum(real?.cost ?? NONE, counted?.cost ?? NONE, -1));
}

/**
 * True if a process may have one more request under way. While others wait, it has its share of the limit at most. If
 * there are more processes than that, those without any request get their turn.
 */
function isTurnOf(
  self: {readonly inFlight: number; readonly idleSince: number},
  others: readonly Member[],
  pace: LearnedPace,
  now: number,
): boolean {
  if (others.length === 0) return true;
  const {inFlight, concurrency} = pace.memory;
  if (self.inFlight >= Math.ceil(concurrency.limit / (others.length + 1))) return false;
  const before = self.inFlight === 0 && self.idleSince > 0 ? self.idleSince : now;
  const first = others.filter(({idleSince}) => idleSince > 0 && idleSince < before && now - idleSince > PATIENCE);
  return inFlight + first.length < concurrency.limit;
}

function sum(one: Cost, other: Cost, sign: 1 | -1 = 1): Cost {
  return {
    requests: one.requests + sign * other.requests,
    tokens: one.tokens + sign * other.tokens,
    inputTokens: one.inputTokens + sign * other.inputTokens,
    outputTokens: one.outputTokens + sign * other.outputTokens,
  };
}

/** JSON has no infinities, but reads numbers that are too large for any other. */
function format(account: Account): string {
  return JSON.stringify(account).replaceAll(':null', ':1e999');
}

function parse(text: string): Account {
  return JSON.parse(text) as Account;
}
