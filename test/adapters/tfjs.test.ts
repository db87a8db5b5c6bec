import {cp, mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {type TfjsPath, tfjs} from '../../adapters/tfjs.ts';
import {inputAt} from '../../src/data/inputs.ts';
import {nativeBackend} from '../../src/engine/compiled/binding.ts';
import {engineMemory, startEngine} from '../../src/engine/engine.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {saveStudent} from '../../src/student/files.ts';
import {readGraphModel, writeModel} from '../../src/student/model-files.ts';
import type {Query, TensorInput} from '../../src/teacher.ts';
import {needsNativeEngine} from '../engine/native-only.ts';
import {images, smallStudent, tenClasses} from '../student/examples.ts';
import {testTeacher} from '../teacher-suite.ts';
import {answersOf, expectClose, expectedOf, filled, graphModels, queriesOf} from './saved-models.ts';

const inputs = images(4, [4, 4, 1]);
const queries: readonly Query[] = Array.from({length: inputs.count}, (_, index) => ({
  input: inputAt(inputs, index),
}));
const badQuery: Query = {input: {kind: 'tensor', dtype: 'uint8', shape: [16], data: new Uint8Array(16)}};

let folder: string;

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
  await saveStudent(join(folder, 'student'), smallStudent());
});
afterAll(() => rm(folder, {recursive: true}));

describe('tfjs with a model on disk', () => {
  testTeacher({
    it,
    teacher: () => tfjs({path: join(folder, 'student'), maxBatch: 3}),
    queries,
    badQuery,
  });

  it('is the teacher that the student in memory is', async () => {
    const [loaded, local] = [await tfjs({path: join(folder, 'student')}), asTeacher(smallStudent())];
    expect(loaded.identity).toEqual(local.identity);
    expect(await loaded.ask(queries)).toEqual(await local.ask(queries));
  });

  it('takes what is given over what the directory says', async () => {
    const teacher = await tfjs({path: join(folder, 'student'), preprocessing: {scale: 2}, name: 'mine'});
    expect(teacher).toMatchObject({name: 'mine', identity: {preprocessing: {scale: 2, mean: 0, deviation: 1}}});
  });
});

describe('tfjs with a model in memory', () => {
  const make = () => {
    const model = layers.sequential({name: 'given'});
    model.add(layers.layers.flatten({name: 'first', inputShape: [4, 4, 1]}));
    model.add(layers.layers.dense({name: 'last', units: 10, activation: 'softmax', kernelInitializer: 'ones'}));
    return model;
  };

  testTeacher({it, teacher: () => tfjs({model: make(), classes: tenClasses}), queries, badQuery});

  it('sees by itself that a model gives probabilities', async () => {
    const teacher = await tfjs({model: make(), classes: tenClasses, preprocessing: {scale: 1 / 255}});
    expect(teacher.identity['output']).toBe('probabilities');
    const [outcome] = await teacher.ask(queries);
    const sum = Array.from(inputs.data.subarray(0, 16)).reduce((total, value) => total + value / 255, 0);
    expect(outcome).toMatchObject({answer: {kind: 'logits'}});
    if (outcome && 'answer' in outcome) for (const logit of outcome.answer.logits) expect(logit).toBeCloseTo(sum, 4);
  });

  it('refuses classes that are not as many as the model gives', async () => {
    await expect(tfjs({model: make(), classes: ['yes', 'no']})).rejects.toThrow('but there are 2 classes');
  });
});

const three = ['a', 'b', 'c'];
const graph = (model: string, options: Partial<TfjsPath> = {}) =>
  tfjs({path: join(graphModels, model), classes: three, ...options});
const dense = (options: Partial<TfjsPath> = {}) => graph('dense', {output: {logits: 'logits'}, ...options});
const image = (options: Partial<TfjsPath> = {}) => graph('image', {output: {logits: 'Identity:0'}, ...options});
const loop = (options: Partial<TfjsPath> = {}) => graph('loop', {classes: ['a', 'b'], ...options});
const word = () => graph('word', {classes: ['a', 'b']});

const ANY_LENGTH = '{"size": "-1"}';

/** A copy of a model whose `model.json` is another. */
async function changed(model: string, name: string, change: (json: string) => string): Promise<string> {
  const path = join(folder, name);
  await cp(join(graphModels, model), path, {recursive: true});
  await writeFile(join(path, 'model.json'), change(await readFile(join(path, 'model.json'), 'utf8')));
  return path;
}

