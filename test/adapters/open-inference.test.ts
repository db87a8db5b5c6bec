import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {
  type LabelOutput,
  type OpenInferenceOptions,
  openInference,
  type ScoreOutput,
} from '../../adapters/open-inference.ts';
import {degrade} from '../../src/ask/compose/degrade.ts';
import {inputAt} from '../../src/data/inputs.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import {type RunningService, type ServeOptions, serveTeacher} from '../../src/serve/server.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import type {Detail, Query, Reply, Teacher} from '../../src/teacher.ts';
import {images, smallStudent, tenClasses} from '../student/examples.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer} from './json-server.ts';
import {problemsIn} from './replay.ts';

const key = 'sk-very-secret';
const inputs = images(6, [4, 4, 1]);
const queries: readonly Query[] = Array.from({length: inputs.count}, (_, index) => ({
  input: inputAt(inputs, index),
}));
const badQuery: Query = {input: {kind: 'tensor', dtype: 'uint8', shape: [5, 5, 1], data: new Uint8Array(25)}};

interface Form {
  readonly title: string;
  readonly serve: Pick<ServeOptions, 'access' | 'detail'>;
  readonly shown: Detail;
  readonly output: ScoreOutput | LabelOutput;
}

const forms: readonly Form[] = [
  {
    title: 'log-probabilities',
    serve: {access: 'gray-box'},
    shown: {kind: 'log-probabilities'},
    output: {logProbabilities: 'log_probabilities'},
  },
  {
    title: 'the k best',
    serve: {access: 'gray-box', detail: {kind: 'top-k', k: 3}},
    shown: {kind: 'top-k', k: 3},
    output: {topK: {classes: 'classes', logProbabilities: 'log_probabilities', k: 3}},
  },
  {
    title: 'logits',
    serve: {access: 'gray-box', detail: {kind: 'logits'}},
    shown: {kind: 'logits'},
    output: {logits: 'logits'},
  },
  {title: 'label indices', serve: {access: 'black-box'}, shown: {kind: 'label'}, output: {label: 'label'}},
  {title: 'label names', serve: {access: 'black-box'}, shown: {kind: 'label'}, output: {label: 'class'}},
];

/** Both kinds of output at once, which the exported overloads keep apart. */
const connect = openInference as (
  options: OpenInferenceOptions & {readonly output: ScoreOutput | LabelOutput},
) => Teacher;

describe.each(forms)('openInference against a service that shows $title', ({serve, shown, output}) => {
  let service: RunningService;
  let local: Teacher;
  let options: Omit<OpenInferenceOptions, 'url'>;

  beforeAll(async () => {
    await startEngine();
    const student = smallStudent();
    local = asTeacher(student);
    const version = weightsHash(student);
    options = {model: 'digits', version, classes: tenClasses, key, maxBatch: 4};
    service = await serveTeacher(local, {
      ...serve,
      model: 'digits',
      version,
      key,
      input: {kind: 'tensor', dtype: 'uint8', shape: [4, 4, 1]},
    });
  });
  afterAll(() => service.close());

  testTeacher({
    it,
    teacher: () => connect({...options, url: service.url, output}),
    queries,
    badQuery,
    secret: key,
  });

  it('brings the very numbers that the teacher gave', async () => {
    const remote = connect({...options, url: service.url, output, maxBatch: 64});
    const given = degrade(local, {access: serve.access, detail: shown});
    expect(await remote.ask(queries)).toEqual(await given.ask(queries));
  });
});

