/**
 * A process that writes a journal and is killed, for the tests of what it leaves. Arguments: the folder, then either
 * `steps`, and it makes the calls below and kills itself; or `hold`, and it
 * sends one query and runs on; or `crowd`, and it sends 10,000 queries at once; or `load`, and
 * it calls until it can't, saying in lines `sent KEY` and `reply KEY` what the journal has acknowledged.
 */
import {setTimeout as wait} from 'node:timers/promises';
import {openJournal} from '../../../src/store/journal/journal.ts';

const [folder = '', what = ''] = process.argv.slice(2);
// A limit on the size of files then shows as a failed write, as a full disk does.
process.on('SIGXFSZ', () => {});

const reply = (text: string) => ({status: 200, headers: {'x-request-id': 'r1'}, body: text});
const journal = await openJournal(folder);

async function steps(): Promise<void> {
  const [ab, c, d, e, f] = await Promise.all([['a', 'b'], ['c'], ['d'], ['e'], ['f']].map(keys => journal.sent(keys)));
  await journal.replied(ab!, reply('to a and b'));
  await journal.replied(c!, reply('to c: é\ud800\n'));
  journal.done(c!);
  journal.failed(d!, 'refused', false);
  journal.failed(e!, 'reset', true);
  const again = await journal.sent(['e']);
  await journal.replied(again, reply('to e'));
  journal.done(again);
  const g = await journal.sent(['g']);
  await journal.replied(g, reply('to g'));
  void f;
}

async function load(worker: number): Promise<void> {
  for (let number = 0; ; number++) {
    const key = `${worker}-${number}`;
    const id = await journal.sent([key]);
    process.stdout.write(`sent ${key}\n`);
    await wait(Math.random());
    await journal.replied(id, reply(`to ${key}`));
    process.stdout.write(`reply ${key}\n`);
    journal.done(id);
  }
}

async function hold(): Promise<never> {
  await journal.sent(['held']);
  process.stdout.write('held\n');
  while (true) await wait(1000);
}

try {
  if (what === 'steps') await steps();
  else if (what === 'hold') await hold();
  else if (what === 'crowd')
    await Promise.all(Array.from({length: 10_000}, (_, number) => journal.sent([`key ${number}`])));
  else {
    const ends = await Promise.allSettled(Array.from({length: 16}, (_, worker) => load(worker)));
    throw (ends[0] as PromiseRejectedResult).reason;
  }
} catch (error) {
  process.stdout.write(`${(error as Error).name}: ${(error as Error).message}\n`);
}
process.kill(process.pid, 'SIGKILL');
