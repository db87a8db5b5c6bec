import {parseArgs} from 'node:util';
import {busiest, countingService, startChild} from '../../ask/shared/counting.ts';
import {NO_REDIS, startRedis} from '../../redis.ts';

/** Processes that share one limit, in front of a service that counts. */
const {values} = parseArgs({
  options: {
    rate: {type: 'string', default: '6000'},
    seconds: {type: 'string', default: '75'},
    workers: {type: 'string', multiple: true, default: ['1', '2', '4', '8']},
  },
});
const [rate, seconds] = [Number(values.rate), Number(values.seconds)];
/** Requests at once, of all processes together, and milliseconds until the service answers. */
const AT_ONCE = 64;
const LATENCY = 200;

const redis = await startRedis('', 'yes');
if (redis === undefined) throw new Error(NO_REDIS);

console.log('| processes | used of the limit | most in a minute | refused | CPU ms a request |');
console.log('| --------- | ----------------: | ---------------: | ------: | ---------------: |');
await measure('1, limits of its own', 1);
for (const count of values.workers) await measure(count, Number(count), redis.url);
await redis.stop();

async function measure(name: string, count: number, url?: string): Promise<void> {
  const service = await countingService(LATENCY);
  const given = {run: `bench ${name}`, service: service.url, milliseconds: seconds * 1000, loops: AT_ONCE / count};
  const rates = {concurrency: AT_ONCE, requestsPerMinute: rate};
  const budget = [{calls: 100 * rate}];
  const children = Array.from({length: count}, () => startChild({...given, url, rates, budget}));
  const reports = await Promise.all(children.map(({report}) => report));
  service.close();
  const {arrivals} = service;
  // The limit on requests at once is learned in the first seconds, and the processes start one after another.
  const from = arrivals[0]! + 10_000;
  const to = arrivals.at(-1)! - 1000;
  const used = arrivals.filter(at => at > from && at <= to).length / (((to - from) / 60_000) * rate);
  const refused = reports.reduce((sum, report) => sum + report.refused, 0);
  const cpu = reports.reduce((sum, report) => sum + report.cpu, 0) / arrivals.length;
  console.log(
    `| ${name} | ${(100 * used).toFixed(1)} % | ${busiest(arrivals, 60_000).toLocaleString('en-GB')} | ${refused} | ${cpu.toFixed(2)} |`,
  );
}
