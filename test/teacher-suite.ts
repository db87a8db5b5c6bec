/** The tests that every teacher must pass, for any test runner. Exported as `limbeck/testing`. */
import assert from 'node:assert/strict';
import {batchEnd} from '../src/ask/batches.ts';
import {detailOf, heldDetail, satisfies} from '../src/knowledge/coarsen.ts';
import {classesOf} from '../src/question.ts';
import {detailFor} from '../src/questions.ts';
import type {BatchService} from '../src/service-features.ts';
import type {
  Access,
  Answer,
  AskOptions,
  Detail,
  Exchange,
  LogitsAnswer,
  Outcome,
  Query,
  Reply,
  Teacher,
  TopKAnswer,
} from '../src/teacher.ts';

/** The tests of the suite by their subject. */
export type TeacherTest =
  | 'order'
  | 'access'
  | 'values'
  | 'repetition'
  | 'batches'
  | 'abort'
  | 'bad query'
  | 'identity'
  | 'exchange'
  | 'lane'
  | 'secrets'
  | 'inputs';

export interface TeacherSuite {
  /** Registers a test with the runner: `it` of vitest, `test` of node:test, or the like. */
  readonly it: (title: string, run: () => Promise<void>) => unknown;
  /** Makes the teacher anew for every test. */
  readonly teacher: () => Teacher | Promise<Teacher>;
  /**
   * At least two queries that it answers, not all of them equal. For a teacher with questions each names one of them,
   * and those about one input follow one another.
   */
  readonly queries: readonly Query[];
  /** A query that it can't answer. */
  readonly badQuery?: Query;
  /** Tests that this teacher can't pass, each with its reason. The title then shows the reason. */
  readonly skip?: {readonly [T in TeacherTest]?: string};
  /** The key that the teacher was given. It must not show anywhere. */
  readonly secret?: string;
}

/** Registers the whole suite for one teacher. */
export function testTeacher(suite: TeacherSuite): void {
  for (const [test, {title, run}] of Object.entries(tests) as [TeacherTest, Check][]) {
    const reason = reasonToSkip(test, suite);
    if (reason === undefined) suite.it(title, async () => run(await suite.teacher(), suite));
    else suite.it(`${title} (skipped: ${reason})`, async () => {});
  }
}

function reasonToSkip(test: TeacherTest, {skip, badQuery}: TeacherSuite): string | undefined {
  if (test === 'bad query' && badQuery === undefined) return skip?.[test] ?? 'no `badQuery` was given';
  return skip?.[test];
}

interface Check {
  readonly title: string;
  readonly run: (teacher: Teacher, suite: TeacherSuite) => Promise<void>;
}