describe('openInference against a service', () => {
  let service: RunningService;
  const options = {model: 'digits', classes: tenClasses, output: {label: 'label'}} as const;

  beforeAll(async () => {
    await startEngine();
    service = await serveTeacher(asTeacher(smallStudent()), {model: 'digits', version: '1', access: 'black-box', key});
  });
  afterAll(() => service.close());

  it('asks for the address only when it is first needed, and once', async () => {
    const url = vi.fn(async () => service.url);
    const teacher = openInference({...options, url, service: 'digits of this study', key});
    expect(teacher.identity['service']).toBe('digits of this study');
    expect(teacher.name).toBe('open-inference digits at digits of this study');
    expect(url).not.toHaveBeenCalled();
    await Promise.all([teacher.ask(queries), teacher.ask(queries)]);
    await teacher.ask(queries);
    expect(url).toHaveBeenCalledTimes(1);
  });

  it('asks for the address again after that failed', async () => {
    const url = vi.fn(async () => service.url).mockRejectedValueOnce(new Error('not yet'));
    const teacher = openInference({...options, url, service: 'digits', key});
    await expect(teacher.ask(queries)).rejects.toThrow('not yet');
    expect(problemsIn(await teacher.ask(queries))).toEqual(queries.map(() => 'none'));
  });

  it('says that the key is wrong, or which models and versions there are', async () => {
    const wrong = openInference({...options, url: service.url, key: 'wrong'}).ask(queries);
    await expect(wrong).rejects.toThrow('It refuses the key.');
    const other = openInference({...options, url: service.url, key, version: '2'}).ask(queries);
    await expect(other).rejects.toThrow('no model `digits`, version `2`. It has: digits (version 1).');
  });

  it('is told nothing that the service does not show', async () => {
    const output = {logProbabilities: 'log_probabilities'};
    const outcomes = await openInference({...options, url: service.url, key, output}).ask(queries);
    for (const problem of problemsIn(outcomes)) expect(problem).toContain('the names of the outputs');
  });

  it('answers one of several queries alone when another is not for this model', async () => {
    const outcomes = await openInference({...options, url: service.url, key}).ask([queries[0]!, badQuery]);
    expect(problemsIn(outcomes)).toEqual(['none', expect.stringContaining('It answered 400')]);
  });
});

