import {describe, expect, it} from 'vitest';
import {openInference} from '../../adapters/open-inference.ts';
import {address, floats, problemsIn, recorded, replay, text} from './replay.ts';

const species = ['setosa', 'versicolor', 'virginica'];
const flowers = [floats(5.1, 3.5, 1.4, 0.2), floats(6.2, 2.9, 4.3, 1.3)];
const iris = {url: address, model: 'iris', classes: species};

/** 32-bit logarithms, as answers hold them. */
const logs = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);

describe('openInference on replies of real servers', () => {
  it('reads labels of MLServer, and needs no metadata, which MLServer leaves empty', async () => {
    const {dispatcher, sent} = replay('mlserver-predict-200');
    const teacher = openInference({...iris, output: {label: 'predict'}, dispatcher});
    expect(await teacher.ask(flowers)).toEqual([0, 1].map(label => ({answer: {kind: 'label', label}})));
    expect(sent).toHaveLength(1);
    expect(sent[0]!.body).toMatchObject({outputs: [{name: 'predict'}]});
  });

  it('reads probabilities of MLServer, sending just what was recorded', async () => {
    const {dispatcher, sent} = replay('mlserver-proba-200');
    const teacher = openInference({
      ...iris,
      version: 'v1',
      input: {name: 'x', datatype: 'FP64'},
      output: {probabilities: 'predict_proba'},
      dispatcher,
    });
    const doubles = recorded('mlserver-proba-200').request.body.inputs;
    const outcomes = await teacher.ask(flowers);
    expect(outcomes).toEqual([
      {
        answer: {
          kind: 'log-probabilities',
          logProbabilities: logs(0.981656829444016, 0.01834315616093856, 1.4395045350105303e-8),
        },
      },
      {
        answer: {
          kind: 'log-probabilities',
          logProbabilities: logs(0.008456920632808663, 0.9351317068206194, 0.05641137254657186),
        },
      },
    ]);
    const {inputs} = sent[0]!.body as {inputs: {data: number[]}[]};
    expect(inputs).toMatchObject([{...doubles[0], data: expect.anything()}]);
    for (const [index, value] of [5.1, 3.5, 1.4, 0.2, 6.2, 2.9, 4.3, 1.3].entries()) {
      expect(inputs[0]!.data[index]).toBeCloseTo(value, 6);
    }
  });

  it('reads texts and class names of MLServer', async () => {
    const reviews = [text('great cast'), text('boring awful movie')];
    const options = {url: address, model: 'text', classes: ['neg', 'neu', 'pos'], input: {name: 'x'}};
    const {dispatcher, sent} = replay('mlserver-text-200', 'mlserver-text-200');
    const labels = openInference({...options, output: {label: 'predict'}, dispatcher});
    expect(await labels.ask(reviews)).toEqual([2, 0].map(label => ({answer: {kind: 'label', label}})));
    expect(sent[0]!.body).toEqual({
      id: 'limbeck',
      inputs: [
        {
          name: 'x',
          datatype: 'BYTES',
          shape: [2, 1],
          parameters: {content_type: 'str'},
          data: ['great cast', 'boring awful movie'],
        },
      ],
      outputs: [{name: 'predict'}],
    });
    const scores = openInference({...options, output: {probabilities: 'predict_proba'}, dispatcher});
    const [first] = await scores.ask(reviews);
    expect(first).toEqual({
      answer: {
        kind: 'log-probabilities',
        logProbabilities: logs(0.037201998847001136, 0.033423979730653565, 0.9293740214223454),
      },
    });
  });

  it('fails a query alone whose class name is not in the list, and shows the name', async () => {
    const {dispatcher} = replay('mlserver-text-200');
    const options = {url: address, model: 'text', classes: ['neg', 'neu'], output: {label: 'predict'}} as const;
    const problems = problemsIn(await openInference({...options, dispatcher}).ask([text('a'), text('b')]));
    expect(problems[0]).toContain('It gave a label outside the class list of 2.');
    expect(problems[0]).toContain('It says "pos"; the nearest class is `neg`, and that is far.');
    expect(problems[1]).toBe('none');
  });

  it('reads logits and probabilities of Triton, sending just what was recorded', async () => {
    const {dispatcher, sent} = replay('triton-infer-200', 'triton-infer-200');
    const options = {...iris, input: {name: 'x'}, dispatcher};
    const logits = openInference({...options, output: {logits: 'logits'}});
    expect(logits.detail).toEqual({kind: 'logits'});
    expect((await logits.ask(flowers))[0]).toEqual({
      answer: {
        kind: 'logits',
        logits: Float32Array.of(2.580889940261841, -1.3473191261291504, 3.554774284362793),
        features: {},
      },
    });
    const [input] = recorded('triton-infer-200').request.body.inputs as {data: number[]}[];
    const [given] = (sent[0]!.body as {inputs: {data: number[]}[]}).inputs;
    expect(given).toEqual({...input, data: [...Float32Array.from(input!.data)]});
    const [, second] = await openInference({...options, output: {probabilities: 'probs'}}).ask(flowers);
    expect(second).toEqual({
      answer: {
        kind: 'log-probabilities',
        logProbabilities: logs(0.9385222792625427, 0.014703959226608276, 0.04677385464310646),
      },
    });
  });

  it('reads texts of Triton, and takes a probability of zero for 1e-38', async () => {
    const {dispatcher, sent} = replay('triton-text-200');
    const options = {url: address, model: 'text', classes: ['neg', 'pos'], input: {name: 'text'}, dispatcher};
    const outcomes = await openInference({...options, output: {probabilities: 'probs'}}).ask([
      text('banana'),
      text('hello'),
    ]);
    expect(outcomes[1]).toEqual({answer: {kind: 'log-probabilities', logProbabilities: logs(1, 1e-38)}});
    const {inputs} = recorded('triton-text-200').request.body;
    expect(sent[0]!.body).toMatchObject({inputs});
  });

  it('reads a reply of KServe, whose version and parameters are null', async () => {
    const {dispatcher} = replay('kserve-infer-200');
    const [outcome] = await openInference({...iris, output: {probabilities: 'probs'}, dispatcher}).ask([flowers[0]!]);
    expect(outcome).toMatchObject({answer: {kind: 'log-probabilities'}});
  });

  it('tells which models MLServer has instead', async () => {
    const {dispatcher} = replay('mlserver-no-model-404', 'mlserver-index-200');
    const asked = openInference({...iris, model: 'nope', output: {label: 'predict'}, dispatcher}).ask(flowers);
    await expect(asked).rejects.toMatchObject({
      name: 'TeacherError',
      status: 404,
      retryable: false,
      message:
        'Teacher open-inference nope at http://teacher.test:8080: It answered 404: "Model nope not found". ' +
        'It has no model `nope`. It has: text (version v1), iris (version v1). Check `model` and `version`.',
    });
  });

  it.each([
    ['Triton, which keeps its index to itself', ['triton-no-model-404', 'triton-index-403']],
    ['KServe, which has none', ['kserve-no-model-404']],
  ])('says what to check on a 404 of %s', async (_, names) => {
    const {dispatcher} = replay(...names);
    const asked = openInference({...iris, model: 'nope', output: {label: 'label'}, dispatcher}).ask(flowers);
    await expect(asked).rejects.toThrow('It has no model `nope`. Check `url`, `model` and `version`.');
  });

  it.each(['mlserver-no-data-422', 'mlserver-no-output-400', 'triton-wrong-shape-400'])(
    'takes %s for a refusal of the queries, which asking again does not help',
    async name => {
      const {dispatcher, sent} = replay(name);
      const outcomes = await openInference({...iris, output: {label: 'predict'}, dispatcher}).ask(flowers);
      const status = recorded(name).response.status;
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({error: {name: 'TeacherError', status, retryable: false}});
      }
      expect(problemsIn(outcomes)[0]).toContain('Check the name, datatype and shape of the input');
      expect(sent).toHaveLength(1);
    },
  );

  it.each([
    ['mlserver-wrong-shape-500', 'Internal Server Error'],
    ['triton-bad-json-500', 'failed to parse the request JSON'],
    ['kserve-wrong-shape-500', 'is expecting 4 features as input'],
  ])('takes %s for a failure that can pass, and shows what it says', async (name, words) => {
    const {dispatcher} = replay(name);
    const asked = openInference({...iris, output: {label: 'predict'}, dispatcher}).ask(flowers);
    await expect(asked).rejects.toMatchObject({name: 'TeacherError', status: 500, retryable: true});
    await expect(asked).rejects.toThrow(words);
  });
});
