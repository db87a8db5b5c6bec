/** Typed questions through all layers, counted at the service. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {beforeEach, describe, expect, it} from 'vitest';
import {decisions} from '../../../adapters/decisions.ts';
import {systemOne} from '../../../adapters/system-one.ts';
import {openAsking} from '../../../src/ask/asking.ts';
import {collect} from '../../../src/ask/collect.ts';
import {collectQuestions, type QuestionCollection} from '../../../src/ask/collect-questions.ts';
import {aboutQuestion} from '../../../src/ask/compose/about-question.ts';
import {planAsking} from '../../../src/ask/plan/plan.ts';
import type {TransferSet} from '../../../src/data/split.ts';
import {type Answers, coarsenAnswers} from '../../../src/knowledge/answers.ts';
import type {Question} from '../../../src/question.ts';
import {choice, predicate, score} from '../../../src/questions.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {type DecisionServer, decisionServer} from './decision-server.ts';

const twenty: readonly Question[] = [
  choice('topic', 'What is it about?', ['money', 'parcel', 'praise']),
  score('mood', 'How content is the writer?', ['angry', 'neutral', 'happy']),
  ...Array.from({length: 18}, (_, index) => predicate(`q${index}`, `Is it true number ${index}?`)),
];
const added = predicate('added', 'Is it new?');
const transferOf = (count: number): TransferSet => ({
  role: 'transfer',
  inputs: {kind: 'text', count, texts: Array.from({length: count}, (_, index) => `Text ${index}.`)},
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-decisions-'));
  return () => rm(folder, {recursive: true});
});

async function run(teacher: Teacher, transfer: TransferSet, questions?: readonly Question[], cache = 'answers') {
  const asking = await openAsking({cache: join(folder, cache), journal: join(folder, 'journal')});
  try {
    const opened = asking.open(teacher);
    const collections = await collectQuestions(opened.teacher, transfer, questions && {questions}).catch(
      (error: Error) => error,
    );
    return {collections: collections as readonly QuestionCollection[], ledger: opened.ledger.snapshot()};
  } finally {
    await asking.close();
  }
}

const ADAPTERS = {
  decisions: ({url}: DecisionServer, questions: readonly Question[], decimals?: number, expected?: 'levels') =>
    decisions({url, model: 'm', questions, key: 'k', decimals: decimals ?? null, ...(expected && {expected})}),
  'system-one': ({url}: DecisionServer, questions: readonly Question[], decimals?: number, expected?: 'levels') =>
    systemOne({url, model: 'm', questions, key: 'k', decimals: decimals ?? null, ...(expected && {expected})}),
};

const levelsOf = (answers: Answers) => (answers as Extract<Answers, {readonly kind: 'expected'}>).levels;

describe.each(Object.entries(ADAPTERS))('%s, asked through all layers', (_, make) => {
  it('sends 20 questions about a text in one request, and later one for 50 texts alone', async () => {
    const server = await decisionServer(2);
    const transfer = transferOf(50);
    const first = await run(make(server, twenty, 2), transfer);
    expect(server.asked).toHaveLength(50);
    expect(server.asked.every(names => names.length === 20)).toBe(true);
    expect(first.ledger).toMatchObject({calls: 50, bought: 1000, inputTokens: 50 * (10 + 5 * 20), outputTokens: 0});
    expect(first.collections.flatMap(({missing}) => missing)).toEqual([]);
    expect(first.collections[0]!.knowledge).toMatchObject({
      ...{classes: ['money', 'parcel', 'praise'], detail: {kind: 'top-k', k: 3}, question: twenty[0]},
    });
    server.asked.length = 0;
    const second = await run(make(server, [...twenty, added], 2), transfer);
    expect(server.asked).toEqual(Array.from({length: 50}, () => ['added']));
    expect(second.ledger).toMatchObject({calls: 50, bought: 50, cached: 1000});
    expect(second.collections.map(({knowledge}) => knowledge.answers).slice(0, 20)).toEqual(
      first.collections.map(({knowledge}) => knowledge.answers),
    );
  });

  it('asks a refused question no more, and answers the others', async () => {
    const questions = twenty.slice(0, 3);
    const server = await decisionServer(undefined, (names, _text) => {
      if (!names.includes('mood')) return undefined;
      const refusal = {type: 'refusal', name: 'mood'};
      const own = {type: 'predicate', name: 'q0', probability: 0.5};
      const topic = {
        ...{type: 'choice', name: 'topic', choice: 'money'},
        probabilities: ['money', 'parcel', 'praise'].map((value, index) => ({value, probability: [1, 0, 0][index]})),
      };
      const mapped = {
        ...{mood: refusal, q0: {type: 'noul', noul: 0.5}},
        topic: {...topic, probabilities: {money: 1, parcel: 0, praise: 0}},
      };
      const all = {topic, mood: refusal, q0: own};
      const isList = make === ADAPTERS.decisions;
      return {body: {model: 'm', answers: isList ? names.map(name => all[name as keyof typeof all]) : mapped}};
    });
    const transfer = transferOf(4);
    const first = await run(make(server, questions), transfer);
    expect(String(first.collections)).toContain('Question `mood`: It refuses to answer this question about the input.');
    expect(server.asked).toHaveLength(4);
    server.asked.length = 0;
    const second = await run(make(server, questions), transfer);
    expect(String(second.collections)).toContain('`--retry-quarantined`');
    expect(server.asked).toEqual([]);
    const others = await run(make(server, questions), transfer, [questions[0]!, questions[2]!]);
    expect(others.collections.map(({missing, knowledge}) => [missing.length, knowledge.inputs.count])).toEqual([
      [0, 4],
      [0, 4],
    ]);
    expect(server.asked).toEqual([]);
  });

  it('reads what it paid for again if the rounding is declared later', async () => {
    const server = await decisionServer(2);
    // A predicate has fewer classes than what is then wanted of every answer: the three most likely ones.
    const three = twenty.slice(0, 3);
    const transfer = transferOf(40);
    const undeclared = await run(make(server, three), transfer);
    const problems = undeclared.collections.flatMap(({missing}) => missing.map(({error}) => error.message));
    expect(problems.length).toBeGreaterThan(10);
    for (const problem of problems) expect(problem).toContain('If the service rounds, set `decimals: 2`.');
    const declared = await run(make(server, three, 2), transfer);
    expect(declared.collections.map(({knowledge, missing}) => [knowledge.inputs.count, missing.length])).toEqual([
      [40, 0],
      [40, 0],
      [40, 0],
    ]);
    expect(server.asked).toHaveLength(40);
  });

  it('keeps a score as its expected level and the rest as distributions, out of one request', async () => {
    const server = await decisionServer();
    const transfer = transferOf(6);
    const questions = twenty.slice(0, 3);
    const teacher = make(server, questions, undefined, 'levels');
    const kindsOf = ({collections}: Awaited<ReturnType<typeof run>>) =>
      collections.map(({knowledge: {answers, detail}}) => [answers.kind, detail.kind]);
    const [whole, level] = [
      ['log-probabilities', 'log-probabilities'],
      ['expected', 'expected'],
    ];
    const first = await run(teacher, transfer);
    expect(kindsOf(first)).toEqual([whole, level, whole]);
    expect(server.asked).toHaveLength(6);
    const again = await run(teacher, transfer);
    expect(again.ledger).toMatchObject({calls: 0, bought: 0, cached: 18});
    // A cache that was lost is filled from the journal, each answer in its own kind.
    const restored = await run(teacher, transfer, undefined, 'other-answers');
    expect(restored.collections.map(({knowledge}) => knowledge.answers)).toEqual(
      first.collections.map(({knowledge}) => knowledge.answers),
    );
    // The kept replies show the levels, too: without the option they are read again.
    const undeclared = await run(make(server, questions), transfer);
    expect(kindsOf(undeclared)).toEqual([whole, whole, whole]);
    const [{knowledge: one}, {knowledge: other}] = [first.collections[1]!, undeclared.collections[1]!];
    expect(one.answers).toEqual({
      ...{kind: 'expected', count: 6},
      levels: expect.any(Float32Array),
    });
    const meant = coarsenAnswers(other.answers, {kind: 'expected'}, 3);
    for (const row of [0, 1, 2, 3, 4, 5]) {
      expect(levelsOf(one.answers)[row]).toBeCloseTo(levelsOf(meant)[row]!, 5);
    }
    expect(server.asked).toHaveLength(6);
  });

  it('plans and asks about one question of such a teacher at its own detail', async () => {
    const server = await decisionServer();
    const teacher = make(server, twenty.slice(0, 3), undefined, 'levels');
    const [mood, topic] = ['mood', 'topic'].map(name => aboutQuestion(teacher, name));
    expect([mood!.detail, topic!.detail]).toEqual([{kind: 'expected'}, {kind: 'log-probabilities'}]);
    const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
    const transfer = transferOf(3);
    expect(await planAsking(mood!, transfer.inputs, {store: asking.store})).toMatchObject({
      calls: {low: 3, expected: 3},
    });
    expect(await collect(asking.open(mood!).teacher, transfer)).toMatchObject({answers: {kind: 'expected'}});
    expect(await planAsking(topic!, transfer.inputs, {store: asking.store})).toMatchObject({
      calls: {low: 0, expected: 0},
    });
    const labels = await collect(asking.open(topic!).teacher, transfer, {detail: {kind: 'label'}});
    expect(labels.answers.kind).toBe('label');
    expect(server.asked).toHaveLength(3);
    const asked = asking.open(teacher).teacher;
    await expect(collectQuestions(asked, transfer, {detail: {kind: 'label'}})).rejects.toThrow(
      'gives expected for question `mood`, and label was asked for',
    );
    const some = await collectQuestions(asked, transfer, {detail: {topic: {kind: 'label'}}});
    expect(some.map(({knowledge}) => knowledge.answers.kind)).toEqual(['label', 'expected', 'log-probabilities']);
    await expect(collectQuestions(asked, transfer, {detail: {topics: {kind: 'label'}}})).rejects.toThrow(
      '`detail` names `topics`, which is not asked. Did you mean `topic`?',
    );
    await asking.close();
  });

  it('buys the others with the question that a recipe is about', async () => {
    const server = await decisionServer();
    const teacher = make(server, twenty);
    const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
    const transfer = transferOf(3);
    const topics = await collect(asking.open(aboutQuestion(teacher, 'topic')).teacher, transfer);
    const moods = await collect(asking.open(aboutQuestion(teacher, 'mood')).teacher, transfer);
    await asking.close();
    expect(server.asked).toHaveLength(3);
    expect([topics.classes, moods.classes]).toEqual([
      ['money', 'parcel', 'praise'],
      ['angry', 'neutral', 'happy'],
    ]);
    expect(topics.detail).toEqual({kind: 'log-probabilities'});
  });
});