const tests: Readonly<Record<TeacherTest, Check>> = {
  order: {
    title: 'gives each query one answer, in the order of the queries',
    async run(teacher, {queries}) {
      const [first, ...others] = await answersTo(teacher, queries);
      const rotated = await answersTo(teacher, [...queries.slice(1), queries[0]!]);
      assertAlike(rotated, [...others, first!]);
    },
  },
  access: {
    title: 'answers as its access allows, with all that its detail promises',
    async run(teacher, {queries}) {
      const {access, detail, parts} = teacher;
      const promised = queries.map(query => detailFor(teacher, query, detail));
      // An answer made of many labels can show a distribution.
      const estimated: readonly Answer['kind'][] = access === 'black-box' && parts ? ['log-probabilities'] : [];
      const answers = await answersTo(teacher, queries, {detail});
      const lessThan = (held: Detail) => `${JSON.stringify(held)} is less than the promised detail`;
      for (const [row, answer] of answers.entries()) {
        assert.ok([...kinds[access], ...estimated].includes(answer.kind), `${access} may not answer ${answer.kind}`);
        const held = heldDetail(answer, promised[row]!);
        assert.ok(satisfies(held, promised[row]!), lessThan(held));
      }
      // A teacher that names its k best classes can name fewer for some inputs, but not for all.
      const given = answers.map(detailOf);
      assert.ok(
        given.some((held, row) => satisfies(held, promised[row]!)),
        lessThan(given[0]!),
      );
    },
  },
  values: {
    title: 'answers with classes of its list and with distributions that are such',
    async run(teacher, {queries}) {
      const answers = await answersTo(teacher, queries);
      for (const [row, answer] of answers.entries()) checkValues(answer, classesAbout(teacher, queries[row]!).length);
    },
  },
  repetition: {
    title: 'answers the same query twice alike',
    async run(teacher, {queries}) {
      assertAlike(await answersTo(teacher, queries), await answersTo(teacher, queries));
    },
  },
  batches: {
    title: 'answers as many queries at once as it declares, and one by one alike',
    async run(teacher, {queries}) {
      assert.ok(Number.isInteger(teacher.maxBatch) && teacher.maxBatch >= 1, 'maxBatch is a whole number above 0');
      assert.ok((teacher.concurrency ?? 1) >= 1, 'concurrency is at least 1');
      const most = Math.max(Math.min(teacher.maxBatch, 300), batchEnd(queries, 0, teacher));
      const many = Array.from({length: most}, (_, row) => queries[row % queries.length]!);
      const together = await answersTo(teacher, many);
      for (const [row, query] of many.slice(0, queries.length).entries()) {
        assertAlike(await answersTo(teacher, [query]), [together[row]!]);
      }
    },
  },
  abort: {
    title: 'rejects promptly with the reason of an abort',
    async run(teacher, {queries}) {
      const reason = new Error('enough');
      await assert.rejects(() => askAborted(teacher, queries, reason, 'before'), reason);
      // A teacher that computes without a pause can have its answers before it notices the abort.
      const end = await askAborted(teacher, queries, reason, 'during').catch((error: unknown) => error);
      if (!Array.isArray(end)) assert.equal(end, reason);
    },
  },
  'bad query': {
    title: 'lets a query that it can not answer fail alone',
    async run(teacher, {queries, badQuery}) {
      const [first, ...others] = queries;
      const [good, bad, ...rest] = await outcomesOf(teacher, [first!, badQuery!, ...others]);
      assert.ok(bad !== undefined && 'error' in bad && bad.error instanceof Error, 'the bad query has an error');
      assertAlike(answersOf([good!, ...rest]), await answersTo(teacher, queries));
    },
  },
  identity: {
    title: 'has an identity that JSON holds and that is the same each time',
    async run(teacher, suite) {
      assert.deepEqual(JSON.parse(JSON.stringify(teacher.identity)), teacher.identity);
      assert.notDeepEqual(teacher.identity, {}, 'the identity says something');
      assert.deepEqual((await suite.teacher()).identity, teacher.identity);
    },
  },
  exchange: {
    title: 'sends what is charged through the exchange, and reads a kept reply as it read the fresh one',
    async run(teacher, {queries}) {
      const {service, detail} = teacher;
      const batch = queries.slice(0, batchEnd(queries, 0, teacher));
      const {outcomes, kept} = await askKeeping(teacher, batch, detail);
      if (service === undefined) return assert.deepEqual(kept, [], 'a teacher that sends requests has a `service`');
      const rows = kept.flatMap(call => call.rows).sort((a, b) => a - b);
      assert.deepEqual(rows, [...batch.keys()], 'each query is in one answered request');
      for (const call of kept) {
        const questions = call.rows.map(row => batch[row]!.question);
        const again = service.read(structuredClone(call.reply), call.rows.length, detail, questions);
        assertAlike(answersOf(again), answersOf(call.rows.map(row => outcomes[row]!)));
        service.receipt?.(call.reply);
      }
      assert.doesNotThrow(() => service.receipt?.({status: 200, headers: {}, body: ''}));
    },
  },
  lane: {
    title: 'makes a query a line of its batch lane, where it has one: JSON with the id, the same each time',
    async run(teacher, {queries, secret}) {
      const {lane} = (teacher.service as BatchService | undefined) ?? {};
      if (lane === undefined) return;
      for (const query of queries) {
        const id = 'a1'.repeat(32);
        const line = lane.lineOf(id, query);
        assert.ok(JSON.stringify(JSON.parse(line)).includes(`"${id}"`), 'the id is in the line');
        assert.ok(!line.includes('\n'), 'a line has no line break');
        assert.equal(lane.lineOf(id, query), line);
        assert.ok(secret === undefined || !line.includes(secret), 'the secret shows');
      }
      assert.ok(lane.priceShare > 0 && lane.maxRequests >= 1 && lane.maxBytes >= 1, 'the lane lets something through');
    },
  },
  secrets: {
    title: 'shows no secret in its name, its identity, its account or an error',
    async run(teacher, {queries, badQuery, secret}) {
      const errors: unknown[] = [];
      await askAborted(teacher, queries, new Error('enough'), 'during').catch(error => errors.push(error));
      const outcomes = badQuery ? await teacher.ask([badQuery]).catch(error => [{error}]) : [];
      for (const outcome of outcomes) errors.push('error' in outcome ? outcome.error : undefined);
      const shown = [teacher.name, JSON.stringify(teacher.identity), teacher.service?.account ?? ''];
      for (const text of [...shown, ...errors.map(everythingIn)]) {
        assert.ok(secret === undefined || !text.includes(secret), 'the secret shows');
      }
    },
  },
  inputs: {
    title: 'leaves the inputs as they are',
    async run(teacher, {queries}) {
      const before = structuredClone(queries);
      await answersTo(teacher, queries);
      assert.deepEqual(queries, before);
    },
  },
};