describe('tfjs with a graph model on disk', () => {
  testTeacher({it, teacher: () => dense(), queries: queriesOf('dense'), badQuery: filled('float32', [5], 0)});

  it('gives the logits and the other outputs that TensorFlow gives', async () => {
    const teacher = await dense();
    expect(teacher).toMatchObject({name: 'tfjs dense', detail: {kind: 'logits', features: ['hidden']}});
    const answers = answersOf(await teacher.ask(queriesOf('dense'), {detail: teacher.detail}));
    for (const [row, {logits, features}] of answers.entries()) {
      expectClose(logits, expectedOf('dense', 'logits')[row]!.values);
      expectClose(features['hidden']!.values, expectedOf('dense', 'hidden')[row]!.values);
    }
  });

  it('gives any node that is named as a feature', async () => {
    const node = 'StatefulPartitionedCall/model/hidden/Relu';
    const teacher = await dense({features: [node]});
    const answers = answersOf(await teacher.ask(queriesOf('dense'), {detail: teacher.detail}));
    for (const [row, {features}] of answers.entries()) {
      expect(features[node]!.shape).toEqual([5]);
      expectClose(features[node]!.values, expectedOf('dense', 'hidden')[row]!.values);
    }
  });

  it('prepares raw inputs, as of a layers model', async () => {
    const [query] = queriesOf('dense');
    const {shape, data} = query!.input as TensorInput;
    const values = Float32Array.from(data, value => (value * 2 + 0.5) * 4);
    const raw = {kind: 'tensor', dtype: 'float32', shape, data: values} as const;
    const teacher = await dense({preprocessing: {scale: 0.25, mean: 0.5, deviation: 2}});
    const [answer] = answersOf(await teacher.ask([{input: raw}]));
    expectClose(answer!.logits, expectedOf('dense', 'logits')[0]!.values);
  });

  it('holds no tensor after an answer, at once or with control flow', async () => {
    for (const [model, teacher] of [
      ['dense', await dense()],
      ['loop', await loop()],
      ['word', await word()],
    ] as const) {
      await teacher.ask(queriesOf(model), {detail: teacher.detail});
      const before = engineMemory().tensors;
      for (let time = 0; time < 3; time++) await teacher.ask(queriesOf(model), {detail: teacher.detail});
      expect(engineMemory().tensors, model).toBe(before);
    }
  });
});

describe('tfjs with a graph model with a fixed batch', () => {
  const ofTwo = async () => {
    const path = await changed('dense', 'two', json => json.replaceAll(ANY_LENGTH, '{"size": "2"}'));
    return dense({path});
  };

  testTeacher({it, teacher: ofTwo, queries: queriesOf('dense'), badQuery: filled('float32', [5], 0)});

  it('runs as often as the queries need', async () => {
    const teacher = await ofTwo();
    expect(teacher.detail).toEqual({kind: 'logits', features: ['hidden']});
    const answers = answersOf(await teacher.ask(queriesOf('dense'), {detail: teacher.detail}));
    for (const [row, {logits, features}] of answers.entries()) {
      expectClose(logits, expectedOf('dense', 'logits')[row]!.values);
      expectClose(features['hidden']!.values, expectedOf('dense', 'hidden')[row]!.values);
    }
  });
});

describe('tfjs with a graph model of an old converter', () => {
  it('goes by the names of nodes', async () => {
    const path = await changed('image', 'old', json => json.replace('"signature"', '"unread"'));
    const teacher = await image({path, output: {probabilities: 'Identity_2'}});
    expect(teacher.detail).toEqual({kind: 'logits', features: ['Identity_1', 'Identity']});
    const answers = answersOf(await teacher.ask(queriesOf('image', 'uint8'), {detail: teacher.detail}));
    for (const [row, {logits, features}] of answers.entries()) {
      expectClose(logits, expectedOf('image', 'logits')[row]!.values);
      expectClose(features['Identity_1']!.values, expectedOf('image', 'maps')[row]!.values);
    }
  });
});

