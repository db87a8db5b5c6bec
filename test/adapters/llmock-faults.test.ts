import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {BudgetError} from '../../src/errors.ts';
import {openAnswerStore, stack} from '../../src/public/ask.ts';
import type {Teacher} from '../../src/teacher.ts';
import {type Fault, type FaultyDoor, openFaultyDoor} from '../servers/faulty-door.ts';
import {type Behavior, type Llmock, type Served, startLlmock} from '../servers/llmock.ts';
import {NO_SERVERS, programsOf} from '../servers/python-server.ts';
import {ANSWERS, askAbout, CLIENTS, keyOf, type Run} from './llmock-clients.ts';
import {text} from './replay.ts';

const names = Object.keys(CLIENTS);

/** Faults of the network, each once per text. */
const FAULTS: readonly Fault[] = ['drops', 'loses', 'truncates', 'hangs', 'drips', 'garbles', 'page'];
/** After these nobody knows whether the request was paid for. */
const IN_DOUBT: readonly Fault[] = ['drops', 'loses', 'truncates', 'hangs', 'drips'];

describe.skipIf(programsOf('servers') === undefined)(`clients of a llmock that fails (else: ${NO_SERVERS})`, () => {
  let server: Llmock;
  let root: string;
  let folder: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'limbeck-llmock-'));
    server = (await startLlmock())!;
  }, 60_000);

  // A second attempt at a test finds no answers of the first.
  beforeEach(async () => {
    folder = await mkdtemp(join(root, 'test-'));
    await server.reset();
  });

  afterAll(async () => {
    await server?.stop();
    await rm(root, {recursive: true, force: true});
  });

  const open = (name: string, model: string, url = server.url, timeout = 60_000): Teacher =>
    CLIENTS[name]!({url, model, timeout});

  /** The requests that llmock saw of each client, and the faults that it found. */
  const judge = async () => {
    const requests = await server.requests();
    const {findings} = await server.verdict();
    const seen = (model: string): readonly Served[] => requests.filter(request => request.model === model);
    return {
      seen,
      findings(model: string): readonly string[] {
        const own = new Set(seen(model).map(({seq}) => seq));
        return findings.filter(found => found.requests.some(seq => own.has(seq))).map(({code}) => code);
      },
    };
  };

  /** Asks in every client's way at once, each as a model of its own. */
  const askInEveryWay = async (
    purpose: string,
    script: (model: string) => readonly Behavior[],
    ask: (name: string, model: string) => Promise<Run>,
  ) => {
    const models = names.map(name => `${name}-${purpose}`);
    await server.unscript();
    await server.script(...models.flatMap(script), ...ANSWERS);
    return Promise.all(
      names.map(async (name, index) => ({name, model: models[index]!, ...(await ask(name, models[index]!))})),
    );
  };

  it('asks again after every status that can pass, once each, and not before it may', async () => {
    const statuses = [408, 409, 429, 500, 502, 503, 504, 529];
    const runs = await askInEveryWay(
      'passing',
      model => statuses.map(status => ({type: 'fail', status, match: {model}})),
      (name, model) => askAbout(open(name, model), 40, {folder: join(folder, model)}),
    );
    const {seen, findings} = await judge();
    for (const {model, outcomes, ledger} of runs) {
      expect(outcomes.filter(outcome => 'answer' in outcome)).toHaveLength(40);
      expect(ledger).toMatchObject({bought: 40, calls: 48, refused: 1, setAside: 0, inDoubt: 0});
      const failures = seen(model).filter(({status}) => status !== 200);
      expect(failures.map(({status}) => status).sort()).toEqual(statuses);
      expect(findings(model)).toEqual([]);
    }
  });

  it.each([400, 401, 402, 403, 404, 413, 422])('stops at a %i, asks no more, and gives away no key', async status => {
    const runs = await askInEveryWay(
      `status-${status}`,
      model => [
        {type: 'fail', status, times: null, message: `No ${keyOf({model})}`, code: keyOf({model}), match: {model}},
      ],
      (name, model) => askAbout(open(name, model), 40, {folder: join(folder, model)}),
    );
    const {seen, findings} = await judge();
    for (const {name, model, outcomes, error, messages} of runs) {
      const requests = seen(model);
      // With `http` only a refused text is left out, until too many texts have no answer.
      expect(requests.length, name).toBeLessThanOrEqual(name === 'cohere' ? 20 : 16);
      expect(new Set(requests.map(({fingerprint}) => fingerprint)).size).toBe(requests.length);
      expect(outcomes.filter(outcome => 'answer' in outcome)).toEqual([]);
      expect(error?.message ?? messages[0], name).toMatch(new RegExp(`It answered ${status}[ .(:]`));
      expect(messages.join(' ')).not.toMatch(/_secret/);
      expect(findings(model)).toEqual([]);
    }
  });

  it('ends an outage after four attempts at a text, and goes on later with what it has', async () => {
    const folderOf = (model: string) => join(folder, model);
    const first = await askInEveryWay(
      'outage',
      () => [],
      (name, model) => askAbout(open(name, model), 10, {folder: folderOf(model)}),
    );
    expect(first.map(({ledger}) => ledger.bought)).toEqual(names.map(() => 10));
    const second = await askInEveryWay(
      'outage',
      model => [{type: 'fail', status: 503, retry_after: 0.2, times: null, match: {model}}],
      (name, model) => askAbout(open(name, model), 30, {folder: folderOf(model), firstAnswerWithin: Infinity}),
    );
    const {seen, findings} = await judge();
    for (const {error, model} of second) {
      expect(error?.message).toContain('It answered 503');
      const attempts = new Map<string, number>();
      for (const {status, fingerprint} of seen(model)) {
        if (status === 503) attempts.set(fingerprint, (attempts.get(fingerprint) ?? 0) + 1);
      }
      expect(Math.max(...attempts.values())).toBe(4);
      // If the run stops, the other texts are not asked about again.
      expect(findings(model).filter(code => code !== 'gave_up')).toEqual([]);
    }
    const third = await askInEveryWay(
      'outage',
      () => [],
      (name, model) => askAbout(open(name, model), 30, {folder: folderOf(model)}),
    );
    const all = await judge();
    for (const {ledger, model} of third) {
      expect(ledger).toMatchObject({asked: 30, cached: 10, bought: 20});
      expect(all.seen(model).filter(({status}) => status === 200)).toHaveLength(30);
    }
  });

  it('never sends more than its budget, whatever fails, and buys the rest with the next', async () => {
    const ask = (calls: number) => (name: string, model: string) =>
      askAbout(open(name, model), 60, {folder: join(folder, model), budget: [{calls}]});
    const failing = (model: string): readonly Behavior[] =>
      [500, 429, 503].map(status => ({type: 'fail', status, retry_after: 0.2, times: 2, match: {model}}));
    const runs = await askInEveryWay('budget', failing, ask(30));
    const {seen} = await judge();
    for (const {model, outcomes, ledger} of runs) {
      expect(seen(model)).toHaveLength(30);
      expect(ledger).toMatchObject({calls: 30, bought: 24});
      const errors = outcomes.flatMap(outcome => ('error' in outcome ? outcome.error : []));
      expect(errors).toHaveLength(36);
      expect(errors.every(error => error instanceof BudgetError)).toBe(true);
    }
    const rest = await askInEveryWay('budget', () => [], ask(1000));
    const all = await judge();
    for (const {model, ledger} of rest) {
      expect(ledger).toMatchObject({cached: 24, bought: 36});
      expect(all.seen(model).filter(({status}) => status === 200)).toHaveLength(60);
    }
  });

  it('gets an answer to every text through a network that fails in every way, and knows what it paid for', async () => {
    const doors: FaultyDoor[] = [];
    const runs = await askInEveryWay(
      'network',
      () => [],
      async (name, model) => {
        const left = new Map(FAULTS.map((fault, number) => [number, fault]));
        const door = await openFaultyDoor(server.url, body => {
          const number = Number(/number (\d+)\?/.exec(body)?.[1]);
          const fault = left.get(number);
          left.delete(number);
          return fault;
        });
        doors.push(door);
        return askAbout(open(name, model, door.url, 6000), 40, {folder: join(folder, model)});
      },
    );
    await Promise.all(doors.map(door => door.stop()));
    const {seen, findings} = await judge();
    for (const {name, model, outcomes, ledger, messages} of runs) {
      expect(messages, name).toEqual([]);
      expect(outcomes.filter(outcome => 'answer' in outcome)).toHaveLength(40);
      expect(ledger).toMatchObject({
        ...{bought: 40, setAside: 0, inDoubt: IN_DOUBT.length},
        calls: 40 + FAULTS.length,
      });
      // The requests that arrived: all but those dropped or answered by the gateway.
      const requests = seen(model);
      expect(requests).toHaveLength(40 + FAULTS.length - 2);
      expect(requests.every(({status}) => status === 200)).toBe(true);
      expect(findings(model)).toEqual([]);
    }
  });

  it('sets a text aside whose answer is none, twice, and asks no more about it', async () => {
    const runs = await askInEveryWay(
      'none',
      () => [],
      async (name, model) => {
        const door = await openFaultyDoor(server.url, body => (/number [345]\?/.test(body) ? 'garbles' : undefined));
        const options = {folder: join(folder, model)};
        try {
          const run = await askAbout(open(name, model, door.url), 20, options);
          const again = await askAbout(open(name, model, door.url), 20, options);
          expect(again.ledger).toMatchObject({calls: 0, cached: 17});
          return run;
        } finally {
          await door.stop();
        }
      },
    );
    const {seen} = await judge();
    for (const {model, ledger, messages} of runs) {
      expect(ledger).toMatchObject({bought: 17, setAside: 3, calls: 23});
      expect(seen(model)).toHaveLength(23);
      expect(messages).toHaveLength(3);
      for (const message of messages) expect(message).toContain('Its reply is not JSON');
    }
  });

  it('gives up a text that the model refuses, or breaks off, at once if the service says so', async () => {
    const reasons = [
      ['content_filter', /filter of the service stopped the answer|model refused to answer/],
      ['length', /cut off at the token limit/],
    ] as const;
    for (const [finish_reason, why] of reasons) {
      const runs = await askInEveryWay(
        `ends-${finish_reason}`,
        model => [{type: 'reply', text: 'I would rather', finish_reason, times: 4, match: {model}}],
        (name, model) => askAbout(open(name, model), 12, {folder: join(folder, model)}),
      );
      for (const {name, ledger, messages} of runs) {
        // Cohere's reason is not read, and llmock knows no filter of Responses: such an answer is asked for again.
        const isSilent = name === 'cohere' || (name === 'responses' && finish_reason === 'content_filter');
        expect(ledger).toMatchObject(isSilent ? {bought: 12, calls: 16} : {bought: 8, setAside: 4, calls: 12});
        expect(messages.filter(message => why.test(message))).toHaveLength(isSilent ? 0 : 4);
      }
    }
  });

  it('waits by itself if a stack is put around a teacher and nothing else', async () => {
    const store = openAnswerStore({store: new Map()});
    const failing = names.map(
      (name): Behavior => ({type: 'fail', status: 429, retry_after: 0.5, times: 3, match: {model: `${name}-stack`}}),
    );
    await server.script(...failing, ...ANSWERS);
    const ask = (name: string) => stack(open(name, `${name}-stack`), {store}).ask([text('one'), text('two')]);
    expect(await Promise.all(names.map(ask))).toMatchObject(names.map(() => [{answer: {}}, {answer: {}}]));
    const {seen, findings} = await judge();
    for (const name of names) {
      expect(seen(`${name}-stack`)).toHaveLength(5);
      expect(findings(`${name}-stack`)).toEqual([]);
    }
  });

  it('finds the pace of a service that only refuses, and asks nobody too often', async () => {
    const limited = (await startLlmock('--rpm', '120'))!;
    await limited.script(...ANSWERS);
    const door = await openFaultyDoor(limited.url, () => 'hides');
    try {
      const ask = async (name: string) => {
        const model = `${name}-silent`;
        const {ledger, messages} = await askAbout(open(name, model, door.url), 160, {folder: join(folder, model)});
        expect(messages).toEqual([]);
        // Requests under way when the service begins to refuse are all refused. Hardly any are after that.
        expect(ledger.refused).toBeLessThanOrEqual(56);
      };
      await Promise.all(names.map(ask));
      const {calls, findings} = await limited.verdict();
      expect(calls).toBe(names.length * 160);
      // Ten attempts at one text are a storm to llmock. No client can keep to a wait that it was not told.
      expect(findings.filter(({code}) => code !== 'retry_after_ignored')).toEqual([]);
    } finally {
      await door.stop();
      await limited.stop();
    }
  }, 120_000);

  it('has written no key anywhere', async () => {
    const files = (await readdir(root, {recursive: true, withFileTypes: true})).filter(entry => entry.isFile());
    expect(files.length).toBeGreaterThan(names.length);
    for (const {parentPath, name} of files) {
      expect((await readFile(join(parentPath, name))).includes('_secret'), name).toBe(false);
    }
  });
});
