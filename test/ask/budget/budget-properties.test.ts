import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {createBudget} from '../../../src/ask/budget/budget.ts';
import type {BudgetLimit} from '../../../src/ask/budget/limit.ts';
import {type Charge, costOf} from '../../../src/ask/budget/price.ts';
import {withCalls} from '../../../src/ask/calls.ts';
import {createLedger} from '../../../src/ask/ledger.ts';
import {BudgetError, TeacherError} from '../../../src/errors.ts';
import type {Price, Service, Usage} from '../../../src/teacher.ts';
import {about} from '../fake-teacher.ts';
import {ok, payingTeacher} from '../paying-teacher.ts';

/** The fate of one request. */
interface Turn {
  readonly worst: Usage;
  /** How many times of its worst case it is charged. */
  readonly ratio: number;
  readonly fate: 'answered' | 'uncounted' | 'nonsense' | 'lost' | 'refused' | 'unheard' | 'stopped';
}

const price: Price = {perCall: 0.0001, perMillionInputTokens: 0.7, perMillionOutputTokens: 1.1};

const limits = fc.array(
  fc.oneof(
    fc.integer({min: 1, max: 40_000}).map(count => ({tokens: count})),
    fc.integer({min: 1, max: 400}).map(tenths => ({usd: tenths / 10_000})),
  ),
  {minLength: 1, maxLength: 2},
);

const turns = (ratio: fc.Arbitrary<number>) =>
  fc.array(
    fc.record({
      worst: fc.record({inputTokens: fc.nat(1000), outputTokens: fc.nat(1000)}),
      ratio,
      fate: fc.constantFrom<Turn['fate']>(
        ...(['answered', 'answered', 'answered', 'uncounted', 'nonsense'] as const),
        ...(['lost', 'refused', 'unheard', 'stopped'] as const),
      ),
    }),
    {minLength: 1, maxLength: 50},
  );

const amountOf = (limit: BudgetLimit, charge: Charge): number =>
  'usd' in limit ? Math.round(costOf(price, charge) * 1e9) : charge.usage!.inputTokens + charge.usage!.outputTokens;
const mostOf = (limit: BudgetLimit): number =>
  'usd' in limit ? limit.usd * 1e9 : 'tokens' in limit ? limit.tokens : 0;

/** Lets requests go as they will, and says what the service charged, and those it charged beyond their limits unseen. */
async function run(chosen: readonly BudgetLimit[], script: readonly Turn[], scheduler: fc.Scheduler) {
  const [charged, underWay, whenSeen] = [new Map<number, Charge>(), new Set<number>(), new Set<number>()];
  let record = 1;
  const fate = (number: number) => script[number]!;
  const chargeOf = ({worst, ratio, fate: becomes}: Turn): Charge => {
    // More than the worst case can only be known of what is counted.
    const times = becomes === 'answered' ? ratio : Math.min(1, ratio);
    const [inputTokens, outputTokens] = [worst.inputTokens, Math.floor(times * worst.outputTokens)];
    return {calls: 1, usage: {inputTokens, outputTokens}};
  };
  const said = (number: number): unknown => {
    if (fate(number).fate === 'uncounted') return undefined;
    return fate(number).fate === 'nonsense' ? {inputTokens: -1e6, outputTokens: 0.5} : charged.get(number)!.usage;
  };
  const service: Partial<Service<'black-box'>> = {
    price,
    worstCase: ([query]) => fate(Number((query!.input as {text: string}).text)).worst,
    receipt: ({body}) => {
      const {number} = JSON.parse(body) as {number: number};
      const {worst, ratio, fate: becomes} = fate(number);
      // Many times nothing is nothing: nobody can see it.
      if (becomes === 'answered' && ratio > record && worst.outputTokens > 0) {
        record = ratio;
        for (const other of underWay) whenSeen.add(other);
      }
      return {usage: said(number) as Usage};
    },
  };
  const payer = payingTeacher();
  const teacher = {
    ...payer,
    service: {...payer.service, ...service},
    async ask([query]: Parameters<typeof payer.ask>[0], {exchange}: Parameters<typeof payer.ask>[1] = {}) {
      const number = Number((query!.input as {text: string}).text);
      const {fate: becomes} = fate(number);
      await exchange!([0], async () => {
        underWay.add(number);
        if (becomes === 'unheard') throw new TeacherError('a payer', 'Nothing answers.');
        if (becomes !== 'refused') charged.set(number, chargeOf(fate(number)));
        await scheduler.schedule(Promise.resolve(), 'replies');
        if (becomes === 'lost') throw new TeacherError('a payer', 'It broke.', {inDoubt: true});
        if (becomes === 'stopped') throw new DOMException('aborted', 'AbortError');
        return becomes === 'refused' ? {status: 500, headers: {}, body: ''} : ok({number});
      }).finally(() => underWay.delete(number));
      return [{answer: {kind: 'label' as const, label: 0}}];
    },
  };
  const [budget, ledger] = [createBudget(chosen, () => {}), createLedger()];
  const layered = withCalls(teacher, {budget: budget.forTeacher(teacher), ledger, onNote: () => {}});
  const asking = script.map(async (_, number) => {
    await scheduler.schedule(Promise.resolve(), 'begins');
    const [outcome] = await layered.ask(about(number)).catch((error: Error) => [{error}]);
    if (outcome && 'error' in outcome && outcome.error instanceof BudgetError) expect(charged.has(number)).toBe(false);
  });
  await scheduler.waitFor(Promise.all(asking));
  return {budget, ledger, charged, whenSeen};
}