describe('tfjs with a graph model that is compiled', () => {
  needsNativeEngine();

  const sessions = () => nativeBackend()!.binding.getNumOfSavedModels();

  it('answers as the plain one, and any number of queries with one compiled graph', async () => {
    const before = sessions();
    const [compiled, plain] = [await image(), await image({compile: false})];
    const queries = queriesOf('image', 'uint8');
    for (const count of [3, 1, 2]) {
      const [asked, options] = [queries.slice(0, count), {detail: compiled.detail}];
      const wanted = answersOf(await plain.ask(asked, options));
      for (const [row, answer] of answersOf(await compiled.ask(asked, options)).entries()) {
        const {logits, features} = wanted[row]!;
        expectClose(answer.logits, logits);
        for (const name of ['maps', 'Identity_2:0']) {
          expect(answer.features[name]!.shape).toEqual(features[name]!.shape);
          expectClose(answer.features[name]!.values, features[name]!.values);
        }
      }
    }
    expect(sessions()).toBe(before + 1);
  });

  it('is freed with its teacher', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const before = sessions();
    const ask = async () => (await dense()).ask(queriesOf('dense'));
    await ask();
    expect(sessions()).toBe(before + 1);
    const deadline = Date.now() + 10_000;
    while (sessions() > before && Date.now() < deadline) {
      await setImmediate();
      collect();
    }
    expect(sessions()).toBeLessThanOrEqual(before);
  });

  it('falls back and says so once, if control flow depends on values', async () => {
    const reasons: string[] = [];
    const teacher = await loop({onFallback: reason => reasons.push(reason)});
    await teacher.ask(queriesOf('loop'));
    await teacher.ask(queriesOf('loop'));
    expect(reasons).toEqual([expect.stringContaining("the dynamic op 'Exit'")]);
  });
});

describe('tfjs with a graph model that takes bytes', () => {
  testTeacher({
    it,
    teacher: () => image(),
    queries: queriesOf('image', 'uint8'),
    badQuery: filled('float32', [6, 6, 1], 0.5),
  });

  it('gives what TensorFlow gives', async () => {
    const teacher = await image();
    expect(teacher.detail).toEqual({kind: 'logits', features: ['maps', 'Identity_2:0']});
    const answers = answersOf(await teacher.ask(queriesOf('image', 'uint8'), {detail: teacher.detail}));
    for (const [row, {logits, features}] of answers.entries()) {
      expectClose(logits, expectedOf('image', 'logits')[row]!.values);
      expect(features['maps']!.shape).toEqual([4, 4, 2]);
      expectClose(features['maps']!.values, expectedOf('image', 'maps')[row]!.values);
      expectClose(features['Identity_2:0']!.values, expectedOf('image', 'probabilities')[row]!.values);
    }
  });

  it('takes what goes into a last softmax for logits', async () => {
    const teacher = await image({output: {probabilities: 'Identity_2:0'}});
    const answers = answersOf(await teacher.ask(queriesOf('image', 'uint8')));
    for (const [row, {logits}] of answers.entries()) expectClose(logits, expectedOf('image', 'logits')[row]!.values);
  });
});

describe('tfjs with a graph model that loops', () => {
  testTeacher({it, teacher: () => loop(), queries: queriesOf('loop'), badQuery: filled('float32', [3], 0)});

  it('gives what TensorFlow gives', async () => {
    const answers = answersOf(await (await loop()).ask(queriesOf('loop')));
    for (const [row, {logits}] of answers.entries()) expectClose(logits, expectedOf('loop', 'logits')[row]!.values);
  });
});

describe('tfjs with a graph model of texts', () => {
  testTeacher({it, teacher: word, queries: queriesOf('word'), badQuery: filled('uint8', [1], 0)});

  it('gives what TensorFlow gives, with a vocabulary from the graph', async () => {
    const answers = answersOf(await (await word()).ask(queriesOf('word')));
    for (const [row, {logits}] of answers.entries()) expectClose(logits, expectedOf('word', 'logits')[row]!.values);
  });
});

describe('tfjs with a graph model in memory', () => {
  const load = async () => (await readGraphModel(join(graphModels, 'dense')))!;
  const make = async () => tfjs({model: await load(), classes: three, output: {logits: 'logits'}});

  testTeacher({it, teacher: make, queries: queriesOf('dense'), badQuery: filled('float32', [5], 0)});

  it('is the teacher that the one on disk is', async () => {
    const [inMemory, onDisk] = [await make(), await dense()];
    expect(inMemory.identity).toEqual(onDisk.identity);
    expect(await inMemory.ask(queriesOf('dense'))).toEqual(await onDisk.ask(queriesOf('dense')));
  });
});

