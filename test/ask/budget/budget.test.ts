import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type Budget, createBudget, type Reservation} from '../../../src/ask/budget/budget.ts';
import type {BudgetLimit} from '../../../src/ask/budget/limit.ts';
import type {Charge} from '../../../src/ask/budget/price.ts';
import {BudgetError, InputError} from '../../../src/errors.ts';
import type {Price, Service, Teacher} from '../../../src/teacher.ts';

const tokens = (inputTokens: number, outputTokens = 0): Charge => ({calls: 1, usage: {inputTokens, outputTokens}});
const ONE_CALL: Charge = {calls: 1};
const NOT_SENT: Charge = {calls: 0};

function teacherWith(service: Partial<Service> = {}): Pick<Teacher, 'name' | 'service'> {
  const worstCase = () => ({inputTokens: 0, outputTokens: 0});
  return {name: 'a fake', service: {account: 'fake', reader: 1, read: () => [], worstCase, ...service}};
}

const drawOn = (budget: Budget, price?: Price) => budget.forTeacher(teacherWith(price && {price}));

/** Follows a promise without waiting for it. */
function watch<T>(promise: Promise<T>): {value?: T; error?: unknown} {
  const seen: {value?: T; error?: unknown} = {};
  promise.then(
    value => Object.assign(seen, {value}),
    (error: unknown) => Object.assign(seen, {error}),
  );
  return seen;
}

const settled = () => new Promise(resolve => setImmediate(resolve));

