import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {degrade} from '../../src/ask/degrade.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {loadKnowledge, saveKnowledge} from '../../src/knowledge/files.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {planMethods} from '../../src/recipe/methods.ts';
import type {Method, Recipe} from '../../src/recipe/recipe.ts';
import {type AnswerEntry, openStoreAt} from '../../src/store/store.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {loadStudent} from '../../src/student/files.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {compare} from '../../src/study/compare.ts';
import {planStudy} from '../../src/study/plan.ts';
import {changesFor, keptVerdict} from '../../src/study/repeatability.ts';
import {renderReport} from '../../src/study/report/page.ts';
import {resultsTable} from '../../src/study/table.ts';
import type {AnswerOf, Query, Reply, Service, Teacher} from '../../src/teacher.ts';
import {startedTinyModel, studentFolder, studyPlaces, tinyRecipe, transferSize} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

interface Noisy {
  readonly teacher: Teacher<'gray-box'>;
  /** Of every request, how many questions it was about, and which sample of each. */
  readonly requests: (readonly number[])[];
}

/** A service whose log-probabilities are disturbed by up to `noise`, otherwise at each request. */
function service(noise: number): Noisy {
  const whole = degrade(asTeacher(model), {access: 'gray-box', detail: {kind: 'log-probabilities'}});
  const {parts: _, ...shown} = whole;
  const random = seededRandom(6, 'noise');
  const requests: (readonly number[])[] = [];
  const read = ({body}: Reply): {readonly answer: AnswerOf<'gray-box'>}[] =>
    (JSON.parse(body) as number[][]).map(row => ({
      answer: {kind: 'log-probabilities', logProbabilities: Float32Array.from(row)},
    }));
  const answer = async (questions: readonly Query[]): Promise<Reply> => {
    requests.push(questions.map(({sample = 0}) => sample));
    const outcomes = await whole.ask(questions);
    const rows = outcomes.map(outcome => {
      const {logProbabilities} = (outcome as {answer: {logProbabilities: Float32Array}}).answer;
      const disturbed = [...logProbabilities].map(value => value + noise * (2 * randomFraction(random) - 1));
      const total = Math.log(disturbed.reduce((sum, value) => sum + Math.exp(value), 0));
      return disturbed.map(value => value - total);
    });
    return {status: 200, headers: {}, body: JSON.stringify(rows)};
  };
  const teacher: Teacher<'gray-box'> = {
    ...shown,
    name: 'a hosted one',
    identity: {service: 'hosted', noise},
    maxBatch: 8,
    service: {account: 'hosted', reader: 1, read} satisfies Service<'gray-box'>,
    async ask(questions, {exchange} = {}) {
      const send = () => answer(questions);
      const rows = questions.map((_, row) => row);
      return read(await (exchange ? exchange(rows, send) : send()));
    },
  };
  return {teacher, requests};
}

const soft: Method = {
  level: 'gray-box',
  method: 'soft',
  losses: [hardLabels({weight: 0.1}), softLabels({weight: 0.9})],
};
const hard: Method = {level: 'gray-box', method: 'hard', losses: [hardLabels()]};

const recipeOf = ({teacher}: Noisy, changes: Partial<Recipe> = {}): Recipe => ({
  ...tinyRecipe({}, {methods: [soft, hard], seeds: [1], ...changes}),
  teachers: {'gray-box': () => teacher},
});

const hashOf = async (directory: string, method: string) =>
  weightsHash(await loadStudent(studentFolder(directory, method, 1)));

