import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type TensorflowServingOptions, tensorflowServing} from '../../adapters/tensorflow-serving.ts';
import type {Query, Teacher} from '../../src/teacher.ts';
import {startKserve} from '../servers/kserve.ts';
import {NO_SERVERS} from '../servers/python-server.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer, probabilitiesOf} from './json-server.ts';
import {address, floats, offline, problemsIn, replayFor, text} from './replay.ts';

/** Both kinds of output at once, which the exported overloads keep apart. */
const connect = tensorflowServing as (options: TensorflowServingOptions) => Teacher;

const classes = ['no', 'yes'];
const shared = {url: address, model: 'm', classes} as const;
const key = 'sk-very-secret';

const kserve = await startKserve();
afterAll(() => kserve?.stop());

describe('tensorflowServing', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer((body: {instances: string[]}) => ({
      body: {predictions: body.instances.map(instance => probabilitiesOf(String(instance), 2).map(Math.log))},
    }));
  });
  testTeacher({
    it,
    teacher: () => connect({...shared, url, output: 'logits', key}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(Number.NaN),
    secret: key,
  });
});

describe.skipIf(!kserve)(`tensorflowServing against version 1 of KServe${kserve ? '' : ` (${NO_SERVERS})`}`, () => {
  const {digits} = kserve ?? ({} as NonNullable<typeof kserve>);
  const queries: readonly Query[] = (digits?.inputs ?? []).map(pixels => ({
    input: {kind: 'tensor', dtype: 'uint8', shape: [pixels.length], data: Uint8Array.from(pixels)},
  }));
  const teacher = () =>
    tensorflowServing({
      url: kserve!.url,
      model: 'digits',
      classes: digits.classes,
      output: 'probabilities',
      maxBatch: 4,
    });

  testTeacher({it, teacher, queries: queries.slice(0, 6)});

  it('brings the probabilities of scikit-learn', async () => {
    const outcomes = await teacher().ask(queries.slice(0, 4));
    for (const [row, outcome] of outcomes.entries()) {
      const {logProbabilities} = (outcome as {answer: {logProbabilities: Float32Array}}).answer;
      for (const [label, probability] of digits.probabilities[row]!.entries()) {
        expect(Math.abs(Math.exp(logProbabilities[label]!) / probability - 1)).toBeLessThan(1e-6);
      }
    }
  });
});

