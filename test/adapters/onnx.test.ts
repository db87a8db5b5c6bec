import {execFile} from 'node:child_process';
import {copyFile, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {readGraph} from '../../adapters/_onnx/graph.ts';
import {fromHalf, type Session, toHalf} from '../../adapters/_onnx/runtime.ts';
import {type OnnxOptions, onnx} from '../../adapters/onnx.ts';
import {loadPeer} from '../../src/peer.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Query} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {answers, bytes, expectClose, expected, floats, messages, modelPath, softmax} from './onnx-models.ts';
import {peerOrSkip} from './peer.ts';

const three = ['setosa', 'versicolor', 'virginica'];
const ten = [...'0123456789'];
const hidden = ['next_activations', 'next_activations1'];

const iris: OnnxOptions = {path: modelPath('iris'), classes: three, output: {probabilities: 'probabilities'}};
const digits: OnnxOptions = {
  path: modelPath('digits'),
  classes: ten,
  output: {probabilities: 'probabilities'},
  layout: 'flat',
  preprocessing: {scale: 1 / 16},
  features: hidden,
};
const convolution: OnnxOptions = {
  path: modelPath('convolution'),
  classes: three,
  output: {logits: 'logits'},
  layout: 'channels-first',
  preprocessing: {scale: 1 / 255, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225]},
  features: ['rectified'],
};
const external: OnnxOptions = {
  path: modelPath('external'),
  classes: ['no', 'yes'],
  output: {probabilities: 'probabilities'},
};
const lookup: OnnxOptions = {path: modelPath('lookup'), classes: three, output: {logits: 'logits'}};

const images = bytes(expected.convolution.images, [5, 4, 3]);
const id = (value: number): Query => ({
  input: {kind: 'tensor', dtype: 'float32', shape: [], data: Float32Array.of(value)},
});

const missing = await peerOrSkip('onnxruntime-node');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
});
afterAll(() => rm(folder, {recursive: true}));

