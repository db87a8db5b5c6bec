import {cp, mkdtemp, readFile, rm, symlink, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {type SavedModelOptions, savedModel} from '../../adapters/saved-model.ts';
import {type Binding, nativeBackend} from '../../src/engine/compiled/binding.ts';
import {engineMemory, startEngine} from '../../src/engine/engine.ts';
import {SavedModelGraph} from '../../src/engine/graphs/saved-model.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Query} from '../../src/teacher.ts';
import {needsNativeEngine} from '../engine/native-only.ts';
import {testTeacher} from '../teacher-suite.ts';
import {answersOf, expectClose, expectedOf, filled, queriesOf, savedModels} from './saved-models.ts';

const three = ['a', 'b', 'c'];
const two = ['a', 'b'];

const dense = (options: Partial<SavedModelOptions> = {}) =>
  savedModel({path: join(savedModels, 'dense'), classes: three, output: {logits: 'logits'}, ...options});
const image = (options: Partial<SavedModelOptions> = {}) =>
  savedModel({path: join(savedModels, 'image'), classes: three, output: {logits: 'logits'}, ...options});
const text = (options: Partial<SavedModelOptions> = {}) =>
  savedModel({path: join(savedModels, 'text'), classes: three, output: 'logits', ...options});
const exact = (options: Partial<SavedModelOptions> = {}) =>
  savedModel({path: join(savedModels, 'two'), classes: two, output: 'probabilities', signature: 'exact', ...options});
const fixed = (options: Partial<SavedModelOptions> = {}) =>
  savedModel({
    path: join(savedModels, 'two'),
    classes: two,
    output: {logits: 'scores'},
    signature: 'fixed',
    ...options,
  });

const long: Query = {input: {kind: 'text', text: 'good '.repeat(20)}};
const binding = () => nativeBackend()!.binding as Binding & {getNumOfTensors(): number};

let folder: string;

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
});
afterAll(() => rm(folder, {recursive: true}));

describe('savedModel without the native engine', () => {
  it('says how to get it', async context => {
    const {name} = await startEngine();
    context.skip(name === 'native', 'needs the WASM engine, and native runs');
    await expect(dense()).rejects.toThrow(/needs the native engine, but wasm runs: .*`limbeck engine install`/);
  });
});

describe('savedModel with a Keras model', () => {
  needsNativeEngine();

  testTeacher({it, teacher: () => dense(), queries: queriesOf('dense'), badQuery: filled('float32', [5], 0)});

  it('gives the logits and the other outputs that TensorFlow gives', async () => {
    const teacher = await dense();
    expect(teacher).toMatchObject({name: 'saved-model dense', detail: {kind: 'logits', features: ['hidden']}});
    const answers = answersOf(await teacher.ask(queriesOf('dense'), {detail: teacher.detail}));
    for (const [row, {logits, features}] of answers.entries()) {
      expectClose(logits, expectedOf('dense', 'logits')[row]!.values);
      expect(features['hidden']!.shape).toEqual([5]);
      expectClose(features['hidden']!.values, expectedOf('dense', 'hidden')[row]!.values);
    }
  });

  it('gives no features that were not asked for', async () => {
    const [answer] = answersOf(await (await dense()).ask(queriesOf('dense')));
    expect(answer!.features).toEqual({});
  });

  it('prepares raw inputs', async () => {
    const raw = queriesOf('dense').map(({input}) => ({
      input: {...input, data: Float32Array.from((input as {data: Float32Array}).data, value => (value * 2 + 0.5) * 4)},
    })) as Query[];
    const teacher = await dense({preprocessing: {scale: 0.25, mean: 0.5, deviation: [2, 2, 2, 2]}});
    for (const [row, {logits}] of answersOf(await teacher.ask(raw)).entries()) {
      expectClose(logits, expectedOf('dense', 'logits')[row]!.values);
    }
  });

  it('takes whole numbers for floats, and refuses raw inputs of another type than it is said to take', async () => {
    const whole = filled('uint8', [4], 3);
    const [of8, of32] = answersOf(await (await dense()).ask([whole, filled('float32', [4], 3)]));
    expect(of8).toEqual(of32);
    const [outcome] = await (await dense({dtype: 'float32'})).ask([whole]);
    expect(outcome).toMatchObject({error: {message: expect.stringContaining('raw float32 inputs, got uint8')}});
  });

  it('holds no tensor after an answer', async () => {
    const teacher = await dense();
    await teacher.ask(queriesOf('dense'), {detail: teacher.detail});
    const before = [engineMemory().tensors, binding().getNumOfTensors()];
    for (let time = 0; time < 3; time++) await teacher.ask(queriesOf('dense'), {detail: teacher.detail});
    expect([engineMemory().tensors, binding().getNumOfTensors()]).toEqual(before);
  });

  it('loads at the first query, once, and is freed with its teacher', async () => {
    const sessions = () => binding().getNumOfSavedModels();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // Waits for what earlier tests left.
    for (let turn = 0; turn < 20; turn++) {
      collect();
      await setImmediate();
    }
    const before = sessions();
    const ask = async () => {
      const teacher = await dense();
      expect(sessions()).toBe(before);
      await teacher.ask(queriesOf('dense'));
      await teacher.ask(queriesOf('dense'));
      expect(sessions()).toBe(before + 1);
    };
    await ask();
    const deadline = Date.now() + 10_000;
    while (sessions() >= before + 1 && Date.now() < deadline) {
      await setImmediate();
      collect();
    }
    expect(sessions()).toBeLessThanOrEqual(before);
  });
});