describe('tfjs with questions', () => {
  const kind = choice('kind', 'Which of three?', three);
  const level = score('level', 'How much?', ['none', 'some', 'much', 'all']);
  const tags = [predicate('round', 'Is it round?'), predicate('bright', 'Is it bright?')];
  const questions = [kind, level, ...tags];

  /** One hidden layer with three heads. */
  const layersModel = () => {
    const input = layers.input({shape: [4, 4, 1], name: 'pixels'});
    const flat = layers.layers.flatten({name: 'flat'}).apply(input);
    const dense = (units: number, options: object, seed: number) =>
      layers.layers.dense({units, kernelInitializer: layers.initializers.glorotNormal({seed}), ...options});
    const body = dense(6, {name: 'body', activation: 'tanh'}, 1).apply(flat);
    const outputs = [
      dense(3, {name: 'kind', activation: 'softmax'}, 2).apply(body),
      dense(4, {name: 'level'}, 3).apply(body),
      dense(2, {name: 'tags', activation: 'sigmoid', biasInitializer: 'ones'}, 4).apply(body),
    ] as layers.SymbolicTensor[];
    return layers.model({inputs: input, outputs, name: 'heads'});
  };
  const output = {
    kind: {probabilities: 'kind'},
    level: {logits: 'level'},
    round: {probabilities: 'tags', column: 0},
    bright: {probabilities: 'tags', column: 1},
  };
  const options = {questions, output, preprocessing: {scale: 1 / 255}, features: ['body']};
  const make = () => tfjs({model: layersModel(), ...options});
  const asked = queries.flatMap(query => questions.map(question => ({...query, question})));

  testTeacher({it, teacher: make, queries: asked, badQuery: {...badQuery, question: kind}});

  it('gives each answer as the model computes it, with features', async () => {
    const teacher = await make();
    expect(teacher).toMatchObject({classes: [], detail: {kind: 'logits', features: ['body']}});
    const answers = answersOf(await teacher.ask(asked, {detail: teacher.detail}));
    const whole = tf.tensor(
      Float32Array.from(inputs.data, value => value / 255),
      [inputs.count, ...inputs.shape],
    );
    const [kinds, levels, marks] = (layersModel().predict(whole) as tf.Tensor[]).map(
      each => each.arraySync() as number[][],
    );
    for (const [row, {logits, features}] of answers.entries()) {
      const [of, about] = [Math.floor(row / 4), row % 4];
      const odds = (p: number) => [0, Math.log(p / (1 - p))];
      if (about === 0) expectClose(logits.map(Math.exp), scaled(kinds![of]!, logits));
      else expectClose(logits, about === 1 ? levels![of]! : odds(marks![of]![about - 2]!));
      expect(features['body']!.shape).toEqual([6]);
    }
  });

  /** Probabilities, times what the powers of the logits sum to. */
  const scaled = (probabilities: readonly number[], logits: Float32Array) => {
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    return probabilities.map(probability => probability * sum);
  };

  it('runs the model once for all questions about all inputs, and holds no tensor', async () => {
    const teacher = await make();
    const {loaded} = {loaded: await teacher.ask(asked)};
    const before = engineMemory().tensors;
    const runs = vi.spyOn(layers.LayersModel.prototype, 'apply');
    expect(await teacher.ask(asked)).toEqual(loaded);
    await teacher.ask(asked.slice(1, 2));
    expect(runs).toHaveBeenCalledTimes(2);
    runs.mockRestore();
    expect(engineMemory().tensors).toBe(before);
  });

  it('is of its weights and its preprocessing, whatever else is asked', async () => {
    const [all, one] = [
      await make(),
      await tfjs({model: layersModel(), ...options, questions: [kind], output: {kind: output.kind}}),
    ];
    expect(one.identity).toEqual(all.identity);
    expect(answerKey(one.identity, asked[0]!, one.questions)).toBe(answerKey(all.identity, asked[0]!, all.questions));
  });

  it('reads a folder, and outputs of a graph model', async () => {
    const path = join(folder, 'heads');
    await mkdir(path);
    await writeModel(path, layersModel());
    expect(await (await tfjs({path, ...options})).ask(asked)).toEqual(await (await make()).ask(asked));
    const graph = await tfjs({
      path: join(graphModels, 'dense'),
      questions: [kind, tags[0]!],
      output: {kind: {logits: 'logits'}, round: {logits: 'hidden', column: 3}},
    });
    const about = queriesOf('dense').flatMap(query => [kind, tags[0]!].map(question => ({...query, question})));
    for (const [row, {logits}] of answersOf(await graph.ask(about)).entries()) {
      const [of, isTag] = [Math.floor(row / 2), row % 2 === 1];
      const hidden = expectedOf('dense', 'hidden')[of]!.values[3]!;
      expectClose(logits, isTag ? [0, hidden] : expectedOf('dense', 'logits')[of]!.values);
    }
  });

  it.each<[string, object, string]>([
    ['logits that are a sigmoid', {output: {...output, round: {logits: 'tags', column: 0}}}, 'is a sigmoid: it gives'],
    [
      'an output of another width',
      {output: {...output, level: {logits: 'kind'}}},
      'but there are 4 classes of question',
    ],
    ['an unknown output', {output: {...output, level: {logits: 'levels'}}}, 'Did you mean `level`?'],
    ['classes beside them', {classes: three}, 'needs either `classes` or `questions`'],
    ['a gate', {gate: {}}, '`gate` goes with classes'],
    [
      'nothing to answer',
      {questions: undefined, output: undefined, features: undefined},
      'needs `classes`, or `questions`',
    ],
  ])('refuses %s', async (_, change, message) => {
    await expect(tfjs({model: layersModel(), ...options, ...change})).rejects.toThrow(message);
  });
});