describe('a request to tensorflowServing', () => {
  it.each<[string, Partial<TensorflowServingOptions>, string, object, object]>([
    [
      'rows',
      {output: 'logits'},
      '/v1/models/m:predict',
      {
        instances: [
          [1, 2],
          [3, 4],
        ],
      },
      {
        predictions: [
          [0, 1],
          [1, 0],
        ],
      },
    ],
    [
      'rows with names',
      {output: {logits: 'dense/1'}, input: 'x', signature: 'score', version: 3},
      '/v1/models/m/versions/3:predict',
      {signature_name: 'score', instances: [{x: [1, 2]}, {x: [3, 4]}]},
      {
        predictions: [
          {'dense/1': [0, 1], other: 1},
          {'dense/1': [1, 0], other: 2},
        ],
      },
    ],
    [
      'columns',
      {output: 'logits', format: 'columns', versionLabel: 'stable'},
      '/v1/models/m/labels/stable:predict',
      {
        inputs: [
          [1, 2],
          [3, 4],
        ],
      },
      {
        outputs: [
          [0, 1],
          [1, 0],
        ],
      },
    ],
    [
      'columns with names',
      {output: {logits: 'scores'}, format: 'columns', input: 'x'},
      '/v1/models/m:predict',
      {
        inputs: {
          x: [
            [1, 2],
            [3, 4],
          ],
        },
      },
      {
        outputs: {
          scores: [
            [0, 1],
            [1, 0],
          ],
          classes: ['yes', 'no'],
        },
      },
    ],
    [
      'examples to classify',
      {output: 'logits', format: 'classify', input: 'x', signature: 's'},
      '/v1/models/m:classify',
      {signature_name: 's', examples: [{x: [1, 2]}, {x: [3, 4]}]},
      {
        result: [
          [
            ['no', 0],
            ['yes', 1],
          ],
          [
            ['yes', 0],
            ['no', 1],
          ],
        ],
      },
    ],
  ])('has %s', async (_, options, path, request, reply) => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, reply);
    const outcomes = await connect({...shared, output: 'logits', ...options, dispatcher}).ask([
      floats(1, 2),
      floats(3, 4),
    ]);
    expect(outcomes.map(outcome => 'answer' in outcome && outcome.answer)).toEqual(
      [
        [0, 1],
        [1, 0],
      ].map(logits => ({kind: 'logits', logits: Float32Array.from(logits), features: {}})),
    );
    expect(sent[0]!.body).toEqual(request);
  });

  it('has texts, and tensors beside them in a request of their own', async () => {
    const {dispatcher, sent, answer} = offline();
    answer('/v1/models/m:predict', 200, {predictions: [['yes'], [{b64: Buffer.from('no').toString('base64')}]]});
    answer('/v1/models/m:predict', 200, {predictions: [1]});
    const outcomes = await connect({...shared, output: 'label', dispatcher}).ask([text('a'), floats(1), text('b')]);
    expect(outcomes).toEqual([1, 1, 0].map(label => ({answer: {kind: 'label', label}})));
    expect(sent.map(({body}) => body)).toEqual([{instances: ['a', 'b']}, {instances: [[1]]}]);
  });

  it('reads the NaN that the server writes as a score that is none', async () => {
    const {dispatcher, answer} = offline();
    answer('/v1/models/m:predict', 200, '{"predictions": [[NaN, 1.0], [0.0, 1.0]]}');
    const outcomes = await connect({...shared, output: 'logits', dispatcher}).ask([floats(1), floats(2)]);
    expect(problemsIn(outcomes)).toEqual([expect.stringContaining('It gave NaN or an infinite value.'), 'none']);
  });

  it('reads scores with the classes that stand in another output', async () => {
    const {dispatcher, answer} = offline();
    answer('/v1/models/m:predict', 200, {predictions: [{p: [0.75, 0.25], c: ['yes', 'no']}]});
    const output = {probabilities: 'p', names: 'c'};
    expect(await connect({...shared, output, dispatcher}).ask([floats(1)])).toEqual([
      {answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(Math.log(0.25), Math.log(0.75))}},
    ]);
  });
});

describe('an error of tensorflowServing', () => {
  it.each([
    [400, 'Check `signature`, `input` and `format`'],
    [404, 'It has no such model. Check `model`, and `version` or `versionLabel`'],
    [429, 'Its queue is full.'],
    [500, 'Its own log says why'],
    [501, 'It can not do that with this model.'],
    [503, 'The model is not loaded yet, or its queue is full.'],
    [504, 'The service itself timed out.'],
  ])('with %i says what to do', async (status, advice) => {
    const {dispatcher, answer} = offline();
    answer('/v1/models/m:predict', status, {error: 'input_1:0 is [[0.5, 1, 2, 3, 4, 5, 6, 7]]'});
    const asked = connect({...shared, output: 'logits', dispatcher}).ask([floats(1)]);
    const error = await asked.then(
      ([outcome]) => (outcome as {error: Error}).error,
      thrown => thrown as Error,
    );
    expect(error.message).toContain(advice);
    expect(error.message).toContain(`It answered ${status}: "input_1:0 is […]". `);
    expect(error).toMatchObject({name: 'TeacherError', status, retryable: status === 429 || status >= 500});
  });

  it('of KServe is read alike', async () => {
    const {dispatcher} = replayFor('http', 'kserve-no-model-404');
    const asked = connect({...shared, model: 'nope', output: 'logits', dispatcher}).ask([floats(1)]);
    await expect(asked).rejects.toThrow('404: "Model with name nope does not exist." It has no such model.');
  });

  it.each<[Partial<TensorflowServingOptions>, string]>([
    [{version: 1, versionLabel: 'a'}, 'by `version` or by `versionLabel`, not by both'],
    [{format: 'classify'}, 'the service needs the name of its feature as `input`'],
    [{format: 'classify', input: 'x', output: 'label'}, '`output` must be the kind of its scores'],
    [{maxBatch: 0}, 'Expected `maxBatch` to be a whole number above 0, got 0.'],
    [
      {output: 'scores' as 'logits'},
      "The `output` can't be used. Give one of logits, logProbabilities, probabilities, percentages, label: alone",
    ],
  ])('is thrown at once for options such as %j', (options, problem) => {
    expect(() => connect({...shared, output: 'logits', ...options})).toThrow(problem);
  });
});
