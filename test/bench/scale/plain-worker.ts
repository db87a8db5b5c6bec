/** A worker of BullMQ that asks about the rows of a range, and does nothing with the replies. */
import {Worker} from 'bullmq';
import {Redis} from 'ioredis';
import {Agent, request} from 'undici';
import {requestOf, textOf} from '../ask/library.ts';

const [redis, url, connections] = process.argv.slice(2) as [string, string, string];
const RANGES = 2;
const dispatcher = new Agent({connections: Number(connections)});
const headers = {'content-type': 'application/json', accept: 'application/json'};

async function answer({
  data: {from, to},
}: {
  readonly data: {readonly from: number; readonly to: number};
}): Promise<void> {
  let next = from;
  const work = async () => {
    while (next < to) {
      const body = JSON.stringify(requestOf(textOf(next++)));
      const reply = await request(`${url}/v2/models/instant/infer`, {method: 'POST', headers, body, dispatcher});
      await reply.body.text();
    }
  };
  await Promise.all(Array.from({length: Number(connections) / RANGES}, work));
}

const connection = new Redis(redis, {maxRetriesPerRequest: null});
new Worker('plain', answer, {connection, concurrency: RANGES});
