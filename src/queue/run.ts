import {hostname} from 'node:os';
import type {BudgetLimit} from '../ask/budget/limit.ts';
import {isStoreUrl} from '../store/cache-path.ts';
import {storeUrl} from '../store/store-url.ts';
import type {Access} from '../teacher.ts';

/** One query plan of a run: what must be the same wherever one of its ranges is answered. */
export interface RunPart {
  /** Undefined if the recipe has no `questions`. */
  readonly question?: string;
  /** Name of the query plan. */
  readonly plan: string;
  /** Inputs of the transfer set. */
  readonly inputs: number;
  /** How often each of them is asked about. */
  readonly versions: number;
  /** Digest of what is asked about, in order. */
  readonly data: string;
  readonly teacher: {readonly name: string; readonly identity: string};
}

/** What all workers of a run and its coordinators must have in common. */
export interface RunOrigin {
  /** Of limbeck. */
  readonly version: string;
  /** SHA-256 of the recipe's module. */
  readonly recipe: string;
  readonly parts: readonly RunPart[];
}

/** Where the answers of a run are kept. It holds no password. */
export type RunCache =
  | {readonly kind: 'queue'}
  | {readonly kind: 'url'; readonly name: string}
  | {readonly kind: 'file'; readonly path: string; readonly machine: string};

/** How the teachers of a run are asked. */
export interface RunOptions {
  readonly retryQuarantined: boolean;
  readonly keepGoing: boolean;
  /** Milliseconds. */
  readonly wait?: number | undefined;
  readonly hasPermission?: boolean | undefined;
  /** Of all workers together. */
  readonly budget: readonly BudgetLimit[];
}

/** The labelling of a recipe's transfer set on a queue, as Redis holds it. */
export interface Run {
  readonly format: 1;
  /** A digest of its origin and the size of its ranges. */
  readonly id: string;
  /** Name of the recipe. */
  readonly name: string;
  /** The recipe's module, as the coordinator's folder has it. Undefined if it is outside of that folder. */
  readonly path?: string | undefined;
  /** ISO 8601. */
  readonly begun: string;
  /** @default all levels of the recipe */
  readonly level?: Access | undefined;
  /** Rows of a range. */
  readonly range: number;
  readonly origin: RunOrigin;
  readonly cache: RunCache;
  readonly options: RunOptions;
}

/** The name of a run's queue. BullMQ takes no colon in it. */
export function queueName({name, id}: Pick<Run, 'name' | 'id'>): string {
  return `limbeck ${name.replaceAll(':', '_')} ${id}`;
}

/** The name of a part, for people. */
export function partName({question, plan}: Pick<RunPart, 'question' | 'plan'>): string {
  return question === undefined ? plan : `${question}, ${plan}`;
}

/** @param cache - a file or a URL; undefined for the Redis of the queue */
export function runCache(cache: string | undefined, absolute: (path: string) => string): RunCache {
  if (cache === undefined) return {kind: 'queue'};
  if (isStoreUrl(cache)) return {kind: 'url', name: storeUrl(cache).name};
  return {kind: 'file', path: absolute(cache), machine: hostname()};
}

/** Where the answers of a run are, for people. */
export function cacheText(cache: RunCache): string {
  if (cache.kind === 'queue') return 'the Redis of the queue';
  return cache.kind === 'url' ? cache.name : `the file ${cache.path} on ${cache.machine}`;
}