describe('savedModel with questions', () => {
  needsNativeEngine();

  const kind = choice('kind', 'Which of three?', ['a', 'b', 'c']);
  const level = score('level', 'How much?', ['0', '1', '2', '3', '4']);
  const third = predicate('third', 'Is the third one there?');
  const questions = [kind, level, third];
  const output = {kind: {logits: 'logits'}, level: {probabilities: 'hidden'}, third: {logits: 'hidden', column: 2}};
  const make = () => savedModel({path: join(savedModels, 'dense'), questions, output});
  const queries = queriesOf('dense').flatMap(query => questions.map(question => ({...query, question})));

  testTeacher({it, teacher: make, queries, badQuery: {...filled('float32', [5], 0), question: kind}});

  it('answers each by the output that is named, in one run for an input', async () => {
    const run = vi.spyOn(SavedModelGraph.prototype, 'run');
    const answers = answersOf(await (await make()).ask(queries));
    expect(run).toHaveBeenCalledTimes(1);
    run.mockRestore();
    for (const [row, {logits}] of answers.entries()) {
      const input = Math.floor(row / questions.length);
      const hidden = expectedOf('dense', 'hidden')[input]!.values;
      const wanted = [
        expectedOf('dense', 'logits')[input]!.values,
        hidden.map(value => Math.log(Math.max(value, 1e-8))),
        [0, hidden[2]!],
      ];
      expectClose(logits, wanted[row % questions.length]!);
    }
  });

  it('refuses an output of another width', async () => {
    const change = {...output, kind: {logits: 'hidden'}};
    await expect(savedModel({path: join(savedModels, 'dense'), questions, output: change})).rejects.toThrow(
      'gives 5 values for each input, but there are 3 classes of question `kind`',
    );
  });
});