const kinds: Readonly<Record<Access, readonly Answer['kind'][]>> = {
  'black-box': ['label', 'votes'],
  'gray-box': ['expected', 'top-k', 'log-probabilities', 'logits', 'vector'],
  'white-box': ['logits'],
};

async function answersTo(teacher: Teacher, queries: readonly Query[], options?: AskOptions): Promise<Answer[]> {
  return answersOf(await outcomesOf(teacher, queries, options));
}

/** The classes of an answer. */
function classesAbout({classes, questions}: Teacher, {question}: Query): readonly string[] {
  if (questions === undefined) return classes;
  assert.deepEqual(classes, [], 'a teacher with questions has no classes of its own');
  assert.ok(question !== undefined && questions.list.includes(question), 'each query names one of the questions');
  return classesOf(question);
}

/** Asks in batches of the size that the teacher takes. */
async function outcomesOf(teacher: Teacher, queries: readonly Query[], options?: AskOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let start = 0, end: number; start < queries.length; start = end) {
    end = batchEnd(queries, start, teacher);
    const batch = queries.slice(start, end);
    const given = await teacher.ask(batch, options);
    assert.equal(given.length, batch.length, 'as many outcomes as queries');
    outcomes.push(...given);
  }
  return outcomes;
}

interface KeptCall {
  readonly rows: readonly number[];
  readonly reply: Reply;
}

/** Asks through an exchange that keeps the answered requests. */
async function askKeeping(
  teacher: Teacher,
  queries: readonly Query[],
  detail: Detail,
): Promise<{readonly outcomes: readonly Outcome[]; readonly kept: readonly KeptCall[]}> {
  const kept: KeptCall[] = [];
  const exchange: Exchange = async (rows, send) => {
    const reply = await send();
    if (reply.status === 200) kept.push({rows, reply});
    return reply;
  };
  return {outcomes: await teacher.ask(queries, {detail, exchange}), kept};
}

function answersOf(outcomes: readonly Outcome[]): Answer[] {
  return outcomes.map(outcome => {
    if ('error' in outcome) throw outcome.error;
    return outcome.answer;
  });
}

async function askAborted(
  teacher: Teacher,
  queries: readonly Query[],
  reason: Error,
  when: 'before' | 'during',
): Promise<unknown> {
  const controller = new AbortController();
  if (when === 'before') controller.abort(reason);
  const asked = teacher.ask(queries.slice(0, batchEnd(queries, 0, teacher)), {signal: controller.signal});
  controller.abort(reason);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no end within 2 s of the abort')), 2000);
  });
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

const tolerance = 1e-5;