describe('a budget', () => {
  it('allows so many calls whatever the concurrency, and says at the end what is left', async () => {
    const budget = createBudget([{calls: 1000}]);
    const teacher = drawOn(budget);
    let sent = 0;
    const asking = Array.from({length: 4000}, async () => {
      const reservation = await teacher.reserve(ONE_CALL);
      sent++;
      await settled();
      reservation.settle(ONE_CALL);
    });
    const ends = await Promise.allSettled(asking);
    const failures = ends.flatMap(end => (end.status === 'rejected' ? [end.reason as Error] : []));
    expect([sent, failures.length, budget.spent.calls]).toEqual([1000, 3000, 1000]);
    expect(failures[0]).toBeInstanceOf(BudgetError);
    expect(failures[0]!.message).toBe(
      'The budget of 1,000 calls has 0 calls left, and the next request may come to 1 call. ' +
        'What was bought is kept: the same command with a larger budget goes on from there.',
    );
  });

  it('lets a request wait that fits as soon as another one comes to less than its worst case', async () => {
    const teacher = drawOn(createBudget([{tokens: 100}]));
    const first = await teacher.reserve(tokens(80));
    const waiting = watch(teacher.reserve(tokens(60)));
    await settled();
    expect(waiting).toEqual({});
    first.settle(tokens(40));
    await settled();
    expect(waiting.value).toBeDefined();
  });

  it('refuses at once if nothing is under way that could come to less, and reserves nothing', async () => {
    const budget = createBudget([{tokens: 100}]);
    const teacher = drawOn(budget);
    await expect(teacher.reserve(tokens(60, 41))).rejects.toThrow(BudgetError);
    (await teacher.reserve(tokens(60, 40))).settle(tokens(10));
    expect(budget.spent).toEqual({calls: 1, tokens: 10, usd: 0});
    await expect(teacher.reserve(tokens(91))).rejects.toThrow('has 90 tokens left');
  });

  it('refuses those who wait once the last request under way leaves too little', async () => {
    const teacher = drawOn(createBudget([{tokens: 100}]));
    const first = await teacher.reserve(tokens(80));
    const [large, small] = [watch(teacher.reserve(tokens(60))), watch(teacher.reserve(tokens(20)))];
    first.settle(tokens(80));
    await settled();
    expect(large.error).toBeInstanceOf(BudgetError);
    expect(small.value).toBeDefined();
  });

  it('serves waiting requests in order, so that a large request is not overtaken by small ones for ever', async () => {
    const teacher = drawOn(createBudget([{tokens: 100}]));
    const first = await teacher.reserve(tokens(80));
    const [large, small] = [watch(teacher.reserve(tokens(60))), watch(teacher.reserve(tokens(10)))];
    await settled();
    expect([large, small]).toEqual([{}, {}]);
    first.settle(tokens(10));
    await settled();
    expect([large.value, small.value]).not.toContain(undefined);
  });

  it('holds every one of several limits', async () => {
    const budget = createBudget([{calls: 10}, {usd: 0.05}, {tokens: 5000}]);
    const teacher = drawOn(budget, {perMillionInputTokens: 10});
    for (let call = 0; call < 5; call++) (await teacher.reserve(tokens(1000))).settle(tokens(900));
    expect(budget.spent).toEqual({calls: 5, tokens: 4500, usd: 0.045});
    await expect(teacher.reserve(tokens(501))).rejects.toThrow('The budget of $0.050 has $0.0050 left');
    await expect(teacher.reserve(tokens(500))).resolves.toBeDefined();
  });

  it('is one for all teachers of a run, each at its own price', async () => {
    const budget = createBudget([{usd: 1}]);
    const [cheap, dear] = [drawOn(budget, {perCall: 0.1}), drawOn(budget, {perCall: 0.8})];
    (await dear.reserve(ONE_CALL)).settle(ONE_CALL);
    (await cheap.reserve(ONE_CALL)).settle(ONE_CALL);
    expect(budget.spent.usd).toBe(0.9);
    await expect(dear.reserve(ONE_CALL)).rejects.toThrow('has $0.10 left');
    (await cheap.reserve(ONE_CALL)).settle(ONE_CALL);
    expect(budget.spent).toEqual({calls: 3, tokens: 0, usd: 1});
  });

  it('counts the call of a refusal and no tokens, and nothing of a request that never went out', async () => {
    const budget = createBudget([{tokens: 100}]);
    const teacher = drawOn(budget);
    (await teacher.reserve(tokens(100))).settle(ONE_CALL);
    expect(budget.spent).toEqual({calls: 1, tokens: 0, usd: 0});
    (await teacher.reserve(tokens(100))).settle(NOT_SENT);
    expect(budget.spent).toEqual({calls: 1, tokens: 0, usd: 0});
  });

  it('charges what was used if a worst case was none', async () => {
    const budget = createBudget([{tokens: 100}], () => {});
    const teacher = drawOn(budget);
    (await teacher.reserve(tokens(50))).settle(tokens(120));
    expect(budget.spent.tokens).toBe(120);
    await expect(teacher.reserve(tokens(1))).rejects.toThrow('is passed by 20 tokens, which a service charged beyond');
  });

  it('raises what is reserved for a teacher, and says so, when a request comes to more than it may', async () => {
    const notes: string[] = [];
    const budget = createBudget([{tokens: 100}], note => notes.push(note));
    const [teacher, other] = [drawOn(budget), budget.forTeacher({...teacherWith(), name: 'another'})];
    const [first] = [await teacher.reserve(tokens(0, 10)), await teacher.reserve(tokens(0, 10))];
    await other.reserve(tokens(0, 10));
    first.settle(tokens(0, 30));
    expect(notes).toEqual([expect.stringContaining('Teacher a fake counted 3 times the tokens')]);
    // 30 are spent, 30 reserved for the second request, and 10 for the other teacher's, which keeps its limits.
    const tooLarge = new AbortController();
    const large = watch(other.reserve(tokens(0, 31), tooLarge.signal));
    await settled();
    expect(large).toEqual({});
    tooLarge.abort();
    await expect(other.reserve(tokens(0, 30))).resolves.toBeDefined();
  });

  it('raises what waits, too', async () => {
    const budget = createBudget([{tokens: 100}], () => {});
    const [teacher, other] = [drawOn(budget), budget.forTeacher({...teacherWith(), name: 'another'})];
    const [first, held] = [await teacher.reserve(tokens(10)), await other.reserve(tokens(60))];
    const waiting = watch(teacher.reserve(tokens(40)));
    first.settle(tokens(20));
    await settled();
    expect(waiting).toEqual({});
    held.settle(NOT_SENT);
    await settled();
    expect(waiting.value).toBeDefined();
    // Its 80 and the 20 that are spent leave nothing.
    const next = watch(other.reserve(tokens(1)));
    await settled();
    expect(next).toEqual({});
  });

  it('reserves as much for a request of the same teacher by its batch lane', async () => {
    const budget = createBudget([{tokens: 100}], () => {});
    (await drawOn(budget).reserve(tokens(10))).settle(tokens(20));
    const {reservations, refusal} = await drawOn(budget, {perCall: 1}).reserveFirst(new Array(9).fill(tokens(10)));
    expect(reservations).toHaveLength(4);
    expect(refusal!.message).toContain('the next request may come to 20 tokens');
  });

  it('says nothing of a service that charges more than it may if only calls are limited', async () => {
    const notes: string[] = [];
    const teacher = drawOn(createBudget([{calls: 3}], note => notes.push(note)));
    (await teacher.reserve(tokens(10))).settle(tokens(20));
    expect(notes).toEqual([]);
  });

  it('takes a second settling for a bug', async () => {
    const reservation = await drawOn(createBudget()).reserve(ONE_CALL);
    reservation.settle(ONE_CALL);
    expect(() => reservation.settle(ONE_CALL)).toThrow(TypeError);
  });

  it('ends a wait at the abort of its signal and serves the next', async () => {
    const teacher = drawOn(createBudget([{tokens: 100}]));
    const first = await teacher.reserve(tokens(80));
    const controller = new AbortController();
    const [large, small] = [watch(teacher.reserve(tokens(60), controller.signal)), watch(teacher.reserve(tokens(20)))];
    await settled();
    controller.abort(new Error('stopped'));
    await settled();
    expect(large.error).toEqual(new Error('stopped'));
    expect(small.value).toBeDefined();
    first.settle(NOT_SENT);
    await expect(teacher.reserve(tokens(80), controller.signal)).rejects.toThrow('stopped');
    await expect(teacher.reserve(tokens(80))).resolves.toBeDefined();
  });

  it('without limits counts and never refuses', async () => {
    const budget = createBudget();
    const teacher = drawOn(budget, {perCall: 1000});
    for (let call = 0; call < 3; call++) (await teacher.reserve(tokens(1e9))).settle(tokens(1e9));
    expect(budget.spent).toEqual({calls: 3, tokens: 3e9, usd: 3000});
  });
});

