import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {stack} from '../../src/ask/teacher-stack.ts';
import {InputError, TeacherError} from '../../src/errors.ts';
import type {CascadeOptions} from '../../src/serve/cascade.ts';
import type {RunningService} from '../../src/serve/server.ts';
import type {ServiceStatus} from '../../src/serve/status.ts';
import type {TeacherAnswered} from '../../src/serve/teacher-gateway.ts';
import type {StandingChange} from '../../src/serve/watch.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {fitGate} from '../../src/student/gate.ts';
import {metric, post, sayingOf, services, teacherOf, until} from './services.ts';

const start = services();
const promise = {agreement: 0.97};
const spam = sayingOf('spam 0.96');
const ham = sayingOf('ham 0.96');

/** A service whose student is sure from 0.8 on. */
function serve(cascade: CascadeOptions, rest: object = {}) {
  return start({calibration: {threshold: 0.8}, cascade, ...rest});
}

/** Sends texts, a hundred a request, of which the student says that they are spam. */
async function send(service: RunningService, texts: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const results: Record<string, unknown>[] = [];
  for (let begin = 0; begin < texts.length; begin += 100) {
    const {body} = await post(service, '/classify', {texts: texts.slice(begin, begin + 100)});
    results.push(...(body as {results: Record<string, unknown>[]}).results);
  }
  return results;
}

const numbered = (count: number, kind = 'spam 0.9'): string[] =>
  Array.from({length: count}, (_, index) => `${kind} number ${index}`);

async function getJson(service: RunningService, path: string): Promise<unknown> {
  return (await fetch(`${service.url}${path}`)).json();
}

const statusOf = async (service: RunningService) => (await getJson(service, '/status')) as ServiceStatus;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-watch-'));
});
afterEach(() => rm(folder, {recursive: true, force: true}));

