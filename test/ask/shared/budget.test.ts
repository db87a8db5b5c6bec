import {randomUUID} from 'node:crypto';
import {setTimeout as wait} from 'node:timers/promises';
import {createClient} from '@keyv/redis';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import type {BudgetLimit} from '../../../src/ask/budget/limit.ts';
import {BudgetRecord} from '../../../src/ask/shared/budget-script.ts';
import {BudgetShare} from '../../../src/ask/shared/budget-share.ts';
import {RedisBudget} from '../../../src/ask/shared/redis-budget.ts';
import {randomFraction, seededRandom} from '../../../src/data/random.ts';
import {BudgetError} from '../../../src/errors.ts';
import {LateError} from '../../../src/pace/shared/admission.ts';
import type {ScriptClient} from '../../../src/store/redis-script.ts';
import {NO_REDIS, startRedis} from '../../redis.ts';

const redis = await startRedis();
let client: ScriptClient & {
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(words: readonly string[]): Promise<unknown>;
};
beforeAll(async () => {
  if (redis === undefined) return;
  client = createClient({url: redis.url}) as unknown as typeof client;
  await client.connect();
});
afterAll(async () => {
  client?.destroy();
  await redis?.stop();
});

const teacher = {name: 'a payer', service: {price: {perMillionInputTokens: 1000}, worstCase: () => tokens(1).usage}};
const tokens = (inputTokens: number) => ({calls: 1, usage: {inputTokens, outputTokens: 0}});

/** The fates of a client's scripts: lost on the way there, or on the way back when they have taken effect. */
function shaky(fails: () => 'there' | 'back' | undefined): ScriptClient {
  const through = async <T>(run: () => Promise<T>): Promise<T> => {
    const failure = fails();
    if (failure === 'there') throw new Error('gone');
    const result = await run();
    if (failure === 'back') throw new Error('gone');
    return result;
  };
  return {
    eval: (script, use) => through(() => client.eval(script, use)),
    evalSha: (digest, use) => through(() => client.evalSha(digest, use)),
  };
}

/** A process that spends the budget of a run. */
async function join(
  run: string,
  limits?: readonly BudgetLimit[],
  {endedAfter = 30_000, by = client as ScriptClient} = {},
) {
  const notes: string[] = [];
  const record = new BudgetRecord(by, run, randomUUID(), {endedAfter, grace: 50});
  const share = new BudgetShare({record, run, onFailure: () => {}});
  const budget = new RedisBudget(share, note => notes.push(note));
  await new BudgetRecord(client, run, '').open(limits);
  await share.ask([]);
  return {budget, share, notes, teacher: budget.forTeacher(teacher)};
}

