import {describe, expect, it} from 'vitest';
import type {BatchLane, BatchService} from '../src/service-features.ts';
import type {
  Access,
  Answer,
  AskOptions,
  Exchange,
  Outcome,
  Query,
  Service,
  Teacher,
  TensorInput,
} from '../src/teacher.ts';
import {type TeacherSuite, testTeacher} from './teacher-suite.ts';

const queries: readonly Query[] = [3, 1, 2].map(value => ({
  input: {kind: 'tensor', dtype: 'int32', shape: [1], data: Int32Array.of(value)},
}));
const badQuery: Query = {input: {kind: 'text', text: 'hello'}};

/** The label of a number is the number. */
function answer({input}: Query): Outcome<'black-box'> {
  if (input.kind !== 'tensor') return {error: new Error('No numbers.')};
  return {answer: {kind: 'label', label: input.data[0]!}};
}

const good: Teacher<'black-box'> = {
  name: 'counting',
  identity: {adapter: 'counting'},
  access: 'black-box',
  classes: ['none', 'one', 'two', 'three'],
  detail: {kind: 'label'},
  maxBatch: 2,
  async ask(asked, {signal}: AskOptions = {}) {
    signal?.throwIfAborted();
    return asked.map(answer);
  },
};

/** Runs the suite and returns the titles of the failed tests. */
async function failuresOf(teacher: () => Teacher, suite: Partial<TeacherSuite> = {}): Promise<string[]> {
  const failures: string[] = [];
  const runs: Promise<void>[] = [];
  testTeacher({
    it: (title, run) => runs.push(run().catch(() => void failures.push(title))),
    teacher,
    queries,
    badQuery,
    ...suite,
  });
  await Promise.all(runs);
  return failures;
}

/** A teacher of another level that gives every query the same answer. */
function constant(access: Access, given: Answer): Teacher {
  const ask = async (asked: readonly Query[], {signal}: AskOptions = {}) => {
    signal?.throwIfAborted();
    return asked.map(query => (query.input.kind === 'text' ? answer(query) : {answer: given})) as Outcome[];
  };
  return {
    ...good,
    access,
    detail: given.kind === 'label' ? {kind: 'label'} : {kind: 'log-probabilities'},
    ask,
  } as Teacher;
}

/** A teacher of the two best classes that names `counts` of them, query after query. */
function naming(...counts: readonly number[]): Teacher {
  const best = {kind: 'top-k', classes: Int32Array.of(1, 2), logProbabilities: logs(0.5, 0.25), rest: 0.25} as const;
  const first = {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: logs(0.5), rest: 0.5} as const;
  const teacher = constant('gray-box', best);
  return {
    ...teacher,
    detail: {kind: 'top-k', k: 2},
    async ask(asked, options) {
      const outcomes = await teacher.ask(asked, options);
      return outcomes.map((outcome, row) => {
        if ('error' in outcome) return outcome;
        const number = (asked[row]!.input as TensorInput).data[0]!;
        return {answer: counts[number % counts.length] === 1 ? first : best};
      });
    },
  } as Teacher;
}

const atOnce: Exchange = (_, send) => send();

/** A teacher that asks a service, which answers each number with itself. */
const remote: Teacher<'black-box'> = {
  ...good,
  service: {
    account: 'counting.test',
    reader: 1,
    read: ({body}) => body.split(',').map(label => ({answer: {kind: 'label', label: Number(label)}})),
  },
  async ask(asked, {signal, exchange = atOnce}: AskOptions = {}) {
    signal?.throwIfAborted();
    const outcomes = asked.map(answer);
    const rows = [...asked.keys()].filter(row => 'answer' in outcomes[row]!);
    if (rows.length === 0) return outcomes;
    const reply = await exchange(rows, async () => {
      const body = rows.map(row => (asked[row]!.input as TensorInput).data[0]).join();
      return {status: 200, headers: {}, body};
    });
    const read = this.service!.read(reply, rows.length, this.detail);
    for (const [index, row] of rows.entries()) outcomes[row] = read[index]!;
    return outcomes;
  },
};

/** The same teacher with a batch lane whose lines are made by `lineOf`. */
function batching(lineOf: BatchLane['lineOf']): Teacher {
  const unused = () => Promise.reject(new Error('Nothing is submitted here.'));
  const lane: BatchLane = {
    ...{maxRequests: 10, maxBytes: 1000, priceShare: 0.5, lineOf},
    ...{submit: unused, find: unused, poll: unused, cancel: unused},
    async *collect() {},
  };
  const service: BatchService<'black-box'> = {...remote.service!, lane};
  return {...remote, service};
}

const logs = (...values: number[]) => Float32Array.from(values, Math.log);