describe('an audit', () => {
  it('asks the teacher about a random share of what the student answers, after the reply is out', async () => {
    const teacher = teacherOf(text => (text.endsWith('7') ? ham : spam));
    const answered: TeacherAnswered[] = [];
    const service = await serve({teacher, audit: 0.25, seed: 1, onAnswer: one => answered.push(one)});
    const results = await send(service, numbered(400));
    expect(results).toEqual(new Array(400).fill(expect.objectContaining({answeredBy: 'student', label: 'spam'})));
    await setTimeout(50);
    await until(() => service.tally.audited === teacher.asked.length);
    const {audited, agreed} = service.tally;
    // A quarter of 400, within four standard deviations.
    expect(Math.abs(audited - 100)).toBeLessThan(35);
    expect(agreed).toBe(teacher.asked.filter(text => !text.endsWith('7')).length);
    expect(new Set(answered.map(({why}) => why))).toEqual(new Set(['audit']));
    expect(await metric(service, 'limbeck_agreement')).toBeCloseTo(agreed / audited, 12);
    expect(await metric(service, 'limbeck_audits_total{agrees="no"}')).toBe(audited - agreed);
  });

  it('draws by a seed where one is given, and otherwise by chance', async () => {
    const asked = async (seed?: number) => {
      const teacher = teacherOf(() => spam);
      const service = await serve({teacher, audit: 0.1, ...(seed !== undefined && {seed})});
      await send(service, numbered(200));
      await service.close();
      return teacher.asked.join();
    };
    expect(await asked(1)).toBe(await asked(1));
    expect(await asked(1)).not.toBe(await asked(2));
    expect(await asked()).not.toBe(await asked());
  });

  it('finds a wrong answer to one text that comes again and again', async () => {
    const service = await serve({teacher: teacherOf(() => ham), audit: 0.2, promise});
    const results = await send(service, new Array(400).fill('spam 0.9 always'));
    await until(() => service.tally.audited > 0);
    expect(results.at(-1)).toMatchObject({label: 'ham', answeredBy: 'teacher'});
    expect(await getJson(service, '/health')).toMatchObject({demoted: true});
  });

  it('counts an input that was not the student’s to answer as kept, at no cost', async () => {
    const teacher = teacherOf(() => ham);
    const service = await serve({teacher, audit: 1, promise});
    await send(service, ['spam 0.5 a', 'spam 0.5 b', 'ham 0.9']);
    await until(() => service.tally.audited === 1);
    expect(service.tally).toMatchObject({deferredAudits: 2, audited: 1, agreed: 1});
    expect(teacher.asked).toHaveLength(3);
    expect((await statusOf(service)).promise?.kept).toMatchObject({share: 1, of: 3});
  });

  it('counts nothing of an input that the teacher did not answer, sure or not', async () => {
    const service = await serve({teacher: teacherOf(() => new TeacherError('far', 'No.')), audit: 1, promise});
    await send(service, ['spam 0.9', 'spam 0.5']);
    await service.close();
    expect(service.tally).toMatchObject({student: 1, audited: 0, agreed: 0, deferredAudits: 0, lostAudits: 2});
  });

  it('counts in the order of requests, so that none that waits is overtaken', async () => {
    const slow = teacherOf(() => ham);
    const {ask} = slow;
    const anew = {...slow, ask: async (...all: Parameters<typeof ask>) => setTimeout(100).then(() => ask(...all))};
    const service = await serve({teacher: teacherOf(() => ham), anew, audit: 1, promise});
    await send(service, ['spam 0.9']);
    await send(service, numbered(20, 'spam 0.5'));
    expect(service.tally).toMatchObject({audited: 0, deferredAudits: 0});
    await until(() => service.tally.deferredAudits === 20);
    expect(service.tally.audited).toBe(1);
  });

  it('asks anew about what is kept, and a tenth twice, to learn how repeatable the teacher is', async () => {
    let calls = 0;
    const teacher = teacherOf(text => (text.endsWith('0') && calls++ % 2 === 1 ? ham : spam));
    const store = openAnswerStore({store: new Map()});
    const kept = stack(teacher, {store});
    const anew = stack(teacher, {store, record: 'all', replace: false});
    const service = await serve({teacher: kept, anew, audit: 1, seed: 3});
    for (const _ of [1, 2]) await send(service, numbered(200));
    await until(() => service.tally.audited === 400);
    await until(() => teacher.asked.length === 400 + service.tally.repeated);
    const {audited, repeated, repeatedAlike} = service.tally;
    expect(audited).toBe(400);
    expect(Math.abs(repeated - 40)).toBeLessThan(25);
    expect(repeatedAlike).toBeLessThanOrEqual(repeated);
    const wavering = await serve({teacher: kept, anew, audit: 1, seed: 3});
    for (let index = 0; index < 60; index++) await send(wavering, ['spam 0.9 number 0']);
    await until(() => wavering.tally.audited === 60);
    const {teacher: said} = await statusOf(wavering);
    expect(said?.repeatability?.share).toBeLessThan(1);
  });
});

