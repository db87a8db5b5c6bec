/** What `npm run bench:scale -- --kills` measures and prints. */
import {writeFile} from 'node:fs/promises';
import {BATCH, type KillOptions, type KillOutcome, measureKills, undisturbed} from './kills.ts';
import type {Peak} from './program.ts';

export interface KillReportOptions extends Omit<KillOptions, 'budget'> {
  /** The path of a file for the figures. */
  readonly json: string | undefined;
  /** The most seconds of the process that works alone. */
  readonly alone: number;
}

/** The budget beside what an undisturbed run needs: kills take some, and a budget that is too small ends a run. */
const ENOUGH = 1.05;
const TOO_LITTLE = 0.5;
/** The run with too little money is small and slow, so that its parts are killed while money is reserved. */
const SMALL = {texts: 100_000, every: 3, delay: 200, concurrency: 16};

export async function reportKills({json, alone, ...options}: KillReportOptions): Promise<void> {
  console.log(`Seed ${options.seed}`);
  const whole = await measureKills({...options, budget: requestsFor(options.texts, ENOUGH)});
  report(options.texts, requestsFor(options.texts, ENOUGH), whole);
  const single = await undisturbed({...options, budget: 0}, alone);
  const same = Array.from(single).filter(([name, digest]) => whole.knowledge.get(name) === digest).length;
  console.log(
    `Knowledge            ${same} of ${single.size} shards as those of one process alone, which made ${single.size} of ` +
      `${whole.knowledge.size}`,
  );
  console.log('\nA budget of half of what is needed');
  const budget = requestsFor(SMALL.texts, TOO_LITTLE);
  const small = await measureKills({...options, ...SMALL, budget});
  report(SMALL.texts, budget, small);
  if (json === undefined) return;
  const {signal: _, ...settings} = options;
  const shards = {same, alone: single.size, all: whole.knowledge.size};
  const results = {settings, whole: {...whole, knowledge: shards}, small: {...small, knowledge: undefined}};
  await writeFile(json, `${JSON.stringify(results, undefined, 2)}\n`);
}

function requestsFor(texts: number, times: number): number {
  return Math.ceil((times * texts) / BATCH);
}

function report(texts: number, budget: number, {seconds, kills, peaks, redis, ...counts}: KillOutcome): void {
  const shown = (count: number) => count.toLocaleString('en-GB');
  console.log(
    `Killed               ${kills.workers} workers, ${kills.coordinators} coordinators, ${kills.redis} Redis`,
  );
  console.log(`Time                 ${seconds.answered.toFixed(0)} s, with the knowledge ${seconds.all.toFixed(0)} s`);
  console.log(`Answered             ${shown(counts.answers)} of ${shown(texts)}`);
  console.log(`Paid                 ${shown(counts.requests)} requests of a budget of ${shown(budget)}`);
  console.log(`Paid more than once  ${shown(counts.paidAgain)} texts; ${shown(counts.named)} named in doubt`);
  console.log(`Of these not named   ${counts.unnamed}   wanted: 0`);
  console.log(`Peaks of workers     ${spread(peaks.workers)}`);
  console.log(`Of coordinators      ${spread(peaks.coordinators)}`);
  console.log(`Redis                ${mebibytes(redis.memory)} at most, ${mebibytes(redis.file)} on disk`);
}

function spread(peaks: readonly Peak[]): string {
  const most = (name: keyof Peak) => mebibytes(Math.max(...peaks.map(peak => peak[name])));
  const all = peaks.map(peak => peak.all).toSorted((one, other) => one - other);
  const median = mebibytes(all[Math.floor(all.length / 2)]!);
  return `${most('all')} (${most('own')} without mapped files); median of ${all.length} processes ${median}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