describe('a gray-box service that perturbs its scores', () => {
  it('is found out by asking twice, and its methods learn from labels, which is said everywhere', async () => {
    const [where, other] = [await places(), await places()];
    const noisy = service(1.5);
    const notes: string[] = [];
    const results = await compare(recipeOf(noisy), {...where, onNote: note => notes.push(note)});
    const [found] = results.steadiness!;
    expect(found).toMatchObject({level: 'gray-box', compared: 5, verdict: 'perturbed', fallbacks: ['soft']});
    expect(found!.meanKl).toBeGreaterThan(0.01);
    // Five more answers, of another sample, are bought in a request of their own.
    expect(found!.ledger).toMatchObject({asked: 5, bought: 5, cached: 0, calls: 1});
    expect(noisy.requests.filter(samples => samples.includes(1))).toEqual([[1, 1, 1, 1, 1]]);
    expect(results.ledger.byLevel['gray-box']).toMatchObject({asked: transferSize, bought: transferSize});
    const sentence =
      /The scores of a hosted one are others each time it is asked, by 0\.\d+ nats .* So soft learn from its labels instead; .trustsScores: true./;
    expect(notes.join()).toMatch(sentence);
    expect(resultsTable(results)).toMatch(/The scores of a hosted one are others .* soft learn from its labels/);
    expect(renderReport(results)).toContain('soft learn from its labels instead');
    expect(results.methods[0]!.description).toContain('hard-labels in place of soft-labels');

    // As if the recipe had said so, of the very answers that were bought.
    const labelled = {
      ...soft,
      detail: {kind: 'label'},
      losses: [hardLabels({weight: 0.1}), hardLabels({weight: 0.9})],
    } as const;
    await compare(recipeOf(noisy, {methods: [labelled, hard]}), {...where, directory: other.directory});
    expect(await hashOf(where.directory, 'soft')).toBe(await hashOf(other.directory, 'soft'));
    const path = join(studentFolder(where.directory, 'soft', 1), 'limbeck.json');
    expect(JSON.parse(await readFile(path, 'utf8')).madeBy).toMatchObject({method: 'soft', learnsLabels: true});
  });

  it('is not asked again if answers of it were imported, which is said', async () => {
    const where = await places();
    const noisy = service(1.5);
    const recipe = recipeOf(noisy, {methods: [hard, {...soft, detail: {kind: 'log-probabilities'}}]});
    await compare(recipe, where);
    const store = openStoreAt(where.cache);
    const entries: AnswerEntry[] = [];
    for await (const {key, stored} of store.entries()) {
      entries.push({key, stored: {...stored, imported: {file: '/log.jsonl', sha256: 'ab', line: 1}}});
    }
    await store.setMany(entries);
    await store.close();
    const notes: string[] = [];
    const {steadiness, ledger} = await compare(recipe, {...where, onNote: note => notes.push(note)});
    expect(steadiness ?? []).toEqual([]);
    expect(ledger.byLevel['gray-box']).toMatchObject({imported: transferSize, bought: 0});
    expect(notes.join()).toContain(`${transferSize} of its answers were imported`);
    const {levels} = await planStudy(recipe, {cache: where.cache});
    expect(levels.map(({about}) => about)).toEqual(['transfer set', 'test split']);
  });

  it('is asked again once: a later study has its second answers, offline, too', async () => {
    const where = await places();
    const noisy = service(1.5);
    await compare(recipeOf(noisy), where);
    const before = noisy.requests.length;
    const {steadiness} = await compare(recipeOf(noisy), {...where, record: 'none'});
    expect(noisy.requests).toHaveLength(before);
    expect(steadiness![0]).toMatchObject({verdict: 'perturbed', ledger: {bought: 0, cached: 5}});
  });

  it('is learned from where the recipe trusts it, with a word on what was found', async () => {
    const where = await places();
    const results = await compare(recipeOf(service(1.5), {trustsScores: true}), where);
    expect(results.steadiness![0]).toMatchObject({verdict: 'perturbed', fallbacks: []});
    expect(results.methods[0]!.description).toContain('0.9 × soft-labels');
    expect(resultsTable(results)).toContain('The recipe learns from them nonetheless.');
  });

  it('leaves its verdict for students that are trained later', async () => {
    const where = await places();
    const recipe = recipeOf(service(1.5));
    await compare(recipe, where);
    const [planned, other] = planMethods(recipe.methods).methods;
    const verdict = await keptVerdict(where, planned!);
    expect(changesFor(recipe, planned!, verdict)).toEqual({learnsLabels: true});
    expect(changesFor(recipe, other!, verdict)).toEqual({});
    expect(changesFor({...recipe, trustsScores: true}, planned!, verdict)).toEqual({});

    // Answers of another teacher in the place of these are not what it is about.
    const path = join(where.directory, 'knowledge', 'gray-box.safetensors');
    const knowledge = await loadKnowledge(path);
    await saveKnowledge(path, {...knowledge, source: {access: 'gray-box', identity: {service: 'another'}}});
    expect(await keptVerdict(where, planned!)).toBeUndefined();
  });
});

describe('a gray-box service that does not', () => {
  it.each([
    ['gives the same bits', 0, 'same'],
    ['is not quite deterministic', 0.02, 'noise'],
  ] as const)('and %s is learned from as it is', async (_, noise, verdict) => {
    const where = await places();
    const results = await compare(recipeOf(service(noise)), where);
    expect(results.steadiness![0]).toMatchObject({verdict, fallbacks: []});
    expect(results.methods[0]!.description).toContain('0.9 × soft-labels');
    expect(resultsTable(results)).not.toContain('each time it is asked');
  });

  it('is not asked twice where labels are all that is learned, nor is a teacher in this process', async () => {
    const where = await places();
    const noisy = service(1.5);
    const results = await compare(recipeOf(noisy, {methods: [hard]}), where);
    expect(results.steadiness).toBeUndefined();
    expect(noisy.requests.flat()).not.toContain(1);
    const {service: _, ...here} = service(1.5).teacher;
    const local = await compare(recipeOf({teacher: here, requests: []}), await places());
    expect(local.steadiness).toBeUndefined();
    expect(existsSync(join(where.directory, 'knowledge', 'gray-box.steadiness.json'))).toBe(false);
  });
});
