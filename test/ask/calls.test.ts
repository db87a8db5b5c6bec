import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {createBudget} from '../../src/ask/budget/budget.ts';
import {type CallsOptions, withCalls} from '../../src/ask/calls.ts';
import {createLedger} from '../../src/ask/ledger.ts';
import {onceEach} from '../../src/ask/notes.ts';
import {untilAborted} from '../../src/concurrency.ts';
import {AnswerStoreError, BudgetError, TeacherError} from '../../src/errors.ts';
import {type AdmissionRequest, createAdmission} from '../../src/pace/admission.ts';
import {type Journal, openJournal} from '../../src/store/journal/journal.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import type {Reply, Service} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';
import {labels, ok, payingTeacher, refusal} from './paying-teacher.ts';

const folder = () => mkdtemp(join(tmpdir(), 'limbeck-calls-'));
const keysOf = (...numbers: readonly number[]) =>
  about(...numbers).map(query => answerKey(payingTeacher().identity, query));

/** A journal that notes the order in which it is called, in front of a real one. */
async function noting() {
  const journal = await openJournal(await folder());
  const notes: string[] = [];
  const noted: Journal = {
    recovered: journal.recovered,
    unknown: journal.unknown,
    received: journal.received,
    batches: journal.batches,
    quarantined: journal.quarantined,
    skipped: journal.skipped,
    sent: async keys => {
      const id = await journal.sent(keys);
      notes.push(`sent ${keys.length}`);
      return id;
    },
    replied: async (id, reply) => {
      const location = await journal.replied(id, reply);
      notes.push('replied');
      return location;
    },
    receive: (keys, reply) => journal.receive(keys, reply),
    told: keys => journal.told(keys),
    refused: (id, reply) => {
      notes.push(`refused ${reply.status}`);
      journal.refused(id, reply);
    },
    failed: (id, why, inDoubt) => {
      notes.push(`failed${inDoubt ? ' in doubt' : ''}: ${why}`);
      journal.failed(id, why, inDoubt);
    },
    done: id => {
      notes.push('done');
      journal.done(id);
    },
    settled: keys => journal.settled(keys),
    quarantine: (key, entry) => journal.quarantine(key, entry),
    kept: entries => journal.kept(entries),
    find: keys => journal.find(keys),
    takeOver: () => journal.takeOver(),
    read: location => journal.read(location),
    close: () => journal.close(),
  };
  return {journal: noted, notes};
}