describe.skipIf(missing !== undefined)(`onnx${missing ? ` (${missing})` : ''}`, () => {
  describe('a classifier of scikit-learn with hidden layers', () => {
    const queries = bytes(expected.digits.pixels, [8, 8]);
    testTeacher({it, teacher: () => onnx(digits), queries, badQuery: {input: {kind: 'text', text: 'five'}}});

    it('gives what scikit-learn gives, and its hidden activations as features', async () => {
      const teacher = await onnx(digits);
      const given = answers(await teacher.ask(queries, {detail: teacher.detail}));
      for (const [row, {logits, features}] of given.entries()) {
        expectClose(softmax(logits), expected.digits.probabilities[row]!, 1e-6);
        expectClose(logits, expected.digits.logits[row]!, 1e-5);
        for (const [layer, name] of hidden.entries()) {
          expect(features[name]!.shape).toEqual([expected.digits.hidden[layer]![row]!.length]);
          expectClose(features[name]!.values, expected.digits.hidden[layer]![row]!, 1e-5);
        }
      }
    });

    it('gives the features that were asked for, and none unasked', async () => {
      const teacher = await onnx(digits);
      const [plain] = answers(await teacher.ask(queries.slice(0, 1)));
      expect(plain!.features).toEqual({});
      const detail = {kind: 'logits', features: hidden.slice(1)} as const;
      const [one] = answers(await teacher.ask(queries.slice(0, 1), {detail}));
      expect(Object.keys(one!.features)).toEqual(hidden.slice(1));
      await expect(teacher.ask(queries, {detail: {kind: 'logits', features: ['add_result']}})).rejects.toThrow(
        'Teacher onnx digits.onnx has no feature `add_result`. Name it in its `features`.',
      );
    });
  });

  describe('a convolution that takes channels first', () => {
    testTeacher({it, teacher: () => onnx(convolution), queries: images, badQuery: bytes([[1, 2]], [2])[0]!});

    it.each(['convolution', 'convolution-batch-1', 'convolution-batch-2'])('%s gives what SciPy gives', async name => {
      const teacher = await onnx({...convolution, path: modelPath(name)});
      const given = answers(await teacher.ask(images, {detail: teacher.detail}));
      expect(given).toHaveLength(3);
      for (const [row, {logits, features}] of given.entries()) {
        expectClose(logits, expected.convolution.logits[row]!, 1e-5);
        expect(features['rectified']!.shape).toEqual([2, 3, 2]);
        expectClose(features['rectified']!.values, expected.convolution.rectified[row]!.flat(2), 1e-5);
      }
    });

    it('refuses an image of another size alone, and says what it takes', async () => {
      const teacher = await onnx(convolution);
      const wide = bytes([Array.from({length: 75}, () => 0)], [5, 5, 3]);
      const [good, bad] = messages(await teacher.ask([images[0]!, ...wide]));
      expect(good).toBeUndefined();
      expect(bad).toBe(
        'Teacher onnx convolution.onnx: The model takes inputs of shape [3, 5, 4], got [5, 5, 3], which is [3, 5, 5] as `channels-first`. Check `layout`.',
      );
    });

    it('refuses as many means as there are no channels', async () => {
      const teacher = await onnx({...convolution, preprocessing: {mean: [1, 2]}});
      expect(messages(await teacher.ask(images.slice(0, 1)))[0]).toContain(
        '`preprocessing` has 2 values, but an input of shape [5, 4, 3] has 3 channels.',
      );
    });
  });

  describe('other models', () => {
    it('reads probabilities without a softmax, to those of scikit-learn', async () => {
      const given = answers(await (await onnx(iris)).ask(floats(expected.iris.inputs)));
      for (const [row, {logits}] of given.entries()) {
        expectClose(logits.map(Math.exp), expected.iris.probabilities[row]!, 1e-6);
      }
    });

    it('reads the table behind a ZipMap', async () => {
      const output = {probabilities: 'output_probability'};
      const zipped = await onnx({...iris, path: modelPath('iris-zipmap'), output});
      const plain = await onnx(iris);
      const queries = floats(expected.iris.inputs);
      expect(await zipped.ask(queries)).toEqual(await plain.ask(queries));
    });

    it('cuts probabilities of 0 off as those of students are', async () => {
      const options = {...iris, path: modelPath('forest')};
      const given = answers(await (await onnx(options)).ask(floats(expected.forest.inputs)));
      const least = Math.log(1e-8);
      const wanted = expected.forest.probabilities.map(row => row.map(value => Math.max(least, Math.log(value))));
      expect(wanted.flat()).toContain(least);
      for (const [row, {logits}] of given.entries()) expectClose(logits, wanted[row]!, 1e-6);
    });

    it('takes texts if the model does', async () => {
      const {texts, probabilities} = expected.texts;
      const teacher = await onnx({...iris, path: modelPath('texts'), classes: ['bad', 'good']});
      const [bad, ...given] = await teacher.ask([
        ...floats([[1]]),
        ...texts.map((text): Query => ({input: {kind: 'text', text}})),
      ]);
      expect(messages([bad!])[0]).toContain('The model takes texts, got numbers.');
      for (const [row, {logits}] of answers(given).entries()) {
        expectClose(logits.map(Math.exp), probabilities[row]!, 1e-6);
      }
    });

    it.each([
      ['half', 2e-3],
      ['double', 1e-6],
    ] as const)('takes and gives %s floats', async (name, tolerance) => {
      const teacher = await onnx({path: modelPath(name), classes: ['a', 'b'], output: {logits: 'logits'}});
      const given = answers(await teacher.ask(floats(expected[name].inputs)));
      for (const [row, {logits}] of given.entries()) expectClose(logits, expected[name].logits[row]!, tolerance);
    });

    it('lets alone fail what fails inside the model, and numbers that its type does not hold', async () => {
      const teacher = await onnx(lookup);
      const outcomes = await teacher.ask([id(2), id(9), id(0), id(1.5), id(3)]);
      const said = messages(outcomes);
      expect(said[1]).toMatch(/ONNX Runtime could not run the model on this input: .*out of .*bounds/s);
      expect(said[3]).toContain("The model takes int64, which can't hold all values of this input.");
      const rows = [0, 2, 4].map(row => outcomes[row]!);
      for (const [index, {logits}] of answers(rows).entries()) {
        expectClose(logits, expected.lookup.table[[2, 0, 3][index]!]!, 1e-6);
      }
    });

    it('says of an answer that is not finite, of that query alone', async () => {
      const teacher = await onnx(iris);
      const said = messages(await teacher.ask(floats([expected.iris.inputs[0]!, [1, Number.NaN, 1, 1]])));
      expect(said).toEqual([
        undefined,
        'Teacher onnx iris.onnx: The model gave NaN or an infinite value in `probabilities`.',
      ]);
    });

    it('says of logits that are taken for probabilities', async () => {
      const teacher = await onnx({...convolution, output: {probabilities: 'logits'}});
      expect(messages(await teacher.ask(images))[0]).toMatch(
        /`logits` holds no probabilities: they sum to .* These look like logits\. Declare them as `logits`\.$/,
      );
    });
  });

  describe('several questions', () => {
    const species = choice('species', 'Which species?', three);
    const size = score('size', 'How large?', ['tiny', 'small', 'large', 'huge']);
    const rare = predicate('rare', 'Is it rare?');
    const typed: OnnxOptions = {
      path: modelPath('heads'),
      questions: [species, size, rare],
      output: {species: {probabilities: 'species'}, size: {logits: 'size'}, rare: {probabilities: 'rare'}},
      features: ['body'],
    };
    const flowers = floats(expected.iris.inputs);
    const queries = flowers.flatMap(query => typed.questions!.map(question => ({...query, question})));

    testTeacher({it, teacher: () => onnx(typed), queries, badQuery: {...floats([[1, 2]])[0]!, question: rare}});

    it('are answered by the outputs that are named, from before a softmax and a sigmoid, with features', async () => {
      const teacher = await onnx(typed);
      expect(teacher).toMatchObject({classes: [], questions: {list: typed.questions}});
      const given = answers(await teacher.ask(queries, {detail: teacher.detail}));
      for (const [row, {logits, features}] of given.entries()) {
        const {species, size, rare, body} = expected.heads;
        const flower = Math.floor(row / 3);
        expectClose(logits, [species[flower]!, size[flower]!, [0, ...rare[flower]!]][row % 3]!, 1e-5);
        expectClose(features['body']!.values, body[flower]!, 1e-5);
      }
    });

    it('are answered by one run of the model, whatever is asked', async () => {
      const runtime = await loadPeer<{InferenceSession: {prototype: Session}}>('onnxruntime-node', 'This test');
      const run = vi.spyOn(runtime.InferenceSession.prototype, 'run');
      const teacher = await onnx(typed);
      await teacher.ask(queries);
      await teacher.ask(queries.slice(1, 2));
      expect(run.mock.calls.map(([{x}]) => x!.dims[0])).toEqual([5, 1]);
      run.mockRestore();
    });

    it('are the columns of a multi-label classifier of scikit-learn', async () => {
      const tags = [predicate('long', 'Are its petals long?'), predicate('broad', 'Are its sepals broad?')];
      const teacher = await onnx({path: modelPath('tags'), questions: tags, output: {probabilities: 'probabilities'}});
      const asked = flowers.flatMap(query => tags.map(question => ({...query, question})));
      for (const [row, {logits}] of answers(await teacher.ask(asked)).entries()) {
        const flower = Math.floor(row / 2);
        expectClose(logits, [0, expected.tags.logits[flower]![row % 2]!], 1e-5);
        expectClose(softmax(logits).slice(1), [expected.tags.probabilities[flower]![row % 2]!], 1e-6);
      }
    });

    it.each<[string, Partial<OnnxOptions>, string]>([
      ['a sigmoid that is called logits', {output: {...typed.output, rare: {logits: 'rare'}}}, 'comes from a sigmoid'],
      ['too few levels', {output: {...typed.output, size: {logits: 'rare'}}}, 'but there are 4 classes of question'],
      ['an unknown output', {output: {...typed.output, size: {logits: 'sizes'}}}, 'has no tensor `sizes`'],
    ])('refuse %s', async (_, change, message) => {
      await expect(onnx({...typed, ...change})).rejects.toThrow(message);
    });

    it('fail alone if a query names none of them', async () => {
      const teacher = await onnx(typed);
      expect(messages(await teacher.ask([queries[0]!, flowers[1]!]))).toEqual([
        undefined,
        'Teacher onnx heads.onnx: A query names none of its questions.',
      ]);
    });
  });

  describe('weights in a file of their own', () => {
    const copy = async (name: string): Promise<string> => {
      const path = join(folder, `${name}.onnx`);
      await copyFile(external.path, path);
      await copyFile(external.path.replace(/onnx$/, 'weights'), join(folder, 'external.weights'));
      return path;
    };

    it('are used, with inner tensors as features too', async () => {
      const teacher = await onnx({...external, features: ['product']});
      const given = answers(await teacher.ask(floats(expected.external.inputs), {detail: teacher.detail}));
      for (const [row, {logits, features}] of given.entries()) {
        expectClose(logits, expected.external.logits[row]!, 1e-5);
        expectClose(features['product']!.values, expected.external.logits[row]!, 1e-5);
      }
    });

    it('are part of the identity, and must not change under a teacher', async () => {
      const path = await copy('changing');
      const before = await onnx({...external, path});
      expect(before.identity).toEqual((await onnx(external)).identity);
      const weights = await readFile(join(folder, 'external.weights'));
      weights[0]! ^= 1;
      await writeFile(join(folder, 'external.weights'), weights);
      expect((await onnx({...external, path})).identity).not.toEqual(before.identity);
      await expect(before.ask(floats(expected.external.inputs))).rejects.toThrow(
        'changing.onnx has changed since this teacher was made. Start again.',
      );
    });

    it('are missed by name', async () => {
      const path = await copy('lonely');
      await rm(join(folder, 'external.weights'));
      await expect(onnx({...external, path})).rejects.toThrow("keeps weights in external.weights, which can't be read");
    });
  });

  it('runs two models at once', async () => {
    const teachers = [await onnx(iris), await onnx(convolution)] as const;
    const queries = [floats(expected.iris.inputs), images] as const;
    const alone = [await teachers[0].ask(queries[0]), await teachers[1].ask(queries[1])];
    const together = await Promise.all([0, 1, 0, 1].map(which => teachers[which]!.ask(queries[which]!)));
    expect(together).toEqual([...alone, ...alone]);
  });

  it('lets the process end by itself', async () => {
    const adapter = join(import.meta.dirname, '../../adapters/onnx.ts');
    const program = `
      import {onnx} from ${JSON.stringify(adapter)};
      for (const threads of [1, 2]) {
        const teacher = await onnx({...${JSON.stringify(iris)}, threads});
        const data = Float32Array.of(5, 3, 1, 0.2);
        const [{answer}] = await teacher.ask([{input: {kind: 'tensor', dtype: 'float32', shape: [4], data}}]);
        console.log(answer.kind);
      }`;
    const flags = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const {stdout, stderr} = await promisify(execFile)(process.execPath, flags, {timeout: 30_000});
    expect({stdout, stderr}).toEqual({stdout: 'logits\nlogits\n', stderr: ''});
  });
});