describe('the budget that processes share', () => {
  let run: string;
  beforeEach(context => {
    context.skip(redis === undefined, NO_REDIS);
    run = randomUUID();
  });

  it('lets all of them together through as far as it goes, and each waits for what another may give back', async () => {
    const [one, other] = await Promise.all([join(run, [{tokens: 100}]), join(run)]);
    await one.teacher.reserve(tokens(40));
    const held = await other.teacher.reserve(tokens(40));
    const waiting = one.teacher.reserve(tokens(40));
    await wait(50);
    held.settle(tokens(10));
    const third = await waiting;
    third.settle(tokens(40));
    expect((await other.teacher.reserveFirst([tokens(10), tokens(1)])).reservations).toHaveLength(1);
    await wait(150);
    await other.share.ask([]);
    expect(other.budget.spent).toMatchObject({calls: 2, tokens: 50});
  });

  it('refuses what does not fit when nothing is under way, and says what is left', async () => {
    const [one, other] = await Promise.all([join(run, [{tokens: 100}]), join(run)]);
    (await one.teacher.reserve(tokens(60))).settle(tokens(60));
    await expect(other.teacher.reserve(tokens(50))).rejects.toThrow(
      'The budget of 100 tokens has 40 tokens left, and the next request may come to 50 tokens.',
    );
    await expect(other.teacher.reserve(tokens(50))).rejects.toThrow(BudgetError);
  });

  it('belongs to the run: it outlives processes, and a larger one goes on from there', async () => {
    const first = await join(run, [{usd: 0.1}]);
    (await first.teacher.reserve(tokens(60))).settle(tokens(60));
    await first.budget.close();
    const second = await join(run);
    expect(second.budget).toMatchObject({limits: [{usd: 0.1}], spent: {calls: 1, tokens: 60, usd: 0.06}});
    await expect(second.teacher.reserve(tokens(60))).rejects.toThrow(BudgetError);
    await join(run, [{usd: 0.2}]);
    (await second.teacher.reserve(tokens(60))).settle(tokens(60));
    await expect(second.teacher.reserve(tokens(100))).rejects.toThrow(BudgetError);
  });

  it('counts what an ended process had reserved as spent', async () => {
    const dead = await join(run, [{tokens: 100}], {endedAfter: 30});
    await dead.teacher.reserve(tokens(70));
    const alive = await join(run, undefined, {endedAfter: 30});
    await wait(60);
    await expect(alive.teacher.reserve(tokens(40))).rejects.toThrow('has 30 tokens left');
    await alive.teacher.reserve(tokens(30));
  });

  it('tells all of a service that charges more than it may, and reserves more for it everywhere', async () => {
    const [one, other] = await Promise.all([join(run, [{tokens: 1000}]), join(run)]);
    const [charged, under] = [await one.teacher.reserve(tokens(10)), await other.teacher.reserve(tokens(100))];
    charged.settle(tokens(30));
    await wait(20);
    expect(one.notes).toHaveLength(1);
    // 30 are spent, 300 may be, and of 3 times 300 nothing fits beside them.
    await expect(Promise.race([other.teacher.reserve(tokens(300)), wait(300).then(() => 'waits')])).resolves.toBe(
      'waits',
    );
    under.settle(tokens(100));
    await wait(300);
    expect(other.budget.spent.tokens).toBe(130);
  });

  it('is told again by every process when the server has forgotten the last moments', async () => {
    const [one, other] = await Promise.all([join(run, [{tokens: 100}]), join(run)]);
    await other.teacher.reserve(tokens(10));
    const key = `limbeck-budget:1:${run}`;
    await client.sendCommand(['COPY', key, 'before']);
    await one.teacher.reserve(tokens(60));
    await client.sendCommand(['RENAME', 'before', key]);
    await client.sendCommand(['SCRIPT', 'FLUSH']);
    // Nothing is reserved until both had time to tell.
    const late = other.teacher.reserve(tokens(40));
    one.budget.tell();
    await expect(Promise.race([late.then(() => 'reserved'), wait(300).then(() => 'waits')])).resolves.toBe('waits');
  });

  it('pays for nothing more if the server comes back without it', async () => {
    const {teacher: drawn} = await join(run, [{tokens: 100}]);
    await client.sendCommand(['DEL', `limbeck-budget:1:${run}`]);
    await expect(drawn.reserve(tokens(1))).rejects.toThrow(`lost the budget of the run ${run}`);
  });

  it.each([1, 2])('is never passed, whatever fails and whoever dies when (seed %i)', async seed => {
    const draw = seededRandom(seed);
    const random = () => randomFraction(draw);
    const limit = 600;
    let [paid, deaths, refused] = [0, 0, 0];
    const life = async () => {
      let isDead = false;
      const fails = () => {
        if (isDead) return 'there' as const;
        const fate = random();
        return fate < 0.02 ? ('there' as const) : fate < 0.05 ? ('back' as const) : undefined;
      };
      const by = shaky(fails);
      const process = await join(run, [{tokens: limit}], {endedAfter: 200, by});
      const dies = Math.floor(random() * 40);
      let steps = 0;
      /** True if the process dies at this step. */
      const isOver = () => {
        isDead ||= steps++ > dies;
        return isDead;
      };
      const ask = async () => {
        for (let count = 0; count < 12 && !isOver(); count++) {
          const worst = 1 + Math.floor(random() * 30);
          const reservation = await Promise.race([
            process.teacher.reserve(tokens(worst)),
            wait(3000).then(() => undefined),
          ]);
          if (reservation === undefined || isOver()) return;
          const actual = Math.floor(random() * (worst + 1));
          paid += actual;
          await wait(random() * 5);
          if (isOver()) return;
          reservation.settle(tokens(actual));
        }
      };
      await Promise.all(
        [ask(), ask(), ask(), ask()].map(asking =>
          asking.catch(error => {
            if (error instanceof LateError) return;
            expect(error).toBeInstanceOf(BudgetError);
            refused++;
          }),
        ),
      );
      if (isDead) deaths++;
      else await process.budget.close().catch(() => {});
      process.share.leave = async () => {};
    };
    for (let round = 0; round < 4; round++) {
      await Promise.all([life(), life(), life(), life()]);
      expect(paid).toBeLessThanOrEqual(limit);
    }
    expect(deaths).toBeGreaterThan(2);
    expect(refused).toBeGreaterThan(0);
    await wait(50);
    const {budget} = await join(run, undefined, {endedAfter: 1});
    expect(paid).toBeLessThanOrEqual(budget.spent.tokens);
    expect(budget.spent.tokens).toBeLessThanOrEqual(limit);
  });
});
