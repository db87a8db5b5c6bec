import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach} from 'vitest';
import {keyed} from '../../src/ask/layer.ts';
import {inputAt} from '../../src/data/inputs.ts';
import type {TensorInput} from '../../src/teacher.ts';
import recipe, {examples} from '../fixtures/end-to-end/hostile.ts';
import {
  type HostileOptions,
  type HostileService,
  type HostileStats,
  inputName,
  spawnHostileService,
} from '../hostile-service.ts';
import {fixture, type Workplace, workplace} from './limbeck.ts';

/** Labels the inputs of the recipe `hostile.ts`. */
export const LABEL: readonly string[] = ['label', fixture('hostile.ts')];

/** A workplace whose commands ask hostile services. */
export interface HostileWorkplace extends Workplace {
  /** Starts a service, which ends after the test. */
  readonly serve: (options: HostileOptions) => Promise<HostileService>;
}

/** Prepares a folder for the tests of a file. */
export function hostileWorkplace(): HostileWorkplace {
  const place = workplace();
  const services: HostileService[] = [];
  afterEach(async () => {
    for (const service of services.splice(0)) await service.close();
  });
  const serve = async (options: HostileOptions) => {
    const service = await spawnHostileService(options);
    services.push(service);
    return service;
  };
  return {...place, serve};
}

export interface HostileWork {
  readonly inputs: number;
  /** @default 16 */
  readonly concurrency?: number;
  /** Inputs in a request, @default 1 */
  readonly batch?: number;
  /** Of the model, @default '1' */
  readonly version?: string;
}

/** The environment that tells the recipe of a service and how much there is to ask. */
export function workAt({url}: HostileService, {inputs, concurrency = 16, batch = 1, version = '1'}: HostileWork) {
  return {
    TEST_TEACHER_URL: url,
    TEST_INPUTS: String(inputs),
    TEST_CONCURRENCY: String(concurrency),
    TEST_BATCH: String(batch),
    TEST_VERSION: version,
  };
}

/** What `limbeck label --json` says of the recipe's one level. */
export interface Labelled {
  readonly levels: readonly {
    readonly answers: number;
    readonly missing: number;
    readonly bought: number;
    readonly cached: number;
    readonly calls: number;
  }[];
}

/** Waits until the service has heard so many requests. */
export async function untilAsked(service: HostileService, requests: number, hasEnded = () => false): Promise<void> {
  while (!hasEnded() && (await service.stats()).requests < requests) {
    await new Promise(resolve => setTimeout(resolve, 25));
  }
}

/** How many inputs were paid for with an answer that can be used, so many times. */
export function usefulPayments({inputs}: HostileStats): Map<number, number> {
  const counts = new Map<number, number>();
  for (const {paid, spoilt} of Object.values(inputs)) counts.set(paid - spoilt, (counts.get(paid - spoilt) ?? 0) + 1);
  return counts;
}

/** The inputs that were paid for more than once, by the service's books. */
export function paidAgain({inputs}: HostileStats): readonly string[] {
  return Object.keys(inputs).filter(name => inputs[name]!.paid - inputs[name]!.spoilt > 1);
}

/** What was paid for more than once by the service's books, and what the runs in a folder say of it. */
export interface SecondPayments {
  readonly stats: HostileStats;
  /** The inputs that were paid for more than once. */
  readonly again: readonly string[];
  /** Of these, the ones that no run named as in doubt. */
  readonly unnamed: readonly string[];
  /** How many inputs were named. */
  readonly named: number;
  /** How many inputs had an answer for which the client did not wait. */
  readonly doubtful: number;
}

/** @param count - how many inputs the recipe has */
export async function secondPayments(service: HostileService, folder: string, count: number): Promise<SecondPayments> {
  const stats = await service.stats();
  const keys = await keysByInput(count);
  const named = new Set(namedDoubts(folder).flat());
  const again = paidAgain(stats);
  return {
    ...{stats, again, named: named.size},
    unnamed: again.filter(name => !named.has(keys.get(name)!)),
    doubtful: Object.values(stats.inputs).filter(({doubtful}) => doubtful > 0).length,
  };
}

/** The key of every input, under the name that the service gives it. */
async function keysByInput(count: number): Promise<ReadonlyMap<string, string>> {
  const teacher = await recipe.teachers['gray-box']!({publish: () => Promise.reject(new Error('Nothing to publish.'))});
  const {inputs} = examples(count);
  const all = Array.from({length: count}, (_, index) => inputAt(inputs, index));
  return new Map(
    all.map(input => [
      inputName(input.kind === 'text' ? input.text : (input as TensorInput).data),
      keyed(teacher, {input}).key,
    ]),
  );
}

/** The keys that runs in a folder named as in doubt, a list for each run that named any. */
export function namedDoubts(folder: string): readonly (readonly string[])[] {
  const path = join(folder, '.limbeck/journal/in-doubt.txt');
  if (!existsSync(path)) return [];
  const runs = new Map<string, string[]>();
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) {
    const [time, key] = line.split(' ') as [string, string];
    runs.set(time, [...(runs.get(time) ?? []), key]);
  }
  return [...runs.values()];
}