describe('a student that breaks its promise', () => {
  it('is demoted, and the service says so; after new evidence it is taken back', async () => {
    let isChanged = false;
    const teacher = teacherOf(text => (isChanged && /[05]$/.test(text) ? ham : spam));
    const changes: StandingChange[] = [];
    const service = await serve({teacher, audit: 1, promise, onStanding: change => changes.push(change)});
    await send(service, numbered(300));
    await until(() => service.tally.audited === 300);
    expect(await getJson(service, '/health')).toEqual({status: 'ok', mode: 'cascade', demoted: false});
    expect(await metric(service, 'limbeck_demoted')).toBe(0);

    isChanged = true;
    for (let index = 0; changes.length === 0 && index < 500; index++) {
      await send(service, [`spam 0.9 number ${index}`]);
      await setTimeout(1);
    }
    expect(changes).toMatchObject([{demoted: true}]);
    expect(changes[0]!.compared).toBeLessThan(300 + 250);
    expect(await getJson(service, '/health')).toEqual({status: 'ok', mode: 'cascade', demoted: true});
    expect(await metric(service, 'limbeck_demoted')).toBe(1);
    expect((await statusOf(service)).promise).toMatchObject({agreement: 0.97, lastChange: changes[0]});
    const asked = teacher.asked.length;
    expect(await send(service, ['spam 0.9 number 5'])).toMatchObject([{label: 'ham', answeredBy: 'teacher'}]);
    expect(teacher.asked.length).toBe(asked + 1);

    isChanged = false;
    await send(service, numbered(2000));
    await until(() => changes.length === 2);
    expect(changes[1]).toMatchObject({demoted: false});
    expect((await send(service, ['spam 0.9']))[0]).toMatchObject({answeredBy: 'student', abstains: false});
  });

  it('marks its answer where it is demoted and the teacher fails', async () => {
    let isDown = false;
    const teacher = teacherOf(() => (isDown ? new TeacherError('far', 'No.') : ham));
    const service = await serve({teacher, audit: 1, promise});
    await send(service, numbered(100));
    await until(async () => (await statusOf(service)).demoted === true);
    isDown = true;
    expect(await send(service, ['spam 0.9'])).toMatchObject([
      {label: 'spam', answeredBy: 'student', abstains: true, fallback: 'failed'},
    ]);
  });

  it('is still demoted after a restart, and another student is not, yet has less δ to spend', async () => {
    const watchFile = join(folder, 'seed-1.watch.json');
    const cascade = {teacher: teacherOf(() => ham), audit: 1, promise, watchFile};
    const first = await serve(cascade);
    await send(first, numbered(100));
    await until(async () => (await statusOf(first)).demoted === true);
    const {promise: before} = await statusOf(first);
    await first.close();
    const again = await serve(cascade);
    expect(await statusOf(again)).toMatchObject({demoted: true, promise: {since: before!.since}});
    expect(await send(again, ['spam 0.9'])).toMatchObject([{label: 'ham', answeredBy: 'teacher'}]);
    await again.close();
    const other = await serve(cascade, {version: 'another student'});
    expect(await statusOf(other)).toMatchObject({demoted: false});
    const {state} = JSON.parse(await readFile(watchFile, 'utf8')) as {state: object};
    expect(state).toMatchObject({tests: {broken: 2, kept: 1}, comparisons: {compared: 0}});
  });

  it('keeps what it has counted over a restart', async () => {
    const watchFile = join(folder, 'seed-1.watch.json');
    const cascade = {teacher: teacherOf(() => spam), audit: 1, promise, watchFile};
    for (const of of [100, 200]) {
      const service = await serve(cascade);
      await send(service, numbered(100));
      await until(() => service.tally.audited === 100);
      expect((await statusOf(service)).promise?.kept).toMatchObject({share: 1, of});
      await service.close();
    }
  });

  it('is held to the guarantee of its calibration where no other promise is given', async () => {
    const guarantee = {agreement: 0.9, confidence: 0.99, answers: 500, disagreements: 20, localShare: 0.8, bound: 0.08};
    const calibration = {threshold: 0.8, guarantee};
    const service = await start({calibration, cascade: {teacher: teacherOf(() => ham)}});
    expect((await statusOf(service)).promise).toMatchObject({agreement: 0.9, confidence: 0.99});
  });

  it('is not demoted where nothing was promised', async () => {
    const service = await serve({teacher: teacherOf(() => ham), audit: 1});
    await send(service, numbered(200));
    await until(() => service.tally.audited === 200);
    expect(await getJson(service, '/health')).toEqual({status: 'ok'});
    expect(await statusOf(service)).toMatchObject({demoted: null, promise: null, audits: {agreement: {share: 0}}});
  });

  it.each(['{}', 'no JSON', '{"format":"limbeck.watch/1","subject":"a","state":{}}'])(
    'is not forgotten for a file that holds something else: %s',
    async content => {
      const watchFile = join(folder, 'other.json');
      await writeFile(watchFile, content);
      const refused = serve({teacher: teacherOf(() => ham), promise, watchFile});
      await expect(refused).rejects.toThrow(InputError);
      await expect(refused).rejects.toThrow(`${watchFile} is not a service's watch file`);
      expect(await readFile(watchFile, 'utf8')).toBe(content);
    },
  );
});

