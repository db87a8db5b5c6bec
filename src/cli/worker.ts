import {onceEach} from '../ask/notes.ts';
import {openQueueServer, type QueueServer} from '../queue/server.ts';
import {trainForStudies} from '../queue/study-worker.ts';
import {UnfinishedError, work} from '../queue/worker.ts';
import {counted} from '../study/report/format.ts';
import {reportFailure} from './failure.ts';
import {stopSignal} from './study-options.ts';
import {openTerminal} from './terminal.ts';

interface WorkerFlags {
  readonly recipe?: string;
  readonly cache?: string;
  readonly ranges: number;
}

/** Answers ranges until Ctrl-C or SIGTERM. */
export async function runWorker(url: string, flags: WorkerFlags): Promise<void> {
  const {note} = openTerminal({json: false});
  const signal = stopSignal();
  const server = await openQueueServer(url, note, signal).catch(error => {
    if (!signal.aborted) throw error;
    note('Stopped. Redis was not reached, and nothing was begun.');
  });
  if (server === undefined) return;
  try {
    note(`Waits for runs on ${server.name}. Ctrl-C gives its ranges back and keeps every answer that was bought.`);
    const {ranges, students} = await workOn(server, flags, {signal, onNote: onceEach(note)});
    const trained = students === 0 ? '' : ` and ${counted(students, 'student')} trained`;
    note(`Stopped. ${ranges} ranges were answered${trained} here; what was begun is back on the queue.`);
  } catch (error) {
    if (!(error instanceof UnfinishedError)) throw error;
    // Its requests would keep the process alive.
    process.exit(reportFailure(error));
  } finally {
    server.close();
  }
}

/** Answers ranges and trains students at the same time. If one of them fails, both end. */
async function workOn(
  server: QueueServer,
  {recipe, cache, ranges}: WorkerFlags,
  {signal, onNote}: {readonly signal: AbortSignal; readonly onNote: (note: string) => void},
): Promise<{readonly ranges: number; readonly students: number}> {
  const failed = new AbortController();
  const both = {recipe, signal: AbortSignal.any([signal, failed.signal]), onNote};
  const stopping = (error: unknown) => {
    failed.abort(error);
    throw error;
  };
  const answering = work(server, {...both, cache, ranges}).catch(stopping);
  const training = trainForStudies(server, both).catch(stopping);
  const [answered, trained] = await Promise.allSettled([answering, training]);
  if (answered.status === 'rejected') throw answered.reason;
  if (trained.status === 'rejected') throw trained.reason;
  return {ranges: answered.value.ranges, students: trained.value};
}
