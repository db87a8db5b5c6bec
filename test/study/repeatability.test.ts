import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {degrade} from '../../src/ask/compose/degrade.ts';
import {inputAt} from '../../src/data/inputs.ts';
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
import {changesFor, keptVerdict, testRowsAskedAgain} from '../../src/study/repeatability.ts';
import {renderReport} from '../../src/study/report/page.ts';
import {resultsTable} from '../../src/study/table.ts';
import type {AnswerOf, Query, Reply, Service, Teacher, TensorInput} from '../../src/teacher.ts';
import {startedTinyModel, studentFolder, studyPlaces, tinyData, tinyRecipe, transferSize} from './tiny.ts';

const places = studyPlaces();
const model = await startedTinyModel();

interface Noisy {
  readonly teacher: Teacher<'gray-box'>;
  /** Of every request, how many queries it was about, and which sample of each. */
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
  const answer = async (queried: readonly Query[]): Promise<Reply> => {
    requests.push(queried.map(({sample = 0}) => sample));
    const outcomes = await whole.ask(queried);
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
    async ask(queried, {exchange} = {}) {
      const send = () => answer(queried);
      const rows = queried.map((_, row) => row);
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
    const kept = {...where, knowledgeRoot: join(where.directory, 'knowledge'), cacheFolder: where.cache};
    const recipe = recipeOf(service(1.5));
    await compare(recipe, where);
    const [planned, other] = planMethods(recipe.methods).methods;
    const verdict = await keptVerdict(kept, planned!);
    expect(changesFor(recipe, planned!, verdict)).toEqual({learnsLabels: true});
    expect(changesFor(recipe, other!, verdict)).toEqual({});
    expect(changesFor({...recipe, trustsScores: true}, planned!, verdict)).toEqual({});

    // Answers of another teacher in the place of these are not what it is about.
    const path = join(where.directory, 'knowledge', 'gray-box.safetensors');
    const knowledge = await loadKnowledge(path);
    await saveKnowledge(path, {...knowledge, source: {access: 'gray-box', identity: {service: 'another'}}});
    expect(await keptVerdict(kept, planned!)).toBeUndefined();
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

/** A service that names another class when it is asked again about some inputs: those with an even first value. */
function wavering(): Noisy {
  const {teacher, requests} = service(0);
  const isWavering = ({input, sample = 0}: Query): boolean => sample === 1 && (input as TensorInput).data[0]! % 2 === 0;
  const read = ({body}: Reply) =>
    (JSON.parse(body) as number[][]).map(row => ({
      answer: {kind: 'log-probabilities' as const, logProbabilities: Float32Array.from(row)},
    }));
  const changed = async (queries: readonly Query[]): Promise<Reply> => {
    const outcomes = await teacher.ask(queries);
    const rows = outcomes.map((outcome, index) => {
      const [left, middle, right] = (outcome as {answer: {logProbabilities: Float32Array}}).answer.logProbabilities;
      return isWavering(queries[index]!) ? [middle, right, left] : [left, middle, right];
    });
    return {status: 200, headers: {}, body: JSON.stringify(rows)};
  };
  return {
    requests,
    teacher: {
      ...teacher,
      async ask(queries, {exchange} = {}) {
        const send = () => changed(queries);
        return read(await (exchange ? exchange([...queries.keys()], send) : send()));
      },
    },
  };
}

describe('the ceiling of agreement', () => {
  const repeatability = {inputs: 20};

  it('is how often the teacher names the same class again, about so many test inputs, and is planned and kept', async () => {
    const where = await places();
    const recipe = recipeOf(wavering(), {methods: [hard], repeatability});
    const about = async () => (await planStudy(recipe, {cache: where.cache})).levels.at(-1);
    expect(await about()).toMatchObject({about: 'test inputs again', inputs: 20, cached: 0});
    const {ceiling, ledger, ...results} = await compare(recipe, where);
    const {inputs} = tinyData().test;
    const rows = testRowsAskedAgain(inputs.count, repeatability);
    expect(new Set(rows).size).toBe(20);
    const same = rows.filter(row => (inputAt(inputs, row) as TensorInput).data[0]! % 2 !== 0).length;
    expect(same).toBeGreaterThan(3);
    expect(same).toBeLessThan(17);
    expect(ceiling).toMatchObject({teacher: 'a hosted one', inputs: 20, share: same / 20});
    expect(ceiling).toMatchObject({most: Math.sqrt(same / 20), ledger: {bought: 20}});
    expect(ceiling!.interval[0]).toBeLessThan(same / 20);
    expect(ceiling!.interval[1]).toBeGreaterThan(same / 20);
    expect(ledger.evaluation.bought).toBe(30);
    const sentence = 'Asked again about 20 test inputs, a hosted one named the same class for';
    expect(resultsTable({ceiling, ledger, ...results})).toContain(sentence);
    const page = renderReport({ceiling, ledger, ...results});
    expect(page).toContain(sentence);
    expect(page).toContain('teacher, asked again');

    expect(await about()).toMatchObject({about: 'test inputs again', inputs: 20, cached: 20});
    const again = await compare(recipe, {...where, record: 'none'});
    expect(again.ceiling).toEqual({...ceiling, ledger: expect.objectContaining({bought: 0, cached: 20})});
  });

  it('is not measured if the recipe does not say so, and not known if nobody may be asked', async () => {
    const where = await places();
    const recipe = recipeOf(wavering(), {methods: [hard]});
    const {ceiling} = await compare(recipe, where);
    expect(ceiling).toBeUndefined();
    const notes: string[] = [];
    const onNote = (note: string) => notes.push(note);
    const offline = await compare({...recipe, repeatability}, {...where, record: 'none', onNote});
    expect(offline.ceiling).toBeUndefined();
    expect(notes.join()).toContain(
      '20 of 20 test inputs that a hosted one was to be asked about again have no second answer',
    );
  });

  it('is 1 of a model in this process, which is not asked', async () => {
    const white = asTeacher(model);
    const recipe = {...tinyRecipe({}, {methods: [hard], seeds: [1], repeatability})};
    const teachers = {'gray-box': () => service(0).teacher, 'white-box': () => white};
    const {ceiling} = await compare({...recipe, teachers}, await places());
    expect(ceiling).toEqual({teacher: white.name, inputs: 0, share: 1, interval: [1, 1], most: 1});
  });
});
