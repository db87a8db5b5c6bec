import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import {copyFile, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {kill} from 'node:process';
import {fileURLToPath} from 'node:url';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {command, type LabelCommand, type ScoreCommand} from '../../adapters/command.ts';
import {stack} from '../../src/ask/teacher-stack.ts';
import {TeacherError} from '../../src/errors.ts';
import {predicate, score} from '../../src/questions.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import type {Outcome, Query, Reply, Teacher} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {floats, problemsIn, text} from './replay.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/command/${name}`, import.meta.url));
const program = fixture('classify.mjs');
const classes = ['ham', 'spam', 'ünsure'];
const node = (mode: string, options: Partial<LabelCommand> = {}): Teacher<'black-box'> =>
  command({command: [process.execPath, program, mode], classes, ...options});
const label = (index: number): Outcome => ({answer: {kind: 'label', label: index}});

/** Asks a query each, all at once. */
async function askEach(teacher: Teacher, queries: readonly Query[]): Promise<Outcome[]> {
  return (await Promise.all(queries.map(query => teacher.ask([query])))).flat();
}

/** Returns the error of a query. */
async function failureOf(teacher: Teacher, ...texts: readonly string[]): Promise<TeacherError> {
  const asked = await Promise.allSettled(texts.map(one => teacher.ask([text(one)])));
  const failed = asked.findLast(one => one.status === 'rejected');
  if (!(failed?.reason instanceof TeacherError)) throw new Error(`no TeacherError: ${failed?.reason}`);
  return failed.reason;
}

/** Keeps the line of the answer. */
async function lineOf(teacher: Teacher, query: Query): Promise<{readonly pid: number}> {
  let kept: Reply | undefined;
  await teacher.ask([query], {
    exchange: async (_, send) => {
      kept = await send();
      return kept;
    },
  });
  return JSON.parse(kept!.body);
}

function isRunning(pid: number): boolean {
  try {
    kill(pid, 0);
    // An ended process is listed until its parent, or its reaper, has waited for it.
    return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const python = spawnSync('python3', ['--version']).status === 0;
const queries = [text('buy now'), text('see you at noon'), text('buy a\nticket “today” 😀\u2028')];

const spam = predicate('spam', 'Is it spam?');
const size = score('size', 'How long is it?', ['short', 'middling', 'long']);
const asked = queries.flatMap(query => [spam, size].map(question => ({...query, question})));
const typed = () => command({command: [process.execPath, fixture('typed.mjs')], questions: [spam, size]});

describe('command with questions', () => {
  testTeacher({it, teacher: typed, queries: asked, badQuery: {...text('bad'), question: size}});

  it('asks once about an input, whatever is asked about it', async () => {
    const rows: (readonly number[])[] = [];
    const outcomes = await typed().ask(asked, {exchange: (own, send) => send().finally(() => rows.push(own))});
    expect(rows).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(outcomes.slice(0, 4)).toEqual([1, 0, 0, 1].map(label));
  });

  it('keeps the answers to other questions if one has none', async () => {
    const teacher = command({
      command: [process.execPath, fixture('typed.mjs'), 'halves'],
      questions: [spam, size],
      scores: 'probabilities',
    });
    const [one, other] = await teacher.ask(asked.slice(0, 2));
    expect(one).toEqual({
      answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(Math.log(0.75), Math.log(0.25))},
    });
    expect('error' in other! && other.error.message).toContain('It gave an error: it has none');
  });

  it('reads the one number of a score as its expected level, beside the scores of other questions', async () => {
    const teacher = command({
      command: [process.execPath, fixture('typed.mjs'), 'levels'],
      ...{questions: [spam, size], scores: 'probabilities', expected: {from: 1, to: 3}},
    });
    expect(teacher).toMatchObject({access: 'gray-box', details: {size: {kind: 'expected'}}});
    const [one, other] = await teacher.ask(asked.slice(0, 2));
    expect(one).toMatchObject({answer: {kind: 'log-probabilities'}});
    expect(other).toEqual({answer: {kind: 'expected', level: 1.5}});
  });

  it('takes aliases for the classes of any question', async () => {
    const words = {command: [process.execPath, fixture('typed.mjs')], questions: [spam, size]};
    expect(() => command({...words, aliases: {big: 'huge'}})).toThrow(
      'The alias `big` means `huge`, which no question has.',
    );
    expect(await command({...words, aliases: {big: 'long'}}).ask(asked.slice(0, 1))).toEqual([label(1)]);
  });
});

describe('command with a program in Node', () => {
  testTeacher({
    it,
    teacher: () => command({command: [process.execPath, program, 'labels'], classes, env: {API_KEY: 'sk-very-secret'}}),
    queries,
    badQuery: text('bad'),
    secret: 'sk-very-secret',
  });
});

describe.runIf(python)('command with a program in Python (skipped if there is no python3)', () => {
  const teacher = () => command({command: ['python3', fixture('classify.py')], classes, scores: 'probabilities'});
  testTeacher({it, teacher, queries, badQuery: floats(1, 2)});

  it('reads what its JSON alone can hold', async () => {
    const [outcome] = await teacher().ask([text('nan')]);
    expect(outcome).toMatchObject({error: {unreadable: true}});
    expect(problemsIn([outcome!])).toEqual([expect.stringContaining('It gave NaN or an infinite value.')]);
  });
});

describe('command', () => {
  it('starts nothing before it is asked, and one process for all queries', async () => {
    const teacher = node('pid');
    const pids = new Set<number>();
    for (const query of queries) pids.add((await lineOf(teacher, query)).pid);
    expect(pids.size).toBe(1);
    expect(isRunning([...pids][0]!)).toBe(true);
    expect(() => command({command: ['/no/such/program'], classes})).not.toThrow();
  });

  it('gives tensors as JSON, and says which it can not give', async () => {
    const uint8: Query = {input: {kind: 'tensor', dtype: 'uint8', shape: [3, 1], data: Uint8Array.of(1, 0, 9)}};
    const outcomes = await askEach(node('labels'), [uint8, floats(0.1, 0.3, 0.2), floats(1, Number.NaN)]);
    expect(outcomes.slice(0, 2)).toEqual([label(2), label(1)]);
    expect(problemsIn(outcomes)[2]).toContain('NaN or an infinite value, which JSON can not hold');
  });

  it('puts answers to their queries in whatever order they come', async () => {
    const outcomes = await askEach(node('reversed'), [...queries, text('bad')]);
    expect(outcomes.slice(0, 3)).toEqual([label(1), label(0), label(1)]);
    expect(problemsIn(outcomes)[3]).toBe('Teacher command node classify.mjs: It gave an error: it is bad');
  });

  it('puts lines together that come in pieces of characters', async () => {
    expect(await askEach(node('torn'), queries)).toEqual([label(2), label(2), label(2)]);
  });

  it('holds back what a busy program does not read, and brings 10,000 answers', async () => {
    const many = Array.from({length: 10_000}, (_, index) =>
      text(`${index % 3 ? 'buy' : 'see'} ${index} ${'x'.repeat(500)}`),
    );
    const outcomes = await askEach(node('late'), many);
    expect(outcomes).toEqual(many.map((_, index) => label(index % 3 ? 1 : 0)));
  });

  it('runs in a folder, with the environment and what is added to it', async () => {
    expect(await node('cwd', {cwd: tmpdir()}).ask([text(tmpdir())])).toEqual([label(1)]);
    const teacher = node('env', {env: {LIMBECK_TEST_ADDED: '1'}});
    const variables = [text('PATH'), text('LIMBECK_TEST_ADDED'), text('LIMBECK_TEST_NONE')];
    expect(await askEach(teacher, variables)).toEqual([label(1), label(1), label(0)]);
  });

  it('sets a query aside alone whose answer is none, as unreadable', async () => {
    const [wrong] = await node('wrong').ask([text('any')]);
    expect(wrong).toMatchObject({error: {unreadable: true, retryable: false}});
    expect(problemsIn([wrong!])[0]).toContain('a label outside the class list of 3');
    const [other] = await node('other').ask([text('any')]);
    expect(problemsIn([other!])[0]).toContain('Its answer holds no `label`.');
  });
});

describe('command with a program that fails', () => {
  it('says how it ended, its last words without secrets, and starts it again', async () => {
    const teacher = node('crash', {env: {NOTE: 'the word xyzzy'}});
    expect(await teacher.ask([text('buy')])).toEqual([label(1)]);
    const error = await failureOf(teacher, 'crash');
    expect(error.message).toContain('It ended with exit code 3 while it was asked.');
    expect(error.message).toMatch(/Its last output:\na first line\nit broke with \*\*\*$/);
    expect(error).toMatchObject({retryable: true, inDoubt: true});
    expect(await teacher.ask([text('buy')])).toEqual([label(1)]);
  });

  it('does not ask a program again that never answered', async () => {
    expect(await failureOf(node('crash'), 'crash')).toMatchObject({retryable: false, inDoubt: true});
    const error = await failureOf(node('killed'), 'any');
    expect(error.message).toContain('It ended by SIGKILL while it was asked.');
  });

  it('fails all that the program was asked, and nothing that it answered before', async () => {
    const teacher = node('crash');
    const asked = ['buy', 'crash', 'see', 'see'].map(one => teacher.ask([text(one)]));
    const ends = await Promise.allSettled(asked);
    expect(ends.map(({status}) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
  });

  it.each([
    ['printing', 'Line 2 of its output is not JSON. Let it print only answers there'],
    ['nameless', 'Line 1 of its output has no `id`.'],
    ['strangers', 'Line 1 of its output has the `id` of no open query.'],
  ])('says what is wrong with a line of a program that is %s', async (mode, problem) => {
    const teacher = node(mode);
    if (mode === 'printing') await teacher.ask([text('buy')]);
    const error = await failureOf(teacher, 'print');
    expect(error.message).toContain(problem);
    expect(error.message).not.toContain('Loading');
    expect(error).toMatchObject({retryable: mode === 'printing', inDoubt: true, unreadable: false});
  });

  it('does not take a second answer to one query for that to another', async () => {
    const teacher = node('repeating');
    expect(await teacher.ask([text('buy')])).toEqual([label(1)]);
    await vi.waitFor(async () => expect(await teacher.ask([text('see')])).toEqual([label(0)]), {timeout: 10_000});
  });

  it('reads no line without an end', async () => {
    const error = await failureOf(node('endless', {maxReply: 1000}), 'any');
    expect(error.message).toContain('It wrote a line of more than 1000 characters.');
  });

  it('waits as long as the program goes on answering, and no longer', async () => {
    const teacher = node('silent', {timeout: 300});
    await teacher.ask([text('see')]);
    const started = performance.now();
    const error = await failureOf(teacher, 'see', 'silent', 'see');
    expect(performance.now() - started).toBeLessThan(5000);
    expect(error.message).toContain('It answered nothing for 300 ms. Let it flush its output');
    expect(error).toMatchObject({retryable: true, inDoubt: true});
    expect(await teacher.ask([text('buy')])).toEqual([label(1)]);
  });

  it('says that there is no such program or folder, or that it may not be run', async () => {
    const missing = await failureOf(command({command: ['limbeck-no-such-program'], classes}), 'any');
    expect(missing.message).toContain('there is no program `limbeck-no-such-program`. Check `command` and PATH.');
    expect(missing).toMatchObject({retryable: false, inDoubt: false});
    const nowhere = await failureOf(node('labels', {cwd: '/no/such/folder'}), 'any');
    expect(nowhere.message).toContain('the folder `cwd` is not there');
    const plain = await failureOf(command({command: [fixture('classify.py')], classes}), 'any');
    expect(plain.message).toContain("may not be run. Make it executable, or name what runs it first: ['python3', …].");
  });

  it('lets go of a query at an abort, and of its late answer', async () => {
    const teacher = node('slow', {command: [process.execPath, program, 'slow', '300']});
    const controller = new AbortController();
    const asked = teacher.ask([text('buy')], {signal: controller.signal});
    setTimeout(() => controller.abort(new Error('enough')), 150);
    await expect(asked).rejects.toThrow('enough');
    expect(await teacher.ask([text('see')])).toEqual([label(0)]);
  });

  it('asks again by way of its layers, what was open at a crash alone', async () => {
    let crashes = 0;
    const teacher = node('crash');
    const calls: string[] = [];
    const once: Teacher<'black-box'> = {
      ...teacher,
      ask(asked, options) {
        const [{input}] = asked as readonly [Query];
        const given = input.kind === 'text' && input.text === 'crash' && crashes++ > 0 ? text('buy') : asked[0]!;
        calls.push(JSON.stringify(input));
        return teacher.ask([given], options);
      },
    };
    const layered = stack(once, {store: openAnswerStore({store: new Map()})});
    await layered.ask([text('see')]);
    expect(await layered.ask([text('crash')])).toMatchObject([label(1)]);
    expect(calls).toHaveLength(3);
  });
});

describe('command at the end of this process', () => {
  const asker = fileURLToPath(new URL('./command-asker.ts', import.meta.url));
  const run = (mode: string, end: string) => {
    const started = performance.now();
    const args = ['--import', import.meta.resolve('tsx'), asker, mode, end];
    const {status, stdout, stderr} = spawnSync(process.execPath, args, {encoding: 'utf8', timeout: 20_000});
    return {status, stderr, ...(JSON.parse(stdout) as {kept: string}), took: performance.now() - started};
  };

  it.each(['by itself', 'exit'])('ends with it, when it ends %s', async end => {
    const {status, stderr, kept, took} = run('pid', end);
    expect([status, stderr]).toEqual([0, '']);
    await vi.waitFor(() => expect(isRunning(JSON.parse(kept).pid)).toBe(false), {timeout: 10_000});
    expect(took).toBeLessThan(10_000);
  });

  it('ends with it, when it fails', async () => {
    const {status, kept} = run('pid', 'throw');
    expect(status).toBe(1);
    await vi.waitFor(() => expect(isRunning(JSON.parse(kept).pid)).toBe(false), {timeout: 10_000});
  });

  it.each(['by itself', 'exit'])('is killed if it heeds neither the end of its input nor SIGTERM, %s', async end => {
    const {status, kept} = run('stubborn', end);
    expect(status).toBe(0);
    await vi.waitFor(() => expect(isRunning(JSON.parse(kept).pid)).toBe(false), {timeout: 10_000});
  });
});

describe('the identity of a command', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
  });
  afterAll(() => rm(folder, {recursive: true}));

  const identityOf = (words: readonly string[], options: Partial<ScoreCommand> = {}) =>
    command({command: words, classes, ...options} as ScoreCommand).identity;

  it('knows files by what is in them, wherever they lie', async () => {
    await copyFile(program, join(folder, 'classify.mjs'));
    const there = identityOf(['node', program, 'labels']);
    expect(identityOf(['node', 'classify.mjs', 'labels'], {cwd: folder})).toEqual(there);
    expect(identityOf(['/usr/bin/node', program, 'labels'])).toEqual(there);
    await writeFile(join(folder, 'classify.mjs'), 'another one');
    expect(identityOf(['node', 'classify.mjs', 'labels'], {cwd: folder})).not.toEqual(there);
    expect(JSON.stringify(there)).not.toContain(folder);
  });

  it('holds all that can change an answer', () => {
    const base = identityOf(['node', program, 'labels']);
    expect(identityOf(['node', program, 'labels'], {timeout: 1, concurrency: 3, env: {A: 'b'}})).toEqual(base);
    expect(identityOf(['node', program, 'other'])).not.toEqual(base);
    expect(identityOf(['node', program, 'x'.repeat(10_000)])).not.toEqual(base);
    for (const changed of [{version: '2'}, {classes: ['a', 'b']}, {scores: 'logits'}] as const) {
      expect(identityOf(['node', program, 'labels'], changed)).not.toEqual(base);
    }
  });

  it('shows no argument but files in its name', () => {
    const {name, service} = command({command: ['/usr/bin/node', program, '--key=abc'], classes});
    expect([name, service?.account]).toEqual(['command node classify.mjs', 'command node classify.mjs']);
  });

  it.each<[object, string]>([
    [{command: []}, 'command: Give the program and its arguments'],
    [{classes: []}, '`classes` is empty'],
    [{topK: 2}, '`topK` goes with'],
    [{timeout: 0}, 'Expected `timeout` to be a whole number above 0, got 0.'],
    [{concurrency: 0.5}, 'Expected `concurrency` to be a whole number above 0, got 0.5.'],
  ])('refuses the options %j', (options, problem) => {
    expect(() => command({command: ['node'], classes, ...options} as LabelCommand)).toThrow(problem);
  });
});
