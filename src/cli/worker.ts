import {onceEach} from '../ask/notes.ts';
import {openQueueServer} from '../queue/server.ts';
import {UnfinishedError, work} from '../queue/worker.ts';
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
  const server = await openQueueServer(url, note);
  try {
    note(`Waits for runs on ${server.name}. Ctrl-C gives its ranges back and keeps every answer that was bought.`);
    const {ranges} = await work(server, {...flags, signal, onNote: onceEach(note)});
    note(`Stopped. ${ranges} ranges were answered here; those that were begun are back on the queue.`);
  } catch (error) {
    if (!(error instanceof UnfinishedError)) throw error;
    // Its requests would keep the process alive.
    process.exit(reportFailure(error));
  } finally {
    server.close();
  }
}