/** Answers of the same kinds whose numbers are within 1e-5 of each other, in their order. */
function assertAlike(actual: readonly Answer[], expected: readonly Answer[]): void {
  assert.equal(actual.length, expected.length);
  for (const [row, answer] of actual.entries()) {
    assert.equal(answer.kind, expected[row]!.kind);
    const [given, wanted] = [numbersIn(answer), numbersIn(expected[row]!)];
    assert.equal(given.length, wanted.length, `answer ${row} holds as much`);
    for (const [index, value] of given.entries()) {
      const difference = value === wanted[index] ? 0 : Math.abs(value - wanted[index]!);
      assert.ok(
        difference <= tolerance * Math.max(1, Math.abs(value)),
        `answer ${row} differs: ${value}, ${wanted[index]}`,
      );
    }
  }
}

function numbersIn(answer: Answer): number[] {
  switch (answer.kind) {
    case 'label':
      return [answer.label];
    case 'votes':
      return [...answer.counts];
    case 'expected':
      return [answer.level];
    case 'top-k':
      return [...answer.classes, ...answer.logProbabilities, answer.rest];
    case 'log-probabilities':
      return [...answer.logProbabilities];
    case 'logits':
      return [...answer.logits, ...Object.values(answer.features).flatMap(({values}) => [...values])];
    case 'vector':
      return [...answer.values];
  }
}

function checkValues(answer: Answer, classes: number): void {
  switch (answer.kind) {
    case 'label':
      checkClass(answer.label, classes);
      break;
    case 'votes':
      assert.equal(answer.counts.length, classes, 'one count a class');
      assert.notEqual(Math.max(...answer.counts), 0, 'at least one vote');
      break;
    case 'expected':
      assert.ok(answer.level >= 0 && answer.level <= classes - 1, `level ${answer.level} is one of ${classes} levels`);
      break;
    case 'top-k':
      checkTopK(answer, classes);
      break;
    case 'log-probabilities':
      assert.equal(answer.logProbabilities.length, classes, 'one log-probability a class');
      checkMass(answer.logProbabilities, 0);
      break;
    case 'logits':
      checkLogits(answer, classes);
      break;
    case 'vector':
      assert.equal(classes, 0, 'a vector is of no class');
      assert.ok(answer.values.length > 0 && answer.values.every(Number.isFinite), 'a vector is finite');
  }
}

function checkTopK({classes: named, logProbabilities, rest}: TopKAnswer, classes: number): void {
  for (const label of named) checkClass(label, classes);
  assert.equal(new Set(named).size, named.length, 'no class twice');
  assert.equal(logProbabilities.length, named.length, 'one log-probability a named class');
  assert.deepEqual(logProbabilities, logProbabilities.slice().sort().reverse(), 'the most probable first');
  checkMass(logProbabilities, rest);
}

function checkLogits({logits, features}: LogitsAnswer, classes: number): void {
  assert.equal(logits.length, classes, 'one logit a class');
  assert.ok(logits.every(Number.isFinite), 'logits are finite');
  for (const [layer, {shape, values}] of Object.entries(features)) {
    const size = shape.reduce((product, length) => product * length, 1);
    assert.equal(values.length, size, `feature ${layer} fills its shape`);
    assert.ok(values.every(Number.isFinite), `feature ${layer} is finite`);
  }
}

function checkClass(label: number, classes: number): void {
  assert.ok(Number.isInteger(label) && label >= 0 && label < classes, `label ${label} is one of ${classes} classes`);
}

function checkMass(logProbabilities: Float32Array, rest: number): void {
  assert.ok(rest >= 0 && rest <= 1, `rest ${rest} is from 0 to 1`);
  let mass = rest;
  for (const value of logProbabilities) {
    assert.ok(value <= 1e-6, `log-probability ${value} is not above 0`);
    mass += Math.exp(value);
  }
  assert.ok(Math.abs(mass - 1) <= 1e-3, `the mass is ${mass}, not 1`);
}

/** All text that an error holds, its causes' included. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.message, error.stack, JSON.stringify(error), everythingIn(error.cause)].join('\n');
}