describe('the modes', () => {
  it('has the teacher answer all in shadow, and measures the student', async () => {
    const teacher = teacherOf(text => (text.endsWith('7') ? ham : spam));
    const service = await serve({teacher, mode: 'shadow', promise});
    const results = await send(service, [...numbered(20), 'spam 0.5']);
    expect(results.every(({answeredBy}) => answeredBy === 'teacher')).toBe(true);
    expect(teacher.asked).toHaveLength(21);
    await until(() => service.tally.audited === 20);
    expect(await statusOf(service)).toMatchObject({
      ...{mode: 'shadow', coverage: 0, local: 0, answered: 21, demoted: false},
      audits: {audited: 20, deferred: 1, agreement: {share: 0.9}},
      promise: {kept: {share: 19 / 21}},
    });
  });

  it('marks the student’s answer in shadow where the teacher fails', async () => {
    const service = await serve({teacher: teacherOf(() => new TeacherError('far', 'No.')), mode: 'shadow'});
    expect(await send(service, ['spam 0.9'])).toMatchObject([{answeredBy: 'student', abstains: true}]);
  });

  it('has the student answer all in its mode, and asks for no answer', async () => {
    const teacher = teacherOf(() => ham);
    const service = await serve({teacher, mode: 'student', audit: 0});
    const results = await send(service, ['spam 0.9', 'spam 0.5']);
    expect(results).toMatchObject([
      {label: 'spam', answeredBy: 'student', abstains: false},
      {label: 'spam', answeredBy: 'student', abstains: true},
    ]);
    await service.close();
    expect(teacher.asked).toEqual([]);
    expect(await serve({teacher, mode: 'student'}).then(statusOf)).toMatchObject({mode: 'student'});
  });

  it('audits a student that answers all, and marks all answers once its promise is broken', async () => {
    const teacher = teacherOf(() => ham);
    const service = await serve({teacher, mode: 'student', audit: 1, promise});
    await send(service, numbered(100));
    await until(async () => (await statusOf(service)).demoted === true);
    expect(await send(service, ['spam 0.9'])).toMatchObject([{label: 'spam', answeredBy: 'student', abstains: true}]);
  });
});

describe('a gate', () => {
  const gate = fitGate(numbered(60), 1)!;

  it('leaves texts unlike those of the training to the teacher, and counts them', async () => {
    const teacher = teacherOf(() => ham);
    const service = await serve({teacher, audit: 0}, {gate});
    const results = await send(service, ['spam 0.9 number 7', 'spam 0.9 Der Hund schläft unter dem Tisch.']);
    expect(results).toMatchObject([{answeredBy: 'student'}, {label: 'ham', answeredBy: 'teacher'}]);
    expect((await statusOf(service)).strange).toBe(1);
    expect(await metric(service, 'limbeck_strange_total')).toBe(1);
  });

  it('marks their answers where there is no teacher', async () => {
    const service = await start({gate});
    const [known, strange] = await send(service, ['spam 0.9 number 7', 'spam 0.9 Der Hund schläft unter dem Tisch.']);
    expect(known).not.toHaveProperty('abstains');
    expect(strange).toMatchObject({label: 'spam', abstains: true});
  });
});

describe('GET /status', () => {
  it('asks for the key, and speaks of a student alone as such', async () => {
    const service = await start({key: 'sesame'});
    expect((await fetch(`${service.url}/status`)).status).toBe(401);
    const headers = {authorization: 'Bearer sesame'};
    expect(await (await fetch(`${service.url}/status`, {headers})).json()).toEqual({
      ...{model: 'mails', version: expect.any(String), mode: 'student', demoted: null, promise: null},
      ...{answered: 0, local: 0, coverage: null, strange: 0, teacher: null},
      audits: {audited: 0, deferred: 0, lost: 0, agreement: null},
    });
  });
});