describe('the identity of a graph model', () => {
  it('is of its weights, its graph, its output and the preprocessing', async () => {
    await cp(join(graphModels, 'dense'), join(folder, 'changed'), {recursive: true});
    const weights = join(folder, 'changed/group1-shard1of1.bin');
    const bytes = await readFile(weights);
    bytes[0]! ^= 1;
    await writeFile(weights, bytes);
    const identities = [
      await dense(),
      await dense({path: join(folder, 'changed')}),
      await dense({output: {probabilities: 'logits'}}),
      await dense({preprocessing: {mean: 1}}),
      await image(),
    ].map(({identity}) => JSON.stringify(identity));
    expect(new Set(identities).size).toBe(identities.length);
    expect((await dense({name: 'other', maxBatch: 2})).identity).toEqual((await dense()).identity);
  });
});

describe('what tfjs refuses of graph models', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ['no classes', () => tfjs({path: join(graphModels, 'dense')}), 'Give its `classes`'],
    ['several outputs without a name', () => graph('dense'), '2 outputs. Name the one to learn from'],
    [
      'an output that there is not',
      () => dense({output: {logits: 'scores'}}),
      'no output `scores`. Did you mean `logits`? It has: `logits`',
    ],
    ['an output of another width', () => dense({output: {logits: 'hidden'}}), 'gives 5 values for each input'],
    ['a softmax for logits', () => image({output: {logits: 'Identity_2:0'}}), 'is a softmax: it gives `probabilities`'],
    ['a constant for a feature', () => image({features: ['StatefulPartitionedCall/Reshape/shape']}), 'no output'],
    [
      'a node that there is not',
      () => dense({features: ['StatefulPartitionedCall/model/hidden/Relo']}),
      'Did you mean `StatefulPartitionedCall/model/hidden/Relu`?',
    ],
    ['preprocessing of whole numbers', () => image({preprocessing: {scale: 2}}), "`preprocessing` can't be applied"],
  ])('%s', async (_, make, message) => {
    await expect(make()).rejects.toThrow(message);
  });

  it.each([
    ['several texts at once', `[${ANY_LENGTH}, {"size": "2"}]`, 'several texts, but a query holds one'],
    ['an input without a batch', '[]', 'without a batch dimension'],
  ])('%s', async (_, shape, message) => {
    const path = await changed('word', 'texts', json => json.replaceAll(`"dim": [${ANY_LENGTH}]`, `"dim": ${shape}`));
    await expect(graph('word', {path, classes: ['a', 'b'], output: 'logits'})).rejects.toThrow(message);
  });

  it('names and features of a layers model', async () => {
    const path = join(folder, 'student');
    await expect(tfjs({path, output: {logits: 'last'}})).rejects.toThrow('This is a layers model');
    await expect(tfjs({path, features: ['last']})).rejects.toThrow('each of its layers can be asked for');
  });

  it('a node of another width than the classes, once it is known', async () => {
    const teacher = await dense({output: {logits: 'StatefulPartitionedCall/model/hidden/Relu'}});
    await expect(teacher.ask(queriesOf('dense'))).rejects.toThrow(
      'gives 5 values for each input, but there are 3 classes',
    );
  });
});