describe('a budget of money or tokens, whatever fails and whatever is under way', () => {
  it('is never passed by a service that charges no more than its limits, and nothing is left out of what is spent', async () => {
    await fc.assert(
      fc.asyncProperty(limits, turns(fc.constantFrom(0, 0.5, 1)), fc.scheduler(), async (chosen, script, scheduler) => {
        const {budget, charged} = await run(chosen, script, scheduler);
        for (const limit of chosen) {
          const total = [...charged.values()].reduce((sum, charge) => sum + amountOf(limit, charge), 0);
          const spent = 'usd' in limit ? Math.round(budget.spent.usd * 1e9) : budget.spent.tokens;
          expect(total).toBeLessThanOrEqual(spent);
          expect(spent).toBeLessThanOrEqual(Math.round(mostOf(limit)));
        }
      }),
      {numRuns: 300},
    );
  });

  const isWithin = async (chosen: readonly BudgetLimit[], script: readonly Turn[], scheduler: fc.Scheduler) => {
    const {budget, charged, whenSeen} = await run(chosen, script, scheduler);
    for (const limit of chosen) {
      const beyond = [...whenSeen].reduce((sum, number) => {
        const most = amountOf(limit, {calls: 1, usage: script[number]!.worst});
        return sum + Math.max(0, charged.has(number) ? amountOf(limit, charged.get(number)!) - most : 0);
      }, 0);
      const spent = 'usd' in limit ? Math.round(budget.spent.usd * 1e9) : budget.spent.tokens;
      expect(spent).toBeLessThanOrEqual(Math.round(mostOf(limit)) + beyond);
    }
    return {budget, whenSeen};
  };

  it('is passed by a service that ignores its limits by no more than what it charged beyond them for what was under way when that was first seen', async () => {
    const ratio = fc.integer({min: 2, max: 400});
    await fc.assert(
      fc.asyncProperty(limits, ratio, turns(fc.constant(1)), fc.scheduler(), (chosen, times, script, scheduler) =>
        isWithin(
          chosen,
          script.map(turn => ({...turn, ratio: times})),
          scheduler,
        ).then(() => {}),
      ),
      {numRuns: 300},
    );
  });

  it('is passed by one that charges what it likes by no more than that, for each time that it is seen to charge more', async () => {
    const ratio = fc.oneof(fc.constantFrom(0.5, 1), fc.integer({min: 2, max: 50}));
    await fc.assert(
      fc.asyncProperty(limits, turns(ratio), fc.scheduler(), async (chosen, script, scheduler) => {
        await isWithin(chosen, script, scheduler);
      }),
      {numRuns: 300},
    );
  });
});