describe('a budget that can not be kept', () => {
  it('is refused for want of a price, with words on how to give one', () => {
    const opening = () => createBudget([{usd: 5}]).forTeacher(teacherWith());
    expect(opening).toThrow(InputError);
    expect(opening).toThrow('The price of teacher a fake is not known, so a budget of $5.00 can');
    expect(opening).toThrow('`price: {perCall, perMillionInputTokens, perMillionOutputTokens}`');
    expect(() => createBudget([{usd: 5}]).forTeacher(teacherWith({price: {}}))).not.toThrow();
    expect(() => createBudget([{calls: 5}]).forTeacher(teacherWith())).not.toThrow();
  });

  it('is refused if tokens matter and nobody knows how many a request may use', () => {
    const {name, service} = teacherWith();
    const {worstCase: _, ...uncounted} = service!;
    const open = (limit: BudgetLimit, price?: Price) => () =>
      createBudget([limit]).forTeacher({name, service: {...uncounted, ...(price && {price})}});
    expect(open({tokens: 100})).toThrow('how many tokens a request may use, so a budget of 100 tokens can');
    expect(open({usd: 1}, {perMillionOutputTokens: 1})).toThrow('Give the budget in calls.');
    expect(open({usd: 1}, {perCall: 1})).not.toThrow();
    expect(open({calls: 1})).not.toThrow();
  });

  it('refuses a request without a bound, such as one about an image, unless tokens do not matter', async () => {
    const reserve = (limit: BudgetLimit, price: Price = {}) =>
      createBudget([limit]).forTeacher(teacherWith({price})).reserve({calls: 1, usage: undefined});
    await expect(reserve({tokens: 100})).rejects.toThrow('give the adapter `imageTokens`');
    await expect(reserve({usd: 1}, {perMillionInputTokens: 1})).rejects.toThrow(InputError);
    await expect(reserve({usd: 1}, {perCall: 0.1})).resolves.toBeDefined();
    await expect(reserve({calls: 1})).resolves.toBeDefined();
  });

  it('is refused if nobody can say the most that a request costs, with why and what to do', () => {
    const open =
      (limit: BudgetLimit, of: 'tokens' | 'fees', price: Price = {}) =>
      () =>
        createBudget([limit]).forTeacher(teacherWith({price, unbounded: {of, problem: 'Nothing limits an answer.'}}));
    const byToken = {perMillionInputTokens: 1};
    expect(open({usd: 1}, 'tokens', byToken)).toThrow(
      "Nobody can say the most that a request to teacher a fake costs, so a budget of $1.00 can't be kept. Nothing " +
        'limits an answer. Or give the budget in calls.',
    );
    expect(open({tokens: 100}, 'tokens')).toThrow(InputError);
    expect(open({tokens: 100}, 'fees')).toThrow(InputError);
    expect(open({usd: 1}, 'fees', {perCall: 1})).toThrow(InputError);
    expect(open({usd: 1}, 'tokens', {perCall: 1})).not.toThrow();
    // Who gives no price says that it is free.
    expect(open({usd: 1}, 'fees')).not.toThrow();
    expect(open({calls: 1}, 'fees', byToken)).not.toThrow();
  });

  it('is not refused for a teacher that answers in this process', () => {
    expect(() => createBudget([{usd: 5}, {tokens: 1}]).forTeacher({name: 'here'})).not.toThrow();
  });

  it('is refused if its amount or a price is none', () => {
    expect(() => createBudget([{calls: 0.5}])).toThrow(InputError);
    expect(() => createBudget([{usd: Number.NaN}])).toThrow(InputError);
    expect(() => createBudget().forTeacher(teacherWith({price: {perCall: -1}}))).toThrow(InputError);
  });
});

