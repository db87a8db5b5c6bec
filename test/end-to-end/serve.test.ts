import {cp, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {readTraffic} from '../../src/serve/traffic.ts';
import {knowledgeWithTraffic} from '../../src/study/traffic.ts';
import {until} from '../built.ts';
import {fixture, type Running, workplace} from './limbeck.ts';
import {type RemoteTeacher, remoteTeacher} from './remote-teacher.ts';

const {folder, start, run, json} = workplace();
const recipe = fixture('mails.ts');

/** Spam is what has `click` in it; of what is strange the teacher knows nothing better than that it is spam. */
const isSpam = (text: string): boolean => /click|strange/.test(text);

let teacher: RemoteTeacher;
let isDown = false;
/** Whether the teacher says the opposite of what it said before. */
let isChanged = false;
let student: string;

beforeAll(async () => {
  teacher = await remoteTeacher((texts, output) => {
    if (isDown) return {status: 500, body: {error: 'down'}};
    const data = texts.flatMap(text => (isSpam(text) !== isChanged ? [0.05, 0.95] : [0.95, 0.05]).map(Math.log));
    return {status: 200, body: {outputs: [{name: output, datatype: 'FP32', shape: [texts.length, 2], data}]}};
  });
  await json(['label', recipe], {env: {TEST_TEACHER_URL: teacher.url}});
  const trained = await json<{readonly directory: string}>(['train', recipe]);
  student = trained.directory;
});

interface Served extends Running {
  readonly url: string;
}

/** Serves the student, or another one, at a free port. */
function serve(...args: string[]): Promise<Served> {
  return serveModel(student, args);
}

async function serveModel(model: string, args: readonly string[]): Promise<Served> {
  const env = {TEST_TEACHER_URL: teacher.url, LIMBECK_SERVE_KEY: 'one,two'};
  const service = start(['serve', model, '--port', '0', '--name', 'mails', '--json', ...args], {env});
  await until('an address', () => service.stdout().includes('\n'));
  return {...service, url: (JSON.parse(service.stdout()) as {readonly url: string}).url};
}

async function post({url}: Served, path: string, body: object): Promise<Record<string, unknown>> {
  const headers = {authorization: 'Bearer two', 'content-type': 'application/json'};
  const reply = await fetch(`${url}${path}`, {method: 'POST', body: JSON.stringify(body), headers});
  return {...((await reply.json()) as object), status: reply.status};
}

const classify = (service: Served, text: string) => post(service, '/classify', {text});

async function metrics({url}: Served): Promise<Record<string, number>> {
  const reply = await fetch(`${url}/metrics`, {headers: {authorization: 'Bearer one'}});
  const lines = (await reply.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

/** Ends a service and returns what it said in the end. */
async function stop(service: Served): Promise<string> {
  service.kill('SIGTERM');
  const {code, signal, stderr} = await service.finished;
  expect({code, signal}).toEqual({code: 0, signal: null});
  return stderr;
}

const sure = 'About the meeting, number 7: regards';
const strange = (index: number): string => `A strange thing (${index})`;

describe('limbeck serve', () => {
  it('stands in for a hosted model, plainly and by its protocol', async () => {
    const service = await serve('--prompt', 'Sort it: {text}');
    const said = await classify(service, sure);
    expect(said).toMatchObject({status: 200, label: 'ham', answeredBy: 'student'});
    const chat = await post(service, '/v1/chat/completions', {
      model: 'gpt-4o-mini',
      messages: [{role: 'user', content: `Sort it: ${sure}`}],
    });
    expect(chat).toMatchObject({model: 'mails', choices: [{message: {content: 'ham'}}]});
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
    expect((await fetch(`${service.url}/v1/models`)).status).toBe(401);
    expect(await stop(service)).toBe('');
  });

  it('answers typed questions, each by the student that has its options', async () => {
    const service = await serve(`again=${student}`);
    const question = {type: 'choice', criteria: {spam: null, ham: null}};
    const asked = {model: 'jev-latest', state: sure, questions: {x: question}};
    expect(await post(service, '/v1/systemone', asked)).toMatchObject({
      status: 422,
      detail: [{loc: ['body', 'questions', 'x'], msg: expect.stringContaining('`mails`, `again`')}],
    });
    expect(await post(service, '/v1/systemone', {...asked, questions: {again: question}})).toMatchObject({
      ...{status: 200, model: 'mails'},
      answers: {again: {type: 'choice', choice: 'ham', x_limbeck: {answeredBy: 'student', model: 'again'}}},
    });
    const choices = [{value: 'ham'}, {value: 'spam'}];
    const decision = {type: 'choice', name: 'mails', instructions: 'Which?', choices};
    expect(await post(service, '/v1/decisions', {model: 'any', input: sure, questions: [decision]})).toMatchObject({
      ...{status: 200, model: 'mails'},
      answers: [{type: 'choice', name: 'mails', choice: 'ham', limbeck: {model: 'mails'}}],
    });
    expect(await stop(service)).toBe('');
  });

  it('says where it is for people', async () => {
    const service = start(['serve', student, '--port', '0', '--name', 'mails']);
    await until('an address', () => service.stdout().includes('/classify'));
    const at = 'http://127\\.0\\.0\\.1:\\d+';
    expect(service.stdout()).toMatch(
      new RegExp(
        `^mails \\(gray-box\\) at ${at}/v2/models/mails\nOpenAI.s protocol at ${at}/v1, plain at ${at}/classify\n$`,
      ),
    );
    service.kill('SIGINT');
    expect(await service.finished).toMatchObject({code: 0, stderr: ''});
  });

  it('asks the teacher where the student is not sure, and keeps what it says to train on', async () => {
    const asked = teacher.asked.size;
    const traffic = join(folder(), 'traffic.jsonl');
    const service = await serve('--teacher', recipe, '--audit', '0', '--threshold', '0.85', '--traffic', traffic);
    expect(await classify(service, sure)).toMatchObject({label: 'ham', answeredBy: 'student', abstains: false});
    for (const index of [1, 2, 1]) {
      expect(await classify(service, strange(index))).toMatchObject({
        ...{label: 'spam', answeredBy: 'teacher', confidence: 0.95},
      });
    }
    expect(teacher.asked.size).toBe(asked + 2);
    expect(await metrics(service)).toMatchObject({
      limbeck_local_share: 0.25,
      limbeck_spent_usd_total: 0.002,
      limbeck_saved_usd: 0.001,
      limbeck_teacher_calls_total: 2,
      'limbeck_answers_total{by="teacher"}': 3,
    });
    expect(await stop(service)).toBe('Answered 4: 25.0 % here, 3 by the teacher · spent $0.0020 · saved $0.0010.\n');

    expect((await stat(traffic)).mode & 0o777).toBe(0o600);
    const lines = (await readFile(traffic, 'utf8')).trim().split('\n').map(readTraffic);
    expect(lines).toMatchObject([
      {format: 'limbeck.traffic/1', classes: ['ham', 'spam']},
      {why: 'unsure', text: strange(1), label: 'spam', answer: {kind: 'log-probabilities'}},
      {why: 'unsure', text: strange(2), label: 'spam'},
    ]);
    const saved = await loadKnowledge(join(folder(), 'out/mails/knowledge/gray-box.safetensors'));
    const {knowledge, added} = await knowledgeWithTraffic(saved, {path: traffic, held: []});
    expect(added).toBe(2);
    expect(knowledge).toMatchObject({inputs: {count: 62}});

    const next = await start(['train', recipe, '--seed', '2', '--from-traffic', traffic]).finished;
    expect(next).toMatchObject({code: 0, stderr: expect.stringContaining(`2 texts of ${traffic} join the knowledge.`)});
  });

  it('asks nothing twice: what the teacher said is in the cache', async () => {
    const asked = new Map(teacher.asked);
    const service = await serve('--teacher', recipe, '--audit', '0', '--threshold', '0.85');
    expect(await classify(service, strange(1))).toMatchObject({label: 'spam', answeredBy: 'teacher'});
    expect(teacher.asked).toEqual(asked);
    await stop(service);
  });

  it('marks the student’s answer where the budget is spent, or the teacher is not to be had', async () => {
    const service = await serve('--teacher', recipe, '--audit', '0', '--threshold', '0.85', '--budget', '1calls');
    expect(await classify(service, strange(11))).toMatchObject({answeredBy: 'teacher'});
    expect(await classify(service, strange(12))).toMatchObject({
      ...{status: 200, answeredBy: 'student', abstains: true, fallback: 'budget'},
    });
    expect(await stop(service)).toMatch(/^The teacher did not answer: .*budget.*\nAnswered 2: 50\.0 % here/);

    isDown = true;
    const down = await serve('--teacher', recipe, '--audit', '0', '--threshold', '0.85', '--patience', '1');
    expect(await classify(down, strange(13))).toMatchObject({answeredBy: 'student', fallback: 'late'});
    isDown = false;
    await stop(down);
  });

  it('asks below the threshold that the student was saved with', async () => {
    const calibrated = join(folder(), 'calibrated');
    await cp(join(folder(), student), calibrated, {recursive: true});
    const file = join(calibrated, 'limbeck.json');
    const description = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({...description, calibration: {temperature: 1, threshold: 1}}));
    const service = await serveModel(calibrated, ['--teacher', recipe]);
    expect(await classify(service, sure)).toMatchObject({answeredBy: 'teacher'});
    await stop(service);
  });

  it('measures how often the teacher says the same, and says how it fares', async () => {
    const service = await serve('--teacher', recipe, '--threshold', '0.5', '--audit', '1');
    for (const number of [1, 2, 3]) await classify(service, `About the agenda, number ${500 + number}: regards`);
    await until('the audits', async () => (await metrics(service))['limbeck_audits_total{agrees="yes"}'] === 3);
    expect(await metrics(service)).toMatchObject({limbeck_agreement: 1, limbeck_local_share: 1});
    const env = {LIMBECK_SERVE_KEY: 'one,two'};
    const status = await run(['status', service.url, '--json'], {env});
    expect(JSON.parse(status.stdout)).toMatchObject({
      ...{mode: 'cascade', demoted: null, coverage: 1, audits: {audited: 3, agreement: {share: 1}}},
      teacher: {saved: 3},
    });
    expect((await run(['status', service.url], {env})).stdout).toMatch(
      /^mails, mode cascade\nCoverage +100 % here: 3 of 3\n/,
    );
    expect(await run(['status', service.url])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('requires a key'),
    });
    expect(await stop(service)).toMatch(/carries no guarantee[\s\S]*of 3 audited it said the same of 100\.0 %\.\n$/);
  });

  it('demotes a student whose teacher has changed, and has not forgotten it after a restart', async () => {
    const flags = ['--teacher', recipe, '--threshold', '0.5', '--audit', '1', '--agreement', '0.97'];
    const watch = join(folder(), 'watch.json');
    const service = await serve(...flags, '--watch', watch);
    isChanged = true;
    for (let number = 0; number < 40; number++) await classify(service, `About the agenda, number ${number}: regards`);
    await until('the demotion', async () => (await metrics(service))['limbeck_demoted'] === 1);
    expect(await (await fetch(`${service.url}/health`)).json()).toMatchObject({demoted: true});
    expect(await classify(service, sure)).toMatchObject({label: 'spam', answeredBy: 'teacher'});
    expect(await stop(service)).toMatch(
      /^\S+ The student is demoted, and the teacher answers everything: \d+ of \d+ compared/,
    );
    const again = await serve(...flags, '--watch', watch);
    expect(await classify(again, sure)).toMatchObject({label: 'spam', answeredBy: 'teacher'});
    isChanged = false;
    await stop(again);
  });

  it('has the teacher answer all in shadow, and nobody asked where the student answers all', async () => {
    const shadow = await serve('--teacher', recipe, '--mode', 'shadow', '--agreement', '0.97');
    expect(await classify(shadow, sure)).toMatchObject({label: 'ham', answeredBy: 'teacher'});
    await stop(shadow);
    const asked = new Map(teacher.asked);
    const alone = await serve('--mode', 'student');
    expect(await classify(alone, strange(99))).toMatchObject({answeredBy: 'student'});
    await stop(alone);
    expect(teacher.asked).toEqual(asked);
  });

  it.each([
    [
      'flags of a teacher without one',
      ['--budget', '1usd'],
      /--budget needs a teacher\. Name its recipe with --teacher/,
    ],
    ['a mode of a teacher without one', ['--mode', 'shadow'], /Mode shadow needs a teacher.*--teacher/],
    ['a promise that is none', ['--teacher', recipe, '--agreement', '97'], /above 0 and below 1, for example 0\.97/],
    ['a teacher without a threshold', ['--teacher', recipe], /has no threshold.*--threshold/],
    ['a level without a teacher', ['--teacher', recipe, '--level', 'black-box'], /has no black-box teacher/],
    ['a threshold that is no probability', ['--threshold', '85'], /a number from 0 to 1/],
    ['a size that is none', ['--max-body', 'large'], /500kB or 2MB/],
    ['a prompt without a place for the text', ['--prompt', 'Sort it.'], /\{text\} once/],
  ])('refuses %s', async (_, args, problem) => {
    const refused = await run(['serve', student, '--port', '0', ...args]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(problem);
  });
});

describe('limbeck serve of a student of several questions', () => {
  const tickets = fixture('tickets.ts');
  const late = (number: number): string => `The invoice is wrong, case ${number}: no hurry`;
  const questions = {
    topic: {type: 'choice', criteria: {billing: null, fault: null}},
    urgent: {type: 'noul', instructions: 'Is it?'},
  };
  const ask = async (service: Served, state: string) =>
    (await post(service, '/v1/systemone', {model: 'jev-latest', state, questions})) as {
      readonly answers: {readonly urgent: {readonly noul: number; readonly x_limbeck: object}; readonly topic: object};
    };
  let model: string;

  beforeAll(async () => {
    await json(['label', tickets]);
    model = (await json<{readonly directory: string}>(['train', tickets])).directory;
  });

  it('demotes one of them, says so, and has not forgotten it after a restart', async () => {
    const promise = ['--teacher', tickets, '--threshold', '0.6', '--audit', '1', '--agreement', '0.9'];
    const watch = ['--watch', join(folder(), 'watch.json')];
    const service = await serveModel(model, [...promise, ...watch]);
    await writeFile(join(folder(), 'changed'), '');
    for (let number = 0; number < 30; number++) await ask(service, late(number));
    await until('the demotion', async () => (await metrics(service))['limbeck_demoted{question="urgent"}'] === 1);
    expect(await metrics(service)).toMatchObject({'limbeck_demoted{question="topic"}': 0});
    const env = {LIMBECK_SERVE_KEY: 'one'};
    expect((await run(['status', service.url], {env})).stdout).toMatch(
      /^mails, mode cascade, the student is demoted on urgent\nCoverage [\s\S]*\ntopic [^\n]*\n {2}Agreement [^\n]*90 % promised at 97\.5 % confidence\nurgent /,
    );
    expect(await stop(service)).toMatch(
      /^\S+ The student is demoted on `urgent`, and the teacher answers that question: \d+ of \d+ compared/,
    );
    const again = await serveModel(model, [...promise, ...watch, '--audit', '0']);
    expect(await ask(again, late(1))).toMatchObject({
      answers: {
        topic: {choice: 'billing', x_limbeck: {answeredBy: 'student'}},
        urgent: {noul: expect.closeTo(0.95, 5), x_limbeck: {answeredBy: 'teacher'}},
      },
    });
    await stop(again);
    await rm(join(folder(), 'changed'));
  });

  it('keeps what the teacher says to each of them, to train on', async () => {
    const traffic = join(folder(), 'tickets.jsonl');
    const flags = ['--teacher', tickets, '--threshold', '0.6', '--mode', 'shadow', '--traffic', traffic];
    const service = await serveModel(model, [...flags, '--audit', '0']);
    await ask(service, 'The printer hums: at once');
    await stop(service);
    const path = join(folder(), 'tickets.urgent.jsonl');
    expect((await readFile(path, 'utf8')).trim().split('\n').map(readTraffic)).toMatchObject([
      {format: 'limbeck.traffic/1', classes: ['no', 'yes'], teacher: {name: 'clerk about urgent'}},
      {why: 'shadow', text: 'The printer hums: at once', label: 'yes'},
    ]);
    const {code, stderr} = await start(['train', tickets, '--seed', '2', '--from-traffic', traffic]).finished;
    expect(code).toBe(0);
    for (const name of ['topic', 'urgent']) {
      expect(stderr).toContain(`1 texts of ${join(folder(), `tickets.${name}.jsonl`)} join the knowledge.`);
    }
  });

  it('is compared with the teacher about each of them by evaluate and audit, or about one', async () => {
    const evaluated = await json<{readonly questions: readonly object[]}>(['evaluate', model, tickets]);
    expect(evaluated.questions).toMatchObject([
      {name: 'topic', teacher: 'clerk about topic', examples: 12, agreement: expect.any(Number)},
      {name: 'urgent', teacher: 'clerk about urgent', examples: 12},
    ]);
    const {stdout, code} = await run(['audit', tickets, '--items', '12']);
    expect(code).toBe(0);
    for (const name of ['topic', 'urgent']) {
      expect(stdout).toContain(`${name}\nTeacher and student agree on`);
      expect(stdout).toContain(`limbeck audit ${tickets} --question ${name}`);
      expect(await readFile(join(folder(), `out/tickets/questions/${name}/audit.csv`), 'utf8')).toContain('label');
    }
    const one = await json<object>(['evaluate', model, tickets, '--question', 'urgent']);
    expect(one).toEqual({student: model, ...evaluated.questions[1], name: undefined});
  });
});