describe('savedModel with one that takes bytes', () => {
  needsNativeEngine();

  testTeacher({
    it,
    teacher: () => image(),
    queries: queriesOf('image', 'uint8'),
    badQuery: {input: {kind: 'text', text: 'no image'}},
  });

  it.each(['uint8', 'int32', 'float32'] as const)('answers %s values as TensorFlow does', async dtype => {
    const teacher = await image();
    const answers = answersOf(await teacher.ask(queriesOf('image', dtype), {detail: teacher.detail}));
    for (const [row, {logits, features}] of answers.entries()) {
      expectClose(logits, expectedOf('image', 'logits')[row]!.values);
      expect(features['maps']!.shape).toEqual([4, 4, 2]);
      expectClose(features['maps']!.values, expectedOf('image', 'maps')[row]!.values);
      expectClose(features['probabilities']!.values, expectedOf('image', 'probabilities')[row]!.values);
    }
  });

  it.each([256, -1, 0.5])('refuses %d, which a byte can not hold', async value => {
    const [outcome] = await (await image()).ask([filled('float32', [6, 6, 1], value)]);
    expect(outcome).toMatchObject({error: {message: expect.stringContaining(`uint8, which can't hold ${value}`)}});
  });

  it('refuses preprocessing', async () => {
    await expect(image({preprocessing: {scale: 1 / 255}})).rejects.toThrow("`preprocessing` can't be applied");
  });

  it('answers an output as logits and as a feature at once', async () => {
    const teacher = await image({features: ['logits', 'maps']});
    const [answer] = answersOf(await teacher.ask(queriesOf('image', 'uint8'), {detail: teacher.detail}));
    expect(answer!.features['logits']!.values).toEqual(answer!.logits);
  });
});

describe('savedModel with one of texts', () => {
  needsNativeEngine();

  testTeacher({it, teacher: () => text({maxBatch: 8}), queries: queriesOf('text'), badQuery: long});

  it('gives the logits that TensorFlow gives, with a vocabulary from a file', async () => {
    const answers = answersOf(await (await text()).ask(queriesOf('text')));
    for (const [row, {logits}] of answers.entries()) expectClose(logits, expectedOf('text', 'logits')[row]!.values);
  });

  it("tells of the model's own error, for the text that it is about alone", async () => {
    const queries = [...queriesOf('text'), long];
    const outcomes = await (await text()).ask(queries);
    expect(outcomes.map(outcome => 'error' in outcome)).toEqual([false, false, false, false, false, true]);
    expect(outcomes[5]).toMatchObject({error: {message: expect.stringMatching(/text: .*A text is too long/)}});
  });

  it('refuses a tensor', async () => {
    const [outcome] = await (await text()).ask([filled('uint8', [4], 0)]);
    expect(outcome).toMatchObject({error: {message: expect.stringContaining('It takes a text')}});
  });
});

describe('savedModel with types that JavaScript lacks', () => {
  needsNativeEngine();

  testTeacher({
    it,
    teacher: () => exact(),
    queries: queriesOf('two exact'),
    badQuery: filled('float32', [2], 0),
  });

  testTeacher({
    it,
    teacher: () => fixed(),
    queries: queriesOf('two fixed'),
    badQuery: filled('float32', [3], 0.5),
  });

  it('takes and gives doubles, and logarithms of probabilities', async () => {
    const answers = answersOf(await (await exact()).ask(queriesOf('two exact')));
    for (const [row, {logits}] of answers.entries()) {
      expectClose(logits, expectedOf('two exact', 'probabilities')[row]!.values.map(Math.log));
    }
  });

  it.each([1, 2, 3])('asks %d queries of a model with a batch of two', async count => {
    const [first, second] = queriesOf('two fixed', 'int32');
    const queries = [first!, second!, first!].slice(0, count);
    const teacher = await fixed();
    expect(teacher.detail).toEqual({kind: 'logits', features: ['doubled']});
    const answers = answersOf(await teacher.ask(queries, {detail: teacher.detail}));
    expect(answers.length).toBe(count);
    for (const [row, {logits, features}] of answers.entries()) {
      expectClose(logits, expectedOf('two fixed', 'scores')[row % 2]!.values);
      expect(features['doubled']!.values).toEqual(expectedOf('two fixed', 'doubled')[row % 2]!.values);
    }
  });
});