describe('under any interleaving of requests', () => {
  const request = fc.record({
    worst: fc.record({inputTokens: fc.nat(1000), outputTokens: fc.nat(1000)}),
    /** How much of the worst case is used, in per cent. */
    used: fc.integer({min: 0, max: 100}),
    fate: fc.constantFrom('answered', 'refused', 'lost', 'never sent', 'stopped waiting'),
  });
  const limits = fc.array(
    fc.oneof(
      fc.integer({min: 1, max: 40}).map(calls => ({calls})),
      fc.integer({min: 1, max: 20_000}).map(count => ({tokens: count})),
      fc.integer({min: 1, max: 300}).map(tenths => ({usd: tenths / 10_000})),
    ),
    {minLength: 1, maxLength: 3},
  );
  /** Of which 1000 tokens cost what has no end in binary. */
  const price: Price = {perCall: 0.0001, perMillionInputTokens: 0.7, perMillionOutputTokens: 1.1};

  /** In nano-dollars, exactly. */
  const exact = ({calls, usage: {inputTokens, outputTokens} = {inputTokens: 0, outputTokens: 0}}: Charge) =>
    BigInt(calls) * 100_000n + BigInt(inputTokens) * 700n + BigInt(outputTokens) * 1100n;

  const scaled = ({inputTokens, outputTokens}: {inputTokens: number; outputTokens: number}, used: number) => ({
    inputTokens: Math.floor((inputTokens * used) / 100),
    outputTokens: Math.floor((outputTokens * used) / 100),
  });

  function within(budget: Budget, more: Charge): boolean {
    const {calls, tokens: spentTokens, usd} = budget.spent;
    const {inputTokens = 0, outputTokens = 0} = more.usage ?? {};
    return budget.limits.every(limit => {
      if ('calls' in limit) return calls + more.calls <= limit.calls;
      if ('tokens' in limit) return spentTokens + inputTokens + outputTokens <= limit.tokens;
      return Math.round(usd * 1e9) + Number(exact(more)) <= Math.round(limit.usd * 1e9);
    });
  }

  it('never passes a limit, ends only if the next worst case does not fit, and adds up exactly', async () => {
    await fc.assert(
      fc.asyncProperty(
        limits,
        fc.array(request, {maxLength: 60}),
        fc.scheduler(),
        async (chosen, requests, scheduler) => {
          const budget = createBudget(chosen);
          const teacher = drawOn(budget, price);
          let paid = 0n;
          const ask = async ({worst, used, fate}: (typeof requests)[number]) => {
            await scheduler.schedule(Promise.resolve(), 'begins');
            const controller = new AbortController();
            const charge: Charge = {calls: 1, usage: worst};
            const reserving = teacher.reserve(charge, controller.signal);
            if (fate === 'stopped waiting') {
              scheduler.schedule(Promise.resolve(), 'stops').then(() => controller.abort(new Error('stopped')));
            }
            let reservation: Reservation;
            try {
              reservation = await reserving;
            } catch (error) {
              if (!(error instanceof BudgetError)) return;
              // Others may have been let in since: as the error was made nothing was under way, and nothing has settled.
              expect(within(budget, charge)).toBe(false);
              return;
            }
            await scheduler.schedule(Promise.resolve(), 'replies');
            const actual: Charge =
              fate === 'never sent'
                ? NOT_SENT
                : fate === 'refused'
                  ? ONE_CALL
                  : {calls: 1, usage: fate === 'lost' ? worst : scaled(worst, used)};
            paid += exact(actual);
            reservation.settle(actual);
            expect(within(budget, NOT_SENT)).toBe(true);
          };
          const asking = requests.map(ask);
          await scheduler.waitFor(Promise.all(asking));
          expect(BigInt(Math.round(budget.spent.usd * 1e9))).toBe(paid);
        },
      ),
      {numRuns: 300},
    );
  });
});

