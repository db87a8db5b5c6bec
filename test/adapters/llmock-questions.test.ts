import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {anthropic} from '../../adapters/anthropic.ts';
import {gemini} from '../../adapters/gemini.ts';
import {openai} from '../../adapters/openai.ts';
import {collectQuestions} from '../../src/ask/collect-questions.ts';
import type {LedgerSnapshot} from '../../src/ask/ledger.ts';
import type {TransferSet} from '../../src/data/split.ts';
import {openAsking} from '../../src/index.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Teacher} from '../../src/teacher.ts';
import {type Llmock, type Served, startLlmock} from '../servers/llmock.ts';
import {NO_SERVERS, programsOf} from '../servers/python-server.ts';

const TEXTS = 20;
/** Requests of each teacher that fail at first. */
const FAILURES = 2;

const questions = [
  choice('topic', 'What is it about?', ['billing', 'fault', 'other']),
  predicate('urgent', 'Must it be answered today?'),
  score('mood', 'How content is the writer?', ['angry', 'calm', 'happy']),
];
const shared = {questions, output: 'label', key: 'sk_secret', concurrency: 16} as const;

const TEACHERS: Readonly<Record<string, (url: string) => Teacher>> = {
  openai: url => openai({...shared, model: 'openai', url: `${url}/v1`}),
  responses: url => openai({...shared, model: 'responses', url: `${url}/v1`, api: 'responses'}),
  alone: url => openai({...shared, model: 'alone', url: `${url}/v1`, maxQuestions: 1}),
  anthropic: url => anthropic({...shared, model: 'anthropic', url: `${url}/anthropic`, areNamesShown: true}),
  gemini: url => gemini({...shared, model: 'gemini', url: `${url}/gemini/v1beta`}),
};
const names = Object.keys(TEACHERS);

const texts = Array.from({length: TEXTS}, (_, number) => `What do you say of number ${number}?`);
const transfer: TransferSet = {role: 'transfer', inputs: {kind: 'text', count: TEXTS, texts}};

describe.skipIf(programsOf('servers') === undefined)(`llmock, asked several questions (else: ${NO_SERVERS})`, () => {
  let server: Llmock;
  let folder: string;
  let served: readonly Served[];
  const ledgers = new Map<string, LedgerSnapshot>();
  const counts = new Map<string, readonly number[]>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'limbeck-llmock-'));
    server = (await startLlmock())!;
    // It knows no current schema of Anthropic.
    const said = '{"topic": "fault", "urgent": "yes", "mood": "calm"}';
    await server.script(
      ...names.map(model => ({type: 'fail', status: 503, times: FAILURES, match: {model}}) as const),
      {type: 'reply', text: said, times: null, match: {provider: 'anthropic'}},
    );
    await Promise.all(
      names.map(async name => {
        const own = join(folder, name);
        const asking = await openAsking({cache: join(own, 'answers'), journal: join(own, 'journal')});
        const {teacher, ledger} = asking.open(TEACHERS[name]!(server.url));
        const collections = await collectQuestions(teacher, transfer);
        counts.set(
          name,
          collections.map(({knowledge}) => knowledge.inputs.count),
        );
        ledgers.set(name, ledger.snapshot());
        await asking.close();
      }),
    );
    served = await server.requests();
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
    await rm(folder, {recursive: true, force: true});
  });

  it.each(names)('gives %s an answer to every question, through errors, for one paid request a text', name => {
    expect(counts.get(name)).toEqual(questions.map(() => TEXTS));
    const requests = name === 'alone' ? TEXTS * questions.length : TEXTS;
    const own = served.filter(({model}) => model === name);
    expect(own.filter(({status}) => status === 200)).toHaveLength(requests);
    const {bought, inDoubt, calls} = ledgers.get(name)!;
    expect({bought, inDoubt, calls}).toEqual({bought: TEXTS * questions.length, inDoubt: 0, calls: own.length});
    expect(own).toHaveLength(requests + FAILURES);
  });

  it('is never asked again about a text whose answers are kept', async () => {
    const own = join(folder, 'openai');
    const asking = await openAsking({cache: join(own, 'answers'), journal: join(own, 'journal')});
    const {teacher, ledger} = asking.open(TEACHERS['openai']!(server.url));
    await collectQuestions(teacher, transfer);
    expect(ledger.snapshot()).toMatchObject({calls: 0, cached: TEXTS * questions.length});
    await asking.close();
  });

  it('is asked by batches about questions alone, and a reply without fields fails its own question', async () => {
    const own = join(folder, 'batches');
    const sleep = async () => void (await setTimeout(100));
    const asking = await openAsking({cache: join(own, 'answers'), journal: join(own, 'journal'), lane: {sleep}});
    const lone = openai({...shared, model: 'batches', url: `${server.url}/v1`, maxQuestions: 1});
    const {teacher} = asking.open(lone);
    const few: TransferSet = {role: 'transfer', inputs: {kind: 'text', count: 2, texts: texts.slice(0, 2)}};
    // Its batches know no schema.
    await expect(collectQuestions(teacher, few)).rejects.toThrow('Question `urgent`: Its reply is no JSON object.');
    // The first query is asked by itself, to see that the service answers.
    expect((await server.requests()).filter(({model}) => model === 'batches')).toHaveLength(1);
    await asking.close();
  });

  it('has no batches for questions in one answer', async () => {
    const own = join(folder, 'together');
    const asking = await openAsking({cache: join(own, 'answers'), journal: join(own, 'journal'), lane: {}});
    expect(() => asking.open(TEACHERS['openai']!(server.url))).toThrow('questions need `maxQuestions: 1` for it');
    await asking.close();
  });
});
