import type {WorkerState} from '../queue/book.ts';
import {QueueRuns, type RunFacts, type StudyFacts} from '../queue/facts.ts';
import type {Run} from '../queue/run.ts';
import {openQueueServer} from '../queue/server.ts';
import {counted, duration} from '../study/report/format.ts';
import {openTerminal, type Terminal} from './terminal.ts';

interface QueueFlags {
  readonly run?: string;
  readonly json?: boolean;
}

/** `limbeck queue status`. */
export async function runQueueStatus(url: string, flags: QueueFlags): Promise<void> {
  await withRuns(url, flags, async (queue, runs, terminal) => {
    const workers = await queue.workers();
    const facts: RunFacts[] = [];
    for (const run of runs) facts.push(await queue.factsOf(run, workers));
    const studies = await queue.studies();
    const lines = [...facts.map(runLine), ...studies.map(studyLine), ...workers.flatMap(workerLines)];
    if (facts.length + studies.length === 0) lines.unshift('There is no run.');
    terminal.result({runs: facts, studies, workers}, lines.join('\n'));
  });
}

/** `limbeck queue drain`. */
export async function runDrain(url: string, flags: QueueFlags): Promise<void> {
  await setDrained(url, flags, true);
}

/** `limbeck queue resume`. */
export async function runResume(url: string, flags: QueueFlags): Promise<void> {
  await setDrained(url, flags, false);
}

async function setDrained(url: string, flags: QueueFlags, isDrained: boolean): Promise<void> {
  await withRuns(url, flags, async (queue, runs, terminal) => {
    for (const run of runs) await queue.setDrained(run, isDrained);
    const what = isDrained ? 'no further range begins until `limbeck queue resume`.' : 'ranges begin again.';
    const lines = runs.map(({id, name}) => `${name} (${id}): ${what}`);
    terminal.result({runs: runs.map(({id, name}) => ({id, name, isDrained}))}, lines.join('\n') || 'There is no run.');
  });
}

/** `limbeck queue dead`. */
export async function runDead(url: string, flags: QueueFlags): Promise<void> {
  await withRuns(url, flags, async (queue, runs, terminal) => {
    const all = (await Promise.all(runs.map(run => queue.dead(run)))).flat();
    const lines = all.map(({name, reason, at}) => `${name}, ${at}: ${reason}`);
    terminal.result({dead: all}, lines.join('\n') || 'No range is dead.');
  });
}

/** `limbeck queue retry`. */
export async function runRetry(url: string, flags: QueueFlags): Promise<void> {
  await withRuns(url, flags, async (queue, runs, terminal) => {
    const rows: {readonly id: string; readonly name: string; readonly ranges: number}[] = [];
    for (const run of runs) rows.push({id: run.id, name: run.name, ranges: await queue.retry(run)});
    const lines = rows.map(({id, name, ranges}) => `${name} (${id}): ${counted(ranges, 'range')} put back.`);
    terminal.result({runs: rows}, lines.join('\n') || 'There is no run.');
  });
}

async function withRuns(
  url: string,
  {run, json = false}: QueueFlags,
  use: (queue: QueueRuns, runs: readonly Run[], terminal: Terminal) => Promise<void>,
): Promise<void> {
  const terminal = openTerminal({json});
  // Whoever looks needs no advice on the settings of the server.
  const server = await openQueueServer(url, () => {});
  try {
    const queue = new QueueRuns(server);
    await use(queue, await queue.runs(run), terminal);
  } finally {
    server.close();
  }
}

function runLine({id, name, queries, ranges, isDrained, speed}: RunFacts): string {
  const {total, answered, held, waiting, delayed, dead} = ranges;
  const counts = [`${answered} of ${counted(total, 'range')} answered`, `${held} held`, `${waiting} waiting`];
  if (delayed > 0) counts.push(`${delayed} delayed`);
  if (dead > 0) counts.push(`${dead} dead`);
  const drained = isDrained ? ' · drained' : '';
  return `${name} (${id}): ${counts.join(', ')} · ${counted(queries, 'query')} · ${Math.round(speed)}/s${drained}`;
}

function studyLine({id, name, trainings: {waiting, held, ended}}: StudyFacts): string {
  return `${name} (${id}): trainings: ${held} held, ${waiting} waiting, ${ended} ended and not fetched yet`;
}

function workerLines({host, pid, holds, refuses, speed}: WorkerState): readonly string[] {
  const held = holds.map(({name, answered, of, since}) => {
    return `  ${name}: ${answered} of ${of}, for ${duration((Date.now() - Date.parse(since)) / 1000)}`;
  });
  return [
    `Worker ${pid} on ${host}: ${Math.round(speed)}/s`,
    ...held,
    ...Object.values(refuses).map(why => `  ${why}`),
  ];
}
