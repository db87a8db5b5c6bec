import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {randomInteger, seededRandom} from '../../src/data/random.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {
  hostileWorkplace,
  LABEL,
  type Labelled,
  namedDoubts,
  secondPayments,
  untilAsked,
  usefulPayments,
  workAt,
} from './hostile-work.ts';

const {folder, start, run, json, serve} = hostileWorkplace();

/** How much is asked, and how often the run is killed: 20,000 inputs and 20 kills are `TEST_KILLS=20`. */
const KILLS = Number(process.env['TEST_KILLS'] ?? 8);
const INPUTS = KILLS * (KILLS > 8 ? 1000 : 250);
const CONCURRENCY = 16;

describe('limbeck label of a hostile service', () => {
  it(
    'killed again and again, answers all, pays twice only for what it names, and comes to the same knowledge',
    async () => {
      const calm = await serve({});
      const work = {inputs: INPUTS, concurrency: CONCURRENCY};
      await json<Labelled>([...LABEL, '--cache', 'calm/answers', '--out', 'calm'], {env: workAt(calm, work)});
      expect(usefulPayments(await calm.stats())).toEqual(new Map([[1, INPUTS]]));

      const hostile = await serve({rate: 0.05, retryAfter: 0.05, delay: 2, seed: 7});
      const env = workAt(hostile, work);
      const random = seededRandom(11);
      let killed = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const {requests} = await hostile.stats();
        const running = start([...LABEL, '--out', 'hostile'], {env});
        const most = Math.floor((1.6 * INPUTS) / KILLS);
        await untilAsked(hostile, requests + randomInteger(random, 1, most), running.hasEnded);
        await setTimeout(randomInteger(random, 0, 50));
        running.kill('SIGKILL');
        if ((await running.finished).signal === 'SIGKILL') killed++;
      }
      expect(killed).toBeGreaterThan(KILLS / 2);
      const {levels} = await json<Labelled>([...LABEL, '--out', 'hostile'], {env});
      expect(levels).toMatchObject([{answers: INPUTS, missing: 0}]);

      const {stats, again, unnamed, named, doubtful} = await secondPayments(hostile, folder(), INPUTS);
      expect([...usefulPayments(stats).keys()].filter(times => times < 1)).toEqual([]);
      expect(Object.keys(stats.inputs)).toHaveLength(INPUTS);
      expect(unnamed).toEqual([]);
      expect(named).toBeLessThanOrEqual(killed * CONCURRENCY + doubtful);
      expect(again.length).toBeLessThanOrEqual(killed * CONCURRENCY);
      if (process.env['TEST_KILLS']) {
        console.log(
          `${INPUTS} inputs, ${killed} of ${KILLS} kills: ${stats.requests} requests, ${again.length} inputs paid again, ` +
            `${named} named in doubt (${namedDoubts(folder())
              .map(({length}) => length)
              .join(', ')}), faults ${JSON.stringify(stats.faults)}`,
        );
      }

      const knowledgeOf = (out: string) => readFileSync(join(folder(), out, 'knowledge/gray-box.safetensors'));
      expect(knowledgeOf('hostile').equals(knowledgeOf('calm'))).toBe(true);
    },
    KILLS * 60_000,
  );

  it('sends no request beyond its budget, ends well with what it bought, and goes on with a larger one', async () => {
    const hostile = await serve({rate: 0.05, retryAfter: 0.05, delay: 5, seed: 3});
    const work = {inputs: 3000, concurrency: 256};
    const command = [...LABEL, '--cache', 'budget/answers', '--out', 'budget'];
    const ended = await run([...command, '--budget', '1000calls', '--json'], {env: workAt(hostile, work)});
    expect(ended.code).toBe(0);
    const {requests, mostAtOnce} = await hostile.stats();
    expect(requests).toBeLessThanOrEqual(1000);
    expect(requests).toBeGreaterThan(900);
    expect(mostAtOnce).toBeLessThanOrEqual(256);
    const {levels} = JSON.parse(ended.stdout) as Labelled;
    const knowledge = await openKnowledge(join(folder(), 'budget/knowledge/gray-box.safetensors'));
    expect(knowledge.count).toBe(levels[0]!.answers);
    await knowledge.close();
    expect(levels[0]!.answers).toBeGreaterThan(800);
    expect(ended.stderr).toMatch(/\d+ inputs were not sent to the teacher\. .*budget/i);

    const larger = await json<Labelled>([...command, '--budget', '9000calls'], {env: workAt(hostile, work)});
    expect(larger.levels).toMatchObject([{answers: 3000, missing: 0}]);
    const useful = usefulPayments(await hostile.stats());
    expect(useful).toEqual(new Map([[1, 3000]]));
  });
});