describe('what onnx says of a model before it is loaded', () => {
  it('has in its identity what changes answers, and nothing else', async () => {
    const {identity} = await onnx(digits);
    expect(await onnx({...digits, name: 'mine', threads: 1, maxBatch: 7, features: []})).toMatchObject({identity});
    const changes: Partial<OnnxOptions>[] = [
      {preprocessing: {scale: 1 / 8}},
      {layout: 'as-is'},
      {output: {logits: 'mul_result2'}},
      {path: modelPath('iris'), classes: three},
    ];
    for (const change of changes)
      expect((await onnx({...digits, features: [], ...change})).identity).not.toEqual(identity);
  });

  it.each<[string, Partial<OnnxOptions>, string]>([
    ['no file', {path: '/nowhere/model.onnx'}, "The model /nowhere/model.onnx can't be read. Check `path`."],
    ['a folder', {path: import.meta.dirname}, "can't be read. Check `path`."],
    ['a file of another kind', {path: import.meta.filename}, 'is not an ONNX model'],
    [
      'no such output',
      {output: {probabilities: 'scores'}},
      'has no tensor `scores`. Its outputs are `label`, `probabilities`; any tensor inside it can be named too.',
    ],
    ['no such feature', {features: ['hidden']}, 'has no tensor `hidden`'],
    [
      'other classes',
      {classes: ['yes', 'no']},
      'gives 3 values for each input, but there are 2 classes. Check `output` and `classes`.',
    ],
    ['labels for scores', {output: {logits: 'label'}}, '`label` of'],
    ['a class twice', {classes: ['a', 'b', 'a']}, '`classes` names `a` twice'],
    ['an unknown layout', {layout: 'NCHW' as never}, 'Expected `layout` to be one of as-is, channels-first, flat'],
    ['no batch', {maxBatch: 0}, 'Expected `maxBatch` to be a whole number above 0, got 0.'],
    ['a deviation of 0', {preprocessing: {deviation: [1, 0, 1]}}, '`deviation` none of them 0'],
    [
      'a list of maps as a feature',
      {path: modelPath('iris-zipmap'), features: ['output_probability']},
      "is no tensor. Convert a model of scikit-learn with `options={'zipmap': False}`.",
    ],
    [
      'a softmax for logits',
      {path: digits.path, classes: ten, output: {logits: 'probabilities'}},
      'comes from a softmax: give it as `probabilities`.',
    ],
    [
      'two inputs',
      {path: join(import.meta.dirname, '../fixtures/tiny-model/cls/onnx/model.onnx')},
      'has 2 inputs (`input_ids`, `attention_mask`); a query can feed only one.',
    ],
    [
      'preprocessing of whole numbers',
      {...lookup, preprocessing: {scale: 2}},
      "takes int64, so `preprocessing` can't apply.",
    ],
  ])('refuses %s', async (_, change, message) => {
    await expect(onnx({...iris, ...change})).rejects.toThrow(message);
  });

  it('tells files of other kinds from models, whatever their bytes', async () => {
    const path = join(folder, 'noise.onnx');
    const isRefused = async (noise: Uint8Array) => {
      await writeFile(path, noise);
      await expect(onnx({...iris, path})).rejects.toThrow('is not an ONNX model');
    };
    await fc.assert(fc.asyncProperty(fc.uint8Array({maxLength: 200}), isRefused), {numRuns: 50});
  });

  it('survives a damaged model', async () => {
    const whole = await readFile(digits.path);
    const damaged = fc.record({at: fc.nat(whole.length - 1), byte: fc.nat(255), length: fc.nat(whole.length)});
    fc.assert(
      fc.property(damaged, ({at, byte, length}) => {
        const model = Uint8Array.from(whole.subarray(0, length));
        if (at < length) model[at] = byte;
        expect(() => readGraph(model)).not.toThrow();
      }),
      {numRuns: 500},
    );
  });
});

describe('half floats', () => {
  it('come back as they were, all of them', () => {
    const bits = Array.from({length: 2 ** 16}, (_, index) => index).filter(half => !Number.isNaN(fromHalf(half)));
    expect(bits.map(half => toHalf(fromHalf(half)))).toEqual(bits);
    expect(Number.isNaN(fromHalf(toHalf(Number.NaN)))).toBe(true);
  });

  it('are the nearest ones to any number, ties to even', () => {
    fc.assert(
      fc.property(fc.float({min: -65519, max: 65519, noNaN: true}), value => {
        const half = toHalf(value);
        const away = Math.abs(fromHalf(half) - value);
        const neighbours = [half - 1, half + 1].filter(bits => (bits & 0x7fff) < 0x7c00 && bits >= 0);
        for (const other of neighbours) {
          const distance = Math.abs(fromHalf(other) - value);
          expect(distance > away || (distance === away && half % 2 === 0)).toBe(true);
        }
      }),
    );
    expect([65519, 65520, 2 ** -25, 1.5 * 2 ** -24].map(value => fromHalf(toHalf(value)))).toEqual([
      65504,
      Number.POSITIVE_INFINITY,
      0,
      2 ** -23,
    ]);
  });
});