describe('withCalls', () => {
  it('writes a request down before it goes out, and keeps its reply before it is read', async () => {
    const {journal, notes} = await noting();
    const payer = payingTeacher(numbers => {
      notes.push('request');
      return labels(numbers);
    });
    const reading = {
      ...payer,
      ask: async (...asked: Parameters<typeof payer.ask>) => {
        const outcomes = await payer.ask(...asked);
        notes.push('read');
        return outcomes;
      },
    };
    const [first] = await withCalls(reading, {journal}).ask(about(1, 2));
    expect(notes).toEqual(['sent 2', 'request', 'replied', 'read']);
    const {call} = first as unknown as {call: {location: Parameters<Journal['read']>[0]; receipt: object}};
    expect(call.receipt).toEqual({model: 'fake-1', usage: {inputTokens: 20, outputTokens: 0}});
    expect(await journal.read(call.location)).toEqual({keys: keysOf(1, 2), reply: labels([1, 2])});
  });

  it('sends nothing while the server of the store is away, and nothing at all if it is stopped meanwhile', async () => {
    let back = () => {};
    const away = new Promise<void>(resolve => {
      back = resolve;
    });
    const payer = payingTeacher();
    const teacher = withCalls(payer, {store: {whenThere: signal => untilAborted(away, signal)}});
    const stop = new AbortController();
    const stopped = teacher.ask(about(1), {stop: stop.signal});
    const asked = teacher.ask(about(2));
    stop.abort(new Error('enough'));
    await expect(stopped).rejects.toThrow('enough');
    expect(payer.requests).toEqual([]);
    back();
    await asked;
    expect(payer.requests).toEqual([[2]]);
  });

  it('counts calls, refusals, tokens and money', async () => {
    const ledger = createLedger();
    const payer = payingTeacher((numbers, request) => (request === 1 ? refusal(429) : labels(numbers)));
    const teacher = withCalls(payer, {ledger});
    await expect(teacher.ask(about(1))).rejects.toThrow('It answered 429.');
    await teacher.ask(about(1, 2));
    expect(ledger.snapshot()).toMatchObject({calls: 2, refused: 1, inputTokens: 20, outputTokens: 0, usd: 20e-6});
  });

  it('settles the budget by what a request came to, and the worst case of one in doubt', async () => {
    const budget = createBudget([{tokens: 100}]);
    const payer = payingTeacher((numbers, request) =>
      request === 2 ? new TeacherError('a payer', 'The connection broke.', {inDoubt: true}) : labels(numbers),
    );
    const teacher = withCalls(payer, {budget: budget.forTeacher(payer)});
    await teacher.ask(about(1, 2));
    expect(budget.spent).toMatchObject({calls: 1, tokens: 20});
    await expect(teacher.ask(about(3, 4))).rejects.toThrow('The connection broke.');
    expect(budget.spent).toMatchObject({calls: 2, tokens: 50});
  });

  const settledAfter = async (respond: () => Reply | Error, options: Partial<CallsOptions> = {}) => {
    const budget = createBudget([{tokens: 1000}]);
    const ledger = createLedger();
    const payer = payingTeacher(respond);
    const teacher = withCalls(payer, {budget: budget.forTeacher(payer), ledger, onNote: () => {}, ...options});
    const outcome = await teacher.ask(about(1, 2)).catch((error: Error) => error);
    // The remaining reservation would not fit beside the whole budget.
    const left = 1000 - budget.spent.tokens;
    await budget.forTeacher(payer).reserve({calls: 1, usage: {inputTokens: left, outputTokens: 0}});
    const {inputTokens, outputTokens} = ledger.snapshot();
    expect(inputTokens + outputTokens).toBe(budget.spent.tokens);
    return {outcome, spent: budget.spent};
  };
  const worst = {calls: 1, tokens: 30};

  it('settles by what it came to if the disk is full as its reply is written', async () => {
    const {journal} = await noting();
    const replied = async () => {
      throw new AnswerStoreError('The disk is full.');
    };
    const {outcome, spent} = await settledAfter(() => labels([1, 2]), {journal: {...journal, replied}});
    // The layer that keeps the answers throws it when they are kept.
    expect(outcome).toMatchObject([1, 2].map(() => ({call: {failure: expect.any(AnswerStoreError)}})));
    expect(spent).toMatchObject({calls: 1, tokens: 20});
  });

  it.each([
    ['a timeout in doubt', new TeacherError('a payer', 'It did not answer in time.', {retryable: true, inDoubt: true})],
    ['an abort under way', new DOMException('This operation was aborted', 'AbortError')],
    ['an error that nobody foresaw', new TypeError('x is not a function')],
    ['a paid reply that can not be read as it comes', new TeacherError('a payer', 'No JSON.', {unreadable: true})],
  ])('settles by the worst case after %s', async (_, error) => {
    const {spent} = await settledAfter(() => error as Error);
    expect(spent).toMatchObject(worst);
  });

  it('settles by no tokens what the service never heard of, or refused', async () => {
    const unheard = await settledAfter(() => new TeacherError('a payer', 'Nothing answers.', {retryable: true}));
    const refused = await settledAfter(() => refusal(500));
    expect([unheard.spent, refused.spent]).toMatchObject([
      {calls: 1, tokens: 0},
      {calls: 1, tokens: 0},
    ]);
  });

  it('settles by what earlier requests for the same answer used before one was refused', async () => {
    const used = {inputTokens: 12, outputTokens: 1};
    const refused = await settledAfter(() => ({...refusal(500), used}));
    expect(refused.spent).toMatchObject({calls: 1, tokens: 13});
  });

  it('counts nothing of a request that is broken off before it goes out', async () => {
    const {journal, notes} = await noting();
    const abort = new AbortController();
    const sent = async (keys: readonly string[]) => {
      abort.abort(new Error('enough'));
      return journal.sent(keys);
    };
    const [budget, ledger, payer] = [createBudget(), createLedger(), payingTeacher()];
    const calls = {budget: budget.forTeacher(payer), journal: {...journal, sent}, ledger};
    await expect(withCalls(payer, calls).ask(about(1), {signal: abort.signal})).rejects.toThrow('enough');
    expect([budget.spent.calls, ledger.snapshot().calls, payer.requests]).toEqual([0, 0, []]);
    expect(notes).toEqual(['sent 1', 'failed: enough']);
  });

  it.each([
    ['negative', {tokens: -5000}],
    ['a fraction', {tokens: 0.5}],
    ['a text', {tokens: '7'}],
    ['not there', {}],
    ['no number', {tokens: null}],
  ])('counts the worst case of usage that is %s, and says so once', async (_, usage) => {
    const [budget, ledger, notes] = [createBudget([{usd: 1}]), createLedger(), [] as string[]];
    const payer = payingTeacher(numbers => ok({labels: numbers, ...usage}));
    const receipt: Service['receipt'] = ({body}) => ({
      usage: {inputTokens: (JSON.parse(body) as {tokens: number}).tokens, outputTokens: 0},
    });
    const asked = {...payer, service: {...payer.service, receipt}};
    const onNote = onceEach(note => notes.push(note));
    const teacher = withCalls(asked, {budget: budget.forTeacher(asked), ledger, onNote});
    for (const number of [0, 1, 2]) await teacher.ask(about(number));
    expect(budget.spent).toEqual({calls: 3, tokens: 45, usd: 60e-6});
    expect(ledger.snapshot()).toMatchObject({inputTokens: 30, outputTokens: 15, usd: 60e-6});
    expect(notes).toEqual([expect.stringContaining("Teacher a payer doesn't say how many tokens a request used")]);
  });

  it('sends nothing past the budget, and says so of each query', async () => {
    const payer = payingTeacher();
    const budget = createBudget([{calls: 1}]).forTeacher(payer);
    const teacher = withCalls(payer, {budget});
    await teacher.ask(about(1, 2));
    const outcomes = await teacher.ask(about(3, 4));
    for (const outcome of outcomes) expect(outcome).toMatchObject({error: expect.any(BudgetError)});
    expect(payer.requests).toEqual([[1, 2]]);
  });

  it('sends nothing that can not be written down, and reserves nothing for it', async () => {
    const {journal} = await noting();
    const full = {
      ...journal,
      sent: async () => {
        throw new AnswerStoreError('The disk is full.');
      },
    };
    const payer = payingTeacher();
    const budget = createBudget([{calls: 1}]);
    const teacher = withCalls(payer, {journal: full, budget: budget.forTeacher(payer)});
    await expect(teacher.ask(about(1))).rejects.toThrow('The disk is full.');
    expect(payer.requests).toEqual([]);
    expect(budget.spent).toMatchObject({calls: 0});
  });

  it('notes what no reply came of, and whether that is in doubt', async () => {
    const {journal, notes} = await noting();
    const errors = [
      new TeacherError('a payer', 'Nothing answers.'),
      new TeacherError('a payer', 'It broke.', {inDoubt: true}),
    ];
    const ledger = createLedger();
    const teacher = withCalls(
      payingTeacher((_, request) => errors[request - 1]!),
      {journal, ledger},
    );
    await expect(teacher.ask(about(1))).rejects.toThrow('Nothing answers.');
    await expect(teacher.ask(about(2))).rejects.toThrow('It broke.');
    expect(notes).toEqual([
      'sent 1',
      'failed: Teacher a payer: Nothing answers.',
      'sent 1',
      'failed in doubt: Teacher a payer: It broke.',
    ]);
    expect(ledger.snapshot()).toMatchObject({calls: 2, inDoubt: 1});
  });

  it('gives each query the error of a paid reply that can not be read, and sees that call to its end', async () => {
    const {journal, notes} = await noting();
    const teacher = withCalls(
      payingTeacher(() => ({status: 200, headers: {}, body: '{"labels": [1'})),
      {journal},
    );
    const unguarded = {...teacher};
    const outcomes = await unguarded.ask(about(1, 2));
    expect(outcomes).toMatchObject([
      {error: {unreadable: true}, call: {location: {}}},
      {error: {unreadable: true}, call: {location: {}}},
    ]);
    expect(notes.at(-1)).toBe('done');
  });

  it('sends nothing after a stop', async () => {
    const payer = payingTeacher();
    const stop = AbortSignal.abort(new Error('enough'));
    await expect(withCalls(payer).ask(about(1), {stop})).rejects.toThrow('enough');
    expect(payer.requests).toEqual([]);
  });

  it('says of a request whether its queries were asked before', async () => {
    const waiting: (boolean | undefined)[] = [];
    const admission = {
      state: createAdmission({concurrency: 1}).state,
      run(request: AdmissionRequest) {
        waiting.push(request.isAgain);
        return request.send();
      },
    };
    const teacher = withCalls(payingTeacher(), {admission});
    await teacher.ask(about(1));
    await teacher.ask(about(1), {isAgain: true});
    expect(waiting).toEqual([false, true]);
  });

  it('only counts the calls of a teacher in this process, which a stop may break off', async () => {
    const ledger = createLedger();
    const local = fakeTeacher<'black-box'>({access: 'black-box', detail: {kind: 'label'}}, numbers =>
      numbers.map(labelled),
    );
    const {signal} = new AbortController();
    await withCalls(local, {ledger}).ask(about(1, 2), {stop: signal});
    expect(local.options).toEqual([{signal}]);
    expect(ledger.snapshot()).toMatchObject({calls: 1});
  });
});

it('the paying teacher of these tests reads what it wrote', async () => {
  expect(await payingTeacher().ask(about(4, 5))).toEqual([labelled(4), labelled(5)]);
  await expect(payingTeacher(() => ok({labels: [7]})).ask(about(1))).resolves.toMatchObject([
    {error: {unreadable: true}},
  ]);
});
