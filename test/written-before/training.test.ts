import {cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {
  asTeacher,
  type Epoch,
  loadKnowledge,
  loadStudent,
  openAnswerStore,
  openKnowledge,
  predictLogits,
  type Student,
  saveKnowledge,
  saveStudent,
  serveTeacher,
  stack,
  startEngine,
  type TrainOptions,
  train,
} from 'limbeck';
import {weightsHash} from 'limbeck/students';
import {afterAll, describe, expect, it} from 'vitest';
import {knowledgeWithTraffic} from '../../src/study/traffic.ts';
import {plain} from '../fixtures/written-before/asking.ts';
import {
  calibration,
  contrary,
  imageStudent,
  knowledgeSets,
  LEFT_AFTER,
  served,
  texts,
  trainingOf,
} from '../fixtures/written-before/training.ts';

process.env['LIMBECK_ENGINE'] = 'wasm';
await startEngine();

const written = join(import.meta.dirname, '../fixtures/written-before');
const folder = mkdtempSync(join(tmpdir(), 'limbeck-written-before-'));
const sets = knowledgeSets();
const knowledgePath = (name: string): string => join(written, 'knowledge', `${name}.safetensors`);
const readJson = (name: string) => JSON.parse(readFileSync(join(written, name), 'utf8'));

interface Trained {
  readonly before: readonly Epoch[];
  readonly logits: Readonly<Record<string, {readonly Float32Array: readonly number[]}>>;
}
const trained = readJson('training.json') as Trained;

afterAll(() => rmSync(folder, {recursive: true}));

describe.each(Object.keys(sets))('a knowledge set of %s that was written before', name => {
  const expected = plain(sets[name]);

  it('is loaded with all that it says', async () => {
    expect(plain(await loadKnowledge(knowledgePath(name)))).toEqual(expected);
  });

  it('is opened, and read row by row', async () => {
    const opened = await openKnowledge(knowledgePath(name));
    const {inputs: _, answers: __, ...head} = sets[name]!;
    expect(opened).toMatchObject({...head, count: sets[name]!.inputs.count});
    const rows = [...Array(opened.count).keys()];
    const [inputs, answers] = [await opened.readInputs(rows), await opened.readAnswers(rows)];
    await opened.close();
    expect(plain({...head, inputs, answers})).toEqual(expected);
  });

  it('gets the same bytes when it is saved again', async () => {
    const path = join(folder, `${name}.safetensors`);
    await saveKnowledge(path, await loadKnowledge(knowledgePath(name)));
    expect(readFileSync(path)).toEqual(readFileSync(knowledgePath(name)));
  });
});

async function run(
  options: Partial<TrainOptions>,
): Promise<{readonly student: Student; readonly epochs: readonly Epoch[]}> {
  const student = imageStudent();
  const epochs: Epoch[] = [];
  const knowledge = await loadKnowledge(knowledgePath('logits'));
  for await (const epoch of train(student, knowledge, trainingOf(options))) epochs.push(epoch);
  return {student, epochs};
}

describe('a checkpoint that was written before', () => {
  it('is gone on from, and the weights end with the bits of an unbroken run', async () => {
    const path = join(folder, 'run.checkpoint');
    cpSync(join(written, 'run.checkpoint'), path);
    const kept: unknown[] = [];
    const onResume = ({step, epochs}: {readonly step: number; readonly epochs: readonly Epoch[]}) =>
      kept.push({step, epochs: plain(epochs)});
    const resumed = await run({checkpoint: {path, resume: true, onResume}});
    expect(kept).toEqual([{step: LEFT_AFTER, epochs: trained.before}]);
    const whole = await run({});
    expect(plain(resumed.epochs)).toEqual(plain(whole.epochs.slice(trained.before.length)));
    expect(weightsHash(resumed.student)).toBe(weightsHash(whole.student));
    expectClose(await predictLogits(resumed.student, sets['logits']!.inputs), 'images');
  });
});

function expectClose(logits: Float32Array, name: string): void {
  const expected = trained.logits[name]!.Float32Array;
  expect(logits).toHaveLength(expected.length);
  for (const [index, value] of expected.entries()) expect(Math.abs(logits[index]! - value)).toBeLessThan(1e-6);
}

describe.each(['images', 'mails', 'words'])('the student of %s that was saved before', name => {
  const path = join(written, 'students', name);

  it('predicts the same numbers', async () => {
    const student = await loadStudent(path);
    const {inputs} = sets[name === 'images' ? 'logits' : 'label']!;
    expectClose(await predictLogits(student, inputs), name);
    if (name === 'mails') expect(student.calibration).toEqual(calibration);
  });

  it('gets the same bytes when it is saved again', async () => {
    const again = join(folder, 'students', name);
    mkdirSync(join(folder, 'students'), {recursive: true});
    const {madeBy} = readJson(join('students', name, 'limbeck.json'));
    await saveStudent(again, await loadStudent(path), madeBy);
    expect(readdirSync(again).sort()).toEqual(readdirSync(path).sort());
    // TensorFlow.js says more of some layers once they were loaded.
    for (const file of readdirSync(path).filter(file => file !== 'model.json')) {
      expect(readFileSync(join(again, file)), file).toEqual(readFileSync(join(path, file)));
    }
  });
});

describe('a service', () => {
  const strange = 'zzzzzz 123456 qqqqqq';

  it('goes on with the standing in a watch file that was written before, and with the gate of its student', async () => {
    const path = join(folder, 'watch.json');
    cpSync(join(written, 'watch.json'), path);
    const student = await loadStudent(join(written, 'students/mails'));
    const teacher = stack(contrary(), {store: openAnswerStore({store: new Map()})});
    const {url, close} = await serveTeacher(asTeacher(student), served(student, teacher, path));
    const get = async (route: string) => (await fetch(new URL(route, url))).json();
    const {demoted, since, comparisons, lastChange} = readJson('service.json');
    expect(await get('/health')).toMatchObject({demoted});
    const {compared, broken} = comparisons;
    const kept = {of: compared, share: (compared - broken) / compared};
    expect(await get('/status')).toMatchObject({demoted: true, promise: {agreement: 0.9, since, kept, lastChange}});
    const body = JSON.stringify({texts: [texts[0], strange]});
    await fetch(new URL('/classify', url), {method: 'POST', headers: {'content-type': 'application/json'}, body});
    expect(await get('/status')).toMatchObject({answered: 2, strange: 1});
    await close();
    const {state, ...rest} = JSON.parse(readFileSync(path, 'utf8'));
    const {state: before, ...same} = readJson('watch.json');
    expect(rest).toEqual(same);
    expect(Object.keys(state).sort()).toEqual(Object.keys(before).sort());
    expect(state.tests).toEqual(before.tests);
  });

  it('left traffic that students learn from', async () => {
    const knowledge = await loadKnowledge(knowledgePath('label'));
    const joined = await knowledgeWithTraffic(knowledge, {path: join(written, 'traffic.jsonl'), held: []});
    expect(joined).toMatchObject({added: 5, leftOut: {known: 0, held: 0, others: 0, poorer: 0, damaged: 0}});
    const {inputs, answers} = joined.knowledge as typeof knowledge;
    expect(inputs).toMatchObject({
      texts: [...texts, ...['label', 'votes', 'top-k', 'log-probabilities', 'logits'].map(kind => `new: ${kind}`)],
    });
    expect(answers).toMatchObject({kind: 'label'});
    expect([...(answers as {readonly labels: Int32Array}).labels.slice(texts.length)]).toEqual([1, 0, 1, 0, 0]);
  });
});