describe('testTeacher', () => {
  it('passes a teacher that holds the contract', async () => {
    expect(await failuresOf(() => good)).toEqual([]);
    expect(await failuresOf(() => remote)).toEqual([]);
    expect(await failuresOf(() => batching(id => JSON.stringify({id})))).toEqual([]);
    const distribution = {kind: 'log-probabilities', logProbabilities: logs(0.1, 0.2, 0.3, 0.4)} as const;
    expect(await failuresOf(() => constant('gray-box', distribution))).toEqual([]);
    expect(await failuresOf(() => naming(1, 2, 1))).toEqual([]);
  });

  it.each<[string, string, () => Teacher]>([
    [
      'answers in another order',
      'gives each query one answer',
      () => ({
        ...good,
        ask: async asked => asked.map((_, row): Outcome<'black-box'> => ({answer: {kind: 'label', label: row}})),
      }),
    ],
    [
      'loses an answer',
      'gives each query one answer',
      () => ({...good, ask: async asked => asked.slice(1).map(answer)}),
    ],
    [
      'shows more than it may',
      'answers as its access allows',
      () => constant('black-box', {kind: 'logits', logits: logs(1, 2, 3, 4), features: {}}),
    ],
    [
      'shows a distribution though it is asked itself',
      'answers as its access allows',
      () => constant('black-box', {kind: 'log-probabilities', logProbabilities: logs(0.25, 0.25, 0.25, 0.25)}),
    ],
    [
      'shows less than it promises',
      'answers as its access allows',
      () => ({
        ...constant('gray-box', {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: logs(0.5), rest: 0.5}),
      }),
    ],
    ['never names as many classes as it promises', 'answers as its access allows', () => naming(1, 1, 1)],
    [
      'names a class that is not there',
      'answers with classes of its list',
      () => constant('black-box', {kind: 'label', label: 4}),
    ],
    [
      'gives a mass above 1',
      'answers with classes of its list',
      () => constant('gray-box', {kind: 'log-probabilities', logProbabilities: logs(0.5, 0.5, 0.5, 0.1)}),
    ],
    [
      'loses the rest of its mass',
      'answers with classes of its list',
      () => constant('gray-box', {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: logs(0.5), rest: 0}),
    ],
    [
      'names a class twice',
      'answers with classes of its list',
      () =>
        constant('gray-box', {kind: 'top-k', classes: Int32Array.of(1, 1), logProbabilities: logs(0.5, 0.5), rest: 0}),
    ],
    [
      'puts the least probable first',
      'answers with classes of its list',
      () =>
        constant('gray-box', {kind: 'top-k', classes: Int32Array.of(1, 2), logProbabilities: logs(0.1, 0.9), rest: 0}),
    ],
    [
      'draws its answers',
      'answers the same query twice alike',
      () => {
        let calls = 0;
        return {
          ...good,
          ask: async asked => asked.map((): Outcome<'black-box'> => ({answer: {kind: 'label', label: calls++ % 4}})),
        };
      },
    ],
    [
      'takes fewer queries than it declares',
      'answers as many queries at once',
      () => ({
        ...good,
        maxBatch: 3,
        ask: async (asked, options) => {
          if (asked.length > 2) throw new Error('Too many.');
          return good.ask(asked, options);
        },
      }),
    ],
    ['answers after an abort', 'rejects promptly', () => ({...good, ask: async asked => asked.map(answer)})],
    [
      'lets a bad query fail its neighbours',
      'lets a query that it can not answer',
      () => ({
        ...good,
        ask: async (asked, options) => {
          const outcomes = await good.ask(asked, options);
          const bad = outcomes.find(outcome => 'error' in outcome);
          return bad ? outcomes.map(() => bad) : outcomes;
        },
      }),
    ],
    [
      'has an identity that JSON loses',
      'has an identity',
      () => ({...good, identity: {limit: Number.POSITIVE_INFINITY}}),
    ],
    [
      'sends beside the exchange',
      'sends what is charged through the exchange',
      () => ({...remote, ask: (asked, {exchange: _, ...options} = {}) => remote.ask.call(remote, asked, options)}),
    ],
    [
      'sends a request, yet has no service',
      'sends what is charged through the exchange',
      () => ({
        ...good,
        ask: (asked, options) => remote.ask.call(remote, asked, options),
      }),
    ],
    [
      'reads a kept reply otherwise',
      'sends what is charged through the exchange',
      () => {
        let reads = 0;
        const {service} = remote;
        const read: Service<'black-box'>['read'] = (reply, count, detail) =>
          reads++ === 0
            ? service!.read(reply, count, detail)
            : Array.from({length: count}, () => ({answer: {kind: 'label', label: 0}}));
        return {...remote, service: {...service!, read}};
      },
    ],
    [
      'tells its key in its account',
      'shows no secret',
      () => ({...remote, service: {...remote.service!, account: 'counting.test hunter2'}}),
    ],
    ['leaves the id out of a line', 'makes a query a line', () => batching(() => '{}')],
    ['makes a line anew each time', 'makes a query a line', () => batching(id => JSON.stringify([id, Math.random()]))],
    ['breaks a line', 'makes a query a line', () => batching(id => `{"id":\n"${id}"}`)],
    ['tells its key in a line', 'makes a query a line', () => batching(id => JSON.stringify([id, 'hunter2']))],
    ['tells its key', 'shows no secret', () => ({...good, name: 'counting with hunter2'})],
    [
      'changes its inputs',
      'leaves the inputs',
      () => ({
        ...good,
        ask: async (asked, options) => {
          const outcomes = await good.ask(asked, options);
          for (const {input} of asked) if (input.kind === 'tensor') input.data[0] = 0;
          return outcomes;
        },
      }),
    ],
  ])('fails a teacher that %s', async (_, title, teacher) => {
    const copies = structuredClone(queries);
    const failures = await failuresOf(teacher, {queries: copies, secret: 'hunter2'});
    expect(failures.some(failure => failure.startsWith(title))).toBe(true);
  });

  it('shows the reason of a skipped test in its title, and does not run it', async () => {
    const titles: string[] = [];
    const reason = 'it samples';
    const suite = {queries, teacher: () => Promise.reject(new Error('not made')), skip: {repetition: reason}};
    const runs: Promise<void>[] = [];
    testTeacher({
      ...suite,
      it: (title, run) => {
        titles.push(title);
        if (title.includes('skipped')) runs.push(run());
      },
    });
    await Promise.all(runs);
    expect(titles.filter(title => title.includes('skipped'))).toEqual([
      'answers the same query twice alike (skipped: it samples)',
      'lets a query that it can not answer fail alone (skipped: no `badQuery` was given)',
    ]);
  });
});
