import {argv, cpuUsage, stdout} from 'node:process';
import {createAdmission, createBudget, openSharedAsking, type SharedAsking} from 'limbeck/ask';

/** A process that asks a service for some time, through limits and a budget that it shares. */
const {url, service, run, rates, loops, milliseconds, budget} = JSON.parse(argv[2]!) as {
  /** @default limits and a budget of its own */
  readonly url?: string;
  readonly service: string;
  readonly run: string;
  readonly rates: {readonly concurrency: number; readonly requestsPerMinute?: number};
  readonly loops: number;
  readonly milliseconds: number;
  readonly budget?: readonly {readonly calls: number}[];
};

const onNote = (note: string) => void stdout.write(`${note}\n`);
const alone = (): SharedAsking => ({
  budget: createBudget(budget, onNote),
  admission: (_, given) => createAdmission(given),
  async close() {},
});
const shared = url ? await openSharedAsking({url, run, ...(budget && {budget}), onNote}) : alone();
const before = cpuUsage();
const admission = shared.admission(`https://counted.example ${run}`, rates);
const teacher = shared.budget.forTeacher({name: 'counted'});
const end = Date.now() + milliseconds;
const stop = AbortSignal.timeout(milliseconds);
const count = {answers: 0, refused: 0};

async function send() {
  const reservation = await teacher.reserve({calls: 1}, stop);
  try {
    const reply = await fetch(service, {method: 'POST', body: '{}'});
    return {status: reply.status, headers: Object.fromEntries(reply.headers), body: await reply.text()};
  } finally {
    reservation.settle({calls: 1});
  }
}

async function loop(): Promise<void> {
  let isAgain = false;
  while (Date.now() < end) {
    const {status} = await admission.run({send, isAgain, signal: stop});
    isAgain = status === 429;
    if (isAgain) count.refused++;
    else count.answers++;
  }
}

const results = await Promise.allSettled(Array.from({length: loops}, loop));
const failures = results.flatMap(result =>
  result.status === 'rejected' && !stop.aborted ? [String(result.reason)] : [],
);
await shared.close();
const {user, system} = cpuUsage(before);
stdout.write(
  `${JSON.stringify({...count, failures: failures.slice(0, 3), cpu: (user + system) / 1000, spent: shared.budget.spent.calls})}\n`,
);