describe('what goes out together', () => {
  it('is let through as far as the budget holds it, with the reason why no further', async () => {
    const budget = createBudget([{tokens: 100}]);
    const teacher = drawOn(budget);
    const {refusal, reservations} = await teacher.reserveFirst([tokens(40), tokens(50), tokens(20), tokens(5)]);
    expect(reservations).toHaveLength(2);
    expect(refusal).toBeInstanceOf(BudgetError);
    expect(refusal!.message).toContain('the next request may come to 20 tokens');
    expect(await teacher.reserveFirst([tokens(20)])).toMatchObject({
      reservations: [],
      refusal: expect.any(BudgetError),
    });
    for (const reservation of reservations) reservation.settle(tokens(15));
    expect(budget.spent).toMatchObject({calls: 2, tokens: 30});
    expect(await teacher.reserveFirst([tokens(70)])).toMatchObject({reservations: [{}]});
    expect(() => reservations[0]!.settle(tokens(1))).toThrow(TypeError);
  });

  it('shares the budget with what goes out alone', async () => {
    const teacher = drawOn(createBudget([{calls: 5}]));
    await teacher.reserve(ONE_CALL);
    expect((await teacher.reserveFirst(new Array(9).fill(ONE_CALL))).reservations).toHaveLength(4);
    expect((await teacher.reserveFirst([ONE_CALL])).refusal).toBeInstanceOf(BudgetError);
  });

  it('is whole if there is no limit', async () => {
    const {reservations, refusal} = await drawOn(createBudget()).reserveFirst([tokens(40), tokens(50)]);
    expect({count: reservations.length, refusal}).toEqual({count: 2, refusal: undefined});
  });
});