describe('what savedModel refuses', () => {
  needsNativeEngine();

  it.each<[string, () => Promise<unknown>, string | RegExp]>([
    ['a folder without a model', () => dense({path: savedModels}), /There is no .*saved_model\.pb/],
    [
      'a signature that there is not',
      () => exact({signature: 'serving_default'}),
      'no signature `serving_default`. It has: exact (gives probabilities); fixed (gives doubled, scores, total); pair',
    ],
    [
      'an output that there is not',
      () => dense({output: {logits: 'logit'}}),
      'no output `logit`. Did you mean `logits`? It has: `hidden` (float32 [?, 5]), `logits` (float32 [?, 3])',
    ],
    ['an output without its name', () => dense({output: 'logits'}), '2 outputs. Name the one to learn from'],
    [
      'an output of another width',
      () => dense({output: {logits: 'hidden'}}),
      'gives 5 values for each input, but there are 3',
    ],
    ['an output of no width', () => fixed({output: {logits: 'total'}}), 'Name one that gives one number per class'],
    ['a feature that there is not', () => dense({features: ['conv']}), 'no output `conv`'],
    ['a feature of the whole batch', () => fixed({features: ['total']}), 'no part for each input'],
    ['two inputs', () => exact({signature: 'pair', output: 'logits'}), '2 inputs: `left` (float32 [?, 3]), `right`'],
  ])('%s', async (_, make, message) => {
    await expect(make()).rejects.toThrow(message);
  });

  it('asks for a feature that is not one of its own', async () => {
    const teacher = await dense({features: []});
    const asked = teacher.ask(queriesOf('dense'), {detail: {kind: 'logits', features: ['hidden']}});
    await expect(asked).rejects.toThrow('no feature `hidden`. It has: none');
  });

  it('a model that is cut short, or whose variables are gone', async () => {
    await cp(join(savedModels, 'dense'), join(folder, 'damaged'), {recursive: true});
    await rm(join(folder, 'damaged/variables/variables.data-00000-of-00001'));
    await expect((await dense({path: join(folder, 'damaged')})).ask(queriesOf('dense'))).rejects.toThrow(
      /Teacher saved-model damaged: TensorFlow 2\.\d+\.\d+ does not load the model: .* Copy or save it again/,
    );
    await rm(join(folder, 'damaged/variables/variables.index'));
    await expect(dense({path: join(folder, 'damaged')})).rejects.toThrow('variables.index. Copy the whole folder.');
    await truncate(join(folder, 'damaged/saved_model.pb'), 1000);
    await expect(dense({path: join(folder, 'damaged')})).rejects.toThrow('cut short');
    await writeFile(join(folder, 'damaged/saved_model.pb'), 'not a model');
    await expect(dense({path: join(folder, 'damaged')})).rejects.toThrow('damaged');
  });
});

describe('the identity of a SavedModel', () => {
  needsNativeEngine();

  it('depends on its content, not on its path or on files that nothing reads', async () => {
    await cp(join(savedModels, 'text'), join(folder, 'copy'), {recursive: true});
    await writeFile(join(folder, 'copy/README.md'), 'Words');
    const [here, there] = [await text(), await text({path: join(folder, 'copy/'), name: 'other', maxBatch: 3})];
    expect(there.identity).toEqual(here.identity);
    await rm(join(folder, 'copy/saved_model.pb'));
    await symlink(join(savedModels, 'text/saved_model.pb'), join(folder, 'copy/saved_model.pb'));
    expect((await text({path: join(folder, 'copy')})).identity).toEqual(here.identity);
    await rm(join(folder, 'copy/saved_model.pb'));
    await cp(join(savedModels, 'image/saved_model.pb'), join(folder, 'copy/saved_model.pb'));
    const other = await image({path: join(folder, 'copy'), name: 'other'});
    expect(other.identity['content']).not.toBe(here.identity['content']);
    await cp(join(savedModels, 'text/saved_model.pb'), join(folder, 'copy/saved_model.pb'));
    const vocabulary = join(folder, 'copy/assets/words.txt');
    await writeFile(vocabulary, (await readFile(vocabulary, 'utf8')).replace('bad', 'mad'));
    expect((await text({path: join(folder, 'copy')})).identity).not.toEqual(here.identity);
  });

  it('tells signatures, outputs and preprocessing apart', async () => {
    const identities = [
      await exact(),
      await fixed(),
      await image(),
      await image({output: {probabilities: 'probabilities'}}),
      await image({output: {probabilities: 'logits'}}),
      await dense(),
      await dense({preprocessing: {mean: 1}}),
    ].map(({identity}) => JSON.stringify(identity));
    expect(new Set(identities).size).toBe(identities.length);
  });
});
