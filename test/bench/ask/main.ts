/** Measures the cost of the layers for a client that asks a service: `npm run bench:ask`. See README.md. */
import {writeFile} from 'node:fs/promises';
import {parseArgs} from 'node:util';
import {startInstantService} from './library.ts';
import {measureMemory} from './memory.ts';
import {measurePacked} from './packed.ts';
import {measureSpeed, median} from './speed.ts';
import {measureStores} from './stores.ts';

const {values} = parseArgs({
  options: {
    json: {type: 'string'},
    calls: {type: 'string', default: '100000'},
    rounds: {type: 'string', default: '3'},
    connections: {type: 'string', default: '64'},
    pack: {type: 'boolean', default: false},
    stores: {type: 'boolean', default: false},
    'per-minute': {type: 'string', default: '6000'},
    requests: {type: 'string', default: '3000'},
  },
});

if (values.pack) {
  const PACK = 32;
  const {alone, packed} = await measurePacked(Number(values['per-minute']), Number(values.requests), PACK);
  const shown = (inputs: number) => `${Math.round(inputs).toLocaleString('en-GB')} inputs a minute`;
  console.log(`Limit                          ${values['per-minute']} requests a minute`);
  console.log(`One input a request            ${shown(alone)}`);
  console.log(`${PACK} inputs a request           ${shown(packed)}`);
  console.log(`Ratio                          ${(packed / alone).toFixed(1)}   wanted: 25 or more`);
  if (values.json)
    await writeFile(values.json, `${JSON.stringify({alone, packed, ratio: packed / alone}, undefined, 2)}\n`);
  process.exit();
}

const service = await startInstantService();
if (values.stores) {
  const costs = await measureStores({
    url: service.url,
    calls: Number(values.calls),
    rounds: Number(values.rounds),
    concurrency: Number(values.connections),
  });
  service.close();
  const [file] = costs;
  const times = (cost: number, ofFile: number) => `${cost.toFixed(0)} µs (${(cost / ofFile).toFixed(2)})`.padEnd(16);
  console.log(
    'Of a question, and ratio to LMDB: time, processor; both of one whose answer is kept; processor of the server',
  );
  for (const {name, server, ...cost} of costs) {
    const columns = (['time', 'processor', 'warmTime', 'warmProcessor'] as const).map(key =>
      times(cost[key], file![key]),
    );
    console.log(`${name.padEnd(12)} ${columns.join('')} ${server.toFixed(0)} µs`);
  }
  if (values.json) await writeFile(values.json, `${JSON.stringify(costs, undefined, 2)}\n`);
  process.exit();
}
const speeds = await measureSpeed({
  url: service.url,
  calls: Number(values.calls),
  rounds: Number(values.rounds),
  concurrency: Number(values.connections),
});
const [bare, parts] = [median(speeds.bare), median(speeds.parts)];
const [layered, warm] = [median(speeds.layered), median(speeds.warm)];
const few = await measureMemory(service.url, 100_000);
const many = await measureMemory(service.url, 1_000_000);
service.close();

const peakBytes = {at100k: few.own, at1M: many.own};
const results = {ratioToBare: layered / bare, ratioOfParts: parts / bare, warmPerSecond: warm, peakBytes};
const each = (of: readonly number[]): string => of.map(value => value.toFixed(0)).join(', ');
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const lines = [
  ['Bare undici loop', `${bare.toFixed(0)} calls a second`, `median of ${each(speeds.bare)}`],
  ['Through all layers', `${layered.toFixed(0)} calls a second`, `median of ${each(speeds.layered)}`],
  ['Ratio of the medians', results.ratioToBare.toFixed(3), 'wanted: 0.6 or more'],
  ['Its parts, without layers', `${parts.toFixed(0)} calls a second`, `median of ${each(speeds.parts)}`],
  ['Ratio of the medians', results.ratioOfParts.toFixed(3), 'the most that the layers can reach'],
  ['From a warm cache', `${warm.toFixed(0)} answers a second`, 'wanted: 50000 or more'],
  ['Peak memory, 100,000 inputs', mebibytes(few.own), `${mebibytes(few.resident)} with the mapped file`],
  ['Peak memory, 1,000,000 inputs', mebibytes(many.own), `${mebibytes(many.resident)} with the mapped file`],
  ['Ratio of the peaks', (many.own / few.own).toFixed(2), 'wanted: 1.3 or less'],
];
for (const [what, value, note] of lines) console.log(`${what!.padEnd(30)} ${value!.padEnd(26)} ${note}`);
if (values.json) await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