describe('openInference with questions', () => {
  const kind = choice('kind', 'Which?', ['a', 'b', 'c']);
  const level = score('level', 'How much?', ['none', 'some']);
  const dark = predicate('dark', 'Is it dark?');
  const questions = [kind, level, dark];
  const output = {kind: {logits: 'kind'}, level: {logits: 'level'}, dark: {logits: 'marks', column: 1}};
  const about = (...sizes: readonly number[]) =>
    sizes.flatMap(size => {
      const query = {input: {kind: 'tensor', dtype: 'float32', shape: [2], data: Float32Array.of(size, 1)}} as const;
      return questions.map(question => ({...query, question}));
    });
  const asked = about(3, 5, 8);
  const requests: {readonly rows: number; readonly outputs: readonly string[]}[] = [];
  let url = '';

  beforeAll(async () => {
    url = await jsonServer((body: {inputs: {shape: number[]; data: number[]}[]; outputs: {name: string}[]}) => {
      const [{shape, data}] = body.inputs as [{shape: number[]; data: number[]}];
      requests.push({rows: shape[0]!, outputs: body.outputs.map(({name}) => name)});
      const sizes = data.filter((_, index) => index % 2 === 0);
      const tensor = (name: string, row: (size: number) => number[]) => {
        const rows = sizes.flatMap(row);
        return {name, datatype: 'FP32', shape: [sizes.length, rows.length / sizes.length], data: rows};
      };
      const outputs = [
        tensor('kind', size => [size, 0, -size]),
        tensor('level', size => [0, size / 2]),
        tensor('marks', size => [1, -size]),
      ];
      return {body: {model_name: 'heads', outputs}};
    });
  });
  const make = (options: Partial<OpenInferenceOptions> = {}) =>
    openInference({url, model: 'heads', questions, output, binary: false, ...options});

  testTeacher({
    it,
    teacher: () => make(),
    queries: asked,
    badQuery: {...badQuery, question: kind, input: {...badQuery.input, data: new Uint8Array(3)} as never},
  });

  it('asks for all outputs about many inputs in one request, whatever is asked', async () => {
    requests.length = 0;
    const outcomes = await make().ask([...asked.slice(0, 5), asked[8]!]);
    expect(requests).toEqual([{rows: 3, outputs: ['kind', 'level', 'marks']}]);
    expect(outcomes).toEqual(
      [
        [3, 0, -3],
        [0, 1.5],
        [0, -3],
        [5, 0, -5],
        [0, 2.5],
        [0, -8],
      ].map(logits => ({
        answer: {kind: 'logits', logits: Float32Array.from(logits), features: {}},
      })),
    );
  });

  it('reads a kept reply as the fresh one, for some of its queries', async () => {
    const teacher = make();
    const kept: Reply[] = [];
    const fresh = await teacher.ask(asked, {exchange: async (_, send) => kept[kept.push(await send()) - 1]!});
    const {status, headers, body} = kept[0]!;
    const some = asked.map(({question}, row) => (row % 2 === 0 ? question : undefined));
    const again = teacher.service!.read({status, headers, body}, asked.length, teacher.detail, some);
    expect(again.filter((_, row) => row % 2 === 0)).toEqual(fresh.filter((_, row) => row % 2 === 0));
  });

  it('declares log-probabilities unless all outputs are logits, and labels alone make it a black box', () => {
    const mixed = {...output, dark: {probabilities: 'marks', column: 0}};
    expect(openInference({url, model: 'm', questions, output: mixed}).detail).toEqual({kind: 'log-probabilities'});
    const labels = {kind: {label: 'k'}, level: {label: 'l'}, dark: {label: 'm'}};
    expect(openInference({url, model: 'm', questions, output: labels})).toMatchObject({access: 'black-box'});
    const both = {...output, dark: {label: 'm'}} as never;
    expect(() => openInference({url, model: 'm', questions, output: both})).toThrow('Make a teacher of each.');
  });

  it('reads an output of one number, or a column, as the expected level of a score', async () => {
    const scales = [
      {expected: 'marks', column: 0},
      {expected: 'marks', column: 0, from: 5, to: 0},
    ];
    for (const [level, found] of [
      [scales[0]!, 1],
      [scales[1]!, 0.8],
    ] as const) {
      const own = {...output, level};
      const teacher = openInference({url, model: 'heads', questions, output: own, binary: false});
      expect(teacher).toMatchObject({detail: {kind: 'logits'}, details: {level: {kind: 'expected'}}});
      expect(teacher.questions!.sources!['level']).toEqual(level);
      const [choice, expected] = await teacher.ask(asked.slice(0, 2));
      expect(choice).toMatchObject({answer: {kind: 'logits'}});
      expect(expected).toEqual({answer: {kind: 'expected', level: expect.closeTo(found, 6)}});
    }
    const wide = {...output, level: {expected: 'level'}};
    const wider = openInference({url, model: 'heads', questions, output: wide, binary: false});
    await expect(wider.ask(asked)).rejects.toThrow('gives 2 values for each input, and an expected level is one');
  });

  it('refuses expected levels of other questions, of classes and of half a scale', () => {
    const refused = (given: object) => () => openInference({url, model: 'm', questions, output: given} as never);
    expect(refused({...output, dark: {expected: 'marks'}})).toThrow('question `dark` is a predicate');
    expect(refused({...output, level: {expected: 'marks', from: 1}})).toThrow('takes both `from` and `to`, or none');
    const classes = {url, model: 'm', classes: ['a', 'b'], output: {expected: 'marks'}} as never;
    expect(() => openInference(classes)).toThrow('Give it as `questions`');
  });

  it('says which output has another width', async () => {
    const wrong = make({output: {...output, kind: {logits: 'marks'}}} as never);
    await expect(wrong.ask(asked)).rejects.toThrow(
      'gives 2 values for each input, but there are 3 classes of question `kind`',
    );
  });
});
