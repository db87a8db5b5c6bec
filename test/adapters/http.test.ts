import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {type HttpOptions, http} from '../../adapters/http.ts';
import {openAsking} from '../../src/ask/asking.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Json, Teacher} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer, probabilitiesOf} from './json-server.ts';
import {address, floats, halving, offline, problemsIn, recordedFor, replayFor, text} from './replay.ts';

const sentiments = ['negative', 'neutral', 'positive'];
const species = ['setosa', 'versicolor', 'virginica'];
const flowers = [floats(5.1, 3.5, 1.4, 0.2), floats(6.2, 2.9, 4.3, 1.3)];
const key = 'sk-very-secret';

/** 32-bit logarithms, as answers hold them. */
const logs = (...probabilities: number[]) => ({
  answer: {kind: 'log-probabilities', logProbabilities: Float32Array.from(probabilities, Math.log)},
});

/** Both kinds of output at once, which the exported overloads keep apart. */
const connect = http as (options: HttpOptions) => Teacher;

const queries = ['one', 'three', 'seventeen', 'a'].map(text);
const form = {classes: sentiments, key} as const;

describe('http, one query a request', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer((body: {input: string}) => ({
      body: {scores: Object.fromEntries(probabilitiesOf(body.input, 3).map((p, index) => [sentiments[index], p]))},
    }));
  });
  testTeacher({
    it,
    teacher: () => connect({...form, url, request: {input: '{text}'}, output: {probabilities: '/scores'}}),
    queries,
    badQuery: floats(1, 2),
    secret: key,
  });
});

describe('http with questions', () => {
  const kind = choice('kind', 'Which mood?', sentiments);
  const toxic = predicate('toxic', 'Is it toxic?');
  const length = score('length', 'How long is it?', ['short', 'long']);
  const questions = [kind, toxic, length];
  const asked = queries.flatMap(query => questions.map(question => ({...query, question})));
  const output = {
    kind: {probabilities: '/results/*/scores'},
    toxic: {probabilities: '/results/*/tags/toxic'},
    length: {percentages: '/results/*/length'},
  };
  let url = '';
  const requests: (readonly string[])[] = [];

  beforeAll(async () => {
    url = await jsonServer(({texts}: {texts: string[]}) => {
      requests.push(texts);
      if (texts.includes('odd')) return {status: 422, body: {error: 'odd'}};
      const results = texts.map(content => ({
        scores: Object.fromEntries(probabilitiesOf(content, 3).map((p, index) => [sentiments[index], p])),
        ...(content !== 'a' && {tags: {toxic: content.length / 10}}),
        length: {short: 100 - 10 * content.length, long: 10 * content.length},
      }));
      return {body: {results}};
    });
  });
  const make = (options: Partial<HttpOptions> = {}) =>
    connect({url, questions, request: {texts: '{texts}'}, output, key, ...options});
  const answered = asked.slice(0, 9);

  testTeacher({it, teacher: () => make(), queries: answered, badQuery: {...floats(1, 2), question: kind}, secret: key});

  it('brings all answers about many inputs in one request, each from its own location', async () => {
    requests.length = 0;
    const outcomes = await make().ask(answered);
    expect(requests).toEqual([['one', 'three', 'seventeen']]);
    expect(outcomes[1]).toEqual(logs(0.7, 0.3));
    expect(outcomes[5]).toEqual(logs(0.5, 0.5));
    expect(outcomes[3]).toEqual(logs(...probabilitiesOf('three', 3)));
  });

  it('keeps the answers to other questions if one is not in the reply', async () => {
    const outcomes = await make().ask(asked.slice(9));
    expect(problemsIn(outcomes)).toEqual([
      'none',
      expect.stringContaining('nothing at `/results/*/tags/toxic`'),
      'none',
    ]);
    const nowhere = {...output, kind: {probabilities: '/none/*'}};
    const [lacking, found] = await make({output: nowhere}).ask(asked.slice(0, 2));
    expect(problemsIn([lacking!, found!])).toEqual([expect.stringContaining('nothing at `/none`'), 'none']);
  });

  it('reads one number as the expected level of a score, beside the scores of other questions', async () => {
    const levels = {...output, length: {expected: '/results/*/tags/toxic', from: 0, to: 1}};
    const teacher = make({output: levels});
    expect(teacher).toMatchObject({access: 'gray-box', details: {length: {kind: 'expected'}}});
    const outcomes = await teacher.ask(asked.slice(0, 3));
    expect(outcomes.slice(1)).toEqual([logs(0.7, 0.3), {answer: {kind: 'expected', level: expect.closeTo(0.3, 6)}}]);
    const [far] = await make({output: {...output, length: {expected: '/results/*/length/long'}}}).ask([asked[2]!]);
    expect(problemsIn([far!])[0]).toContain('Its score is 30, and its levels go from 0 to 1.');
    const rater = connect({...form, url, request: {texts: '{texts}'}, output: {expected: '/results/*/tags/toxic'}});
    expect(rater).toMatchObject({access: 'gray-box', detail: {kind: 'expected'}});
    expect(await rater.ask([queries[1]!])).toEqual([{answer: {kind: 'expected', level: 0.5}}]);
  });

  it('refuses expected levels of a question that is no score, of half a scale, and beside labels', () => {
    expect(() => make({output: {...output, toxic: {expected: '/x'}}})).toThrow('question `toxic` is a predicate');
    const half = {...output, length: {expected: '/x', from: 1}};
    expect(() => make({output: half})).toThrow('beside `expected` both `from` and `to`, or none');
    const labels = {kind: {label: '/a'}, toxic: {label: '/b'}, length: {expected: '/c'}};
    expect(() => make({output: labels})).toThrow('gives labels of some questions and scores of others');
  });

  it('reads kept replies about many inputs again, whichever questions are asked then', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
    const through = async (options: Partial<HttpOptions>, some: typeof asked) => {
      const asking = await openAsking({cache: join(folder, 'cache'), journal: join(folder, 'journal')});
      return asking
        .open(make(options))
        .teacher.ask(some)
        .finally(() => asking.close());
    };
    requests.length = 0;
    const first = await through(
      {},
      answered.filter((_, row) => row !== 4),
    );
    expect(requests).toHaveLength(1);
    // Another reader: kept replies are read again, and only what was not asked about is bought.
    const later = await through({aliases: {sad: 'negative'}}, answered);
    expect(requests).toEqual([['one', 'three', 'seventeen'], ['three']]);
    expect(later.filter((_, row) => row !== 4)).toEqual(first);
    await rm(folder, {recursive: true});
  });

  it('asks about the halves of a refused batch, and once about a refused input', async () => {
    requests.length = 0;
    const texts = ['one', 'odd', 'two', 'six'].map(text);
    const some = texts.flatMap(query => questions.map(question => ({...query, question})));
    const outcomes = await halving(make()).ask(some);
    expect(problemsIn(outcomes).map(problem => problem === 'none')).toEqual(some.map((_, row) => row < 3 || row > 5));
  });

  it.each<[string, Partial<HttpOptions>, string]>([
    ['no location of a question', {output: {kind: output.kind}}, 'says nothing of question `toxic`'],
    ['a location of an unknown question', {output: {...output, tocix: output.toxic}}, 'Did you mean `toxic`?'],
    ['labels beside scores', {output: {...output, toxic: {label: '/l/*'}}}, 'Make a teacher of each.'],
    ['labels of classes', {labels: ['a', 'b', 'c']}, '`labels` goes with `classes`'],
    ['classes', {classes: sentiments}, 'needs either `classes` or `questions`'],
  ])('refuses %s', (_, options, problem) => {
    expect(() => make(options)).toThrow(problem);
  });
});

describe('http, many queries a request', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer((body: {rows: {content: string}[]}) => ({
      body: {
        results: body.rows.map(({content}) => {
          const probabilities = probabilitiesOf(content, 3);
          return {label: sentiments[probabilities.indexOf(Math.max(...probabilities))]};
        }),
      },
    }));
  });
  testTeacher({
    it,
    teacher: () =>
      connect({
        ...form,
        url,
        request: {rows: {'{each}': {content: '{text}'}}},
        output: {label: '/results/*/label'},
        keyHeader: 'X-API-Key: {key}',
      }),
    queries,
    badQuery: floats(1, 2),
    secret: key,
  });
});

interface Recording {
  readonly server: string;
  readonly name: string;
  readonly options: Omit<HttpOptions, 'url'>;
  readonly asked: typeof flowers;
  readonly answers: readonly unknown[];
  /** True if the request differs from the recorded one in a digit. */
  readonly differs?: true;
}

const flowerProbabilities = [
  logs(0.981656829444016, 0.01834315616093856, 1.4395045350105303e-8),
  logs(0.008456920632808663, 0.9351317068206194, 0.05641137254657186),
];
const rows: Json = '{tensors}';

const recordings: readonly Recording[] = [
  {
    server: 'TorchServe',
    name: 'torchserve-predict-200',
    options: {classes: sentiments, request: {text: '{text}'}, output: {probabilities: ''}},
    asked: [text('great film')],
    answers: [logs(0.005701940972357988, 0.006339451298117638, 0.9879586696624756)],
  },
  {
    server: 'MLflow, inputs',
    name: 'mlflow-inputs-200',
    options: {classes: species, request: {inputs: rows}, output: {probabilities: '/predictions/*'}},
    asked: flowers,
    answers: flowerProbabilities,
  },
  {
    server: 'MLflow, instances',
    name: 'mlflow-instances-200',
    options: {classes: species, request: {instances: rows}, output: {probabilities: '/predictions/*'}},
    asked: flowers.slice(0, 1),
    answers: flowerProbabilities.slice(0, 1),
  },
  {
    server: 'MLflow, a data frame',
    name: 'mlflow-split-200',
    options: {
      classes: species,
      request: {dataframe_split: {columns: ['a', 'b', 'c', 'd'], data: rows}},
      output: {probabilities: '/predictions/*'},
    },
    asked: flowers.slice(0, 1),
    answers: flowerProbabilities.slice(0, 1),
  },
  {
    server: 'LitServe',
    name: 'litserve-predict-200',
    options: {classes: ['neg', 'pos'], request: {input: '{text}'}, output: {probabilities: '/output'}},
    asked: [text('good movie')],
    answers: [logs(0.2689414213699951, 0.7310585786300049)],
  },
  {
    server: 'BentoML, scores',
    name: 'bentoml-classify-200',
    options: {classes: species, request: {x: rows}, output: {probabilities: '/*'}},
    asked: flowers,
    answers: flowerProbabilities,
  },
  {
    server: 'BentoML, a label',
    name: 'bentoml-label-200',
    options: {classes: ['neg', 'pos'], request: {text: '{text}'}, output: {label: '/label'}},
    asked: [text('good')],
    answers: [{answer: {kind: 'label', label: 1}}],
  },
  {
    server: 'Ray Serve',
    name: 'ray-predict-200',
    options: {classes: ['neg', 'pos'], request: {text: '{text}'}, output: {probabilities: '/probs'}},
    asked: [text('good')],
    answers: [logs(0.09999999999999998, 0.9)],
  },
  {
    server: 'KServe, version 1',
    name: 'kserve-predict-200',
    options: {classes: species, request: {instances: rows}, output: {probabilities: '/predictions/*'}},
    asked: flowers,
    answers: flowerProbabilities,
  },
  {
    server: 'Lift Wing',
    name: 'lift-wing-damaging-200',
    options: {
      classes: ['fine', 'damaging'],
      labels: ['false', 'true'],
      request: {rev_id: '{text}'},
      output: {probabilities: '/*/scores/*/*/score/probability'},
      receipt: {fingerprint: '/*/models/*/version'},
    },
    asked: [text('12345')],
    answers: [logs(0.7, 0.3)],
    differs: true,
  },
];

describe('http on replies of real servers', () => {
  it.each(recordings)('reads $server, sending what was recorded', async ({name, options, asked, answers, differs}) => {
    const {request} = recordedFor('http', name);
    const {dispatcher, sent} = replayFor('http', name);
    const teacher = connect({...options, url: `${address}${request.path}`, dispatcher});
    expect(await teacher.ask(asked)).toEqual(answers);
    // Inputs are 32-bit numbers, and the recorded ones have 64 bits.
    if (!differs) expect(JSON.stringify(sent[0]!.body, rounded)).toBe(JSON.stringify(request.body));
  });

  it.each([
    [
      'torchserve-handler-503',
      'It answered 503 (InternalServerException): "Prediction failed". Its handler failed on the request.',
      true,
    ],
    [
      'torchserve-no-model-404',
      'It answered 404 (ModelNotFoundException): "Model not found: nope". It has no such model.',
      false,
    ],
    ['mlflow-no-json-415', "Got 'text/plain'.\" It takes no JSON there.", false],
    ['litserve-failed-500', 'It answered 500: "Internal server error". It failed. Its own log says why;', true],
    ['bentoml-no-api-404', 'It answered 404: "Not Found". Nothing is there.', false],
    ['bentoml-wrong-shape-500', 'please check the server log." It failed.', true],
    ['ray-no-route-404', 'for available routes." Nothing is there.', false],
    ['ray-failed-500', 'It answered 500: "Internal Server Error". It failed.', true],
    ['ray-queue-full-503', '" It is overloaded, or has not started yet. Lower `concurrency`', true],
    [
      'kserve-no-model-404',
      '404: "Model with name nope does not exist." It has no such model. Check the path of `url`',
      false,
    ],
    ['kserve-wrong-body-500', 'It answered 500: "KeyError : \'instances\'". It failed.', true],
  ])('says what %s means', async (name, message, retryable) => {
    const {request} = recordedFor('http', name);
    const {dispatcher} = replayFor('http', name);
    const teacher = connect({...recordings[0]!.options, url: `${address}${request.path}`, dispatcher});
    const error: unknown = await teacher.ask([text('good')]).catch(problem => problem);
    expect(error).toMatchObject({name: 'TeacherError', retryable, message: expect.stringContaining(message)});
  });

  it.each([
    ['mlflow-empty-400', '…" It does not take the request. Check `request`'],
    [
      'mlflow-wrong-shape-400',
      'compatible with the model for inference." It does not take the request. Check `request`',
    ],
    ['bentoml-missing-400', 'text: Field required". It does not take the request.'],
  ])('takes %s for a refusal of the query, and shows what it says without its stack', async (name, message) => {
    const {request} = recordedFor('http', name);
    const {dispatcher} = replayFor('http', name);
    const teacher = connect({...recordings[0]!.options, url: `${address}${request.path}`, dispatcher});
    const [problem] = problemsIn(await teacher.ask([text('good')]));
    expect(problem).toContain(message);
    expect(problem).not.toMatch(/Traceback|pydantic/);
  });
});

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}

describe('the request of http', () => {
  async function sentFor(request: Json, ...asked: typeof flowers): Promise<unknown> {
    const {dispatcher, sent, answer} = offline();
    answer('/', 400, {});
    await connect({...form, url: address, request, output: {label: '/*'}, dispatcher}).ask(asked);
    return sent[0]!.body;
  }

  it.each([
    [{a: {b: ['{text}']}}, {a: {b: ['x $& {text}']}}],
    ['{text}', 'x $& {text}'],
    [
      {prompt: 'Say of "{text}" what it is: {text}', n: 1, s: null},
      {prompt: 'Say of "x $& {text}" what it is: x $& {text}', n: 1, s: null},
    ],
    [{inputs: '{texts}'}, {inputs: ['x $& {text}']}],
    [{inputs: {'{each}': ['{text}']}}, {inputs: [['x $& {text}']]}],
  ])('fills %j', async (request, body) => {
    expect(await sentFor(request, text('x $& {text}'))).toEqual(body);
  });

  it('writes tensors as lists within lists', async () => {
    const input = {kind: 'tensor', dtype: 'uint8', shape: [2, 3, 1], data: Uint8Array.of(1, 2, 3, 4, 5, 6)} as const;
    const nested = [
      [[1], [2], [3]],
      [[4], [5], [6]],
    ];
    expect(await sentFor({x: '{tensor}'}, {input})).toEqual({x: nested});
    expect(await sentFor({x: '{tensors}'}, {input}, {input})).toEqual({x: [nested, nested]});
    expect(await sentFor({x: '{tensor}'}, {input: {...input, shape: [], data: Uint8Array.of(7)}})).toEqual({x: 7});
  });

  it('carries any text as it is', () =>
    fc.assert(
      fc.asyncProperty(fc.string({unit: 'grapheme'}), async value => {
        expect(await sentFor({x: '{text}', y: '{text}!'}, text(value))).toEqual({x: value, y: `${value}!`});
      }),
      {numRuns: 30},
    ));

  it.each<[Json, string]>([
    [{input: 'text'}, 'It has no placeholder for the input.'],
    [{a: '{text}', b: '{tensor}'}, 'It has placeholders for texts and tensors.'],
    [{a: 'all: {texts}'}, '"{texts}" stands for a list, and can\'t be part of a longer string.'],
    [{a: '{texts}', b: '{text}'}, 'It has a placeholder for one input beside those for all.'],
    [{a: {'{each}': '{texts}'}}, '"{texts}" stands for all inputs, not for "{each}".'],
    [{a: {'{each}': 'x'}}, '"{each}" must be alone in its object'],
    [{a: {'{each}': '{text}', b: 1}}, '"{each}" must be alone in its object'],
    [{a: {'{each}': {'{each}': '{text}'}}}, '"{each}" must be alone in its object'],
    [{a: '{text}', b: Number.NaN}, 'It holds a value that JSON can not.'],
  ])('refuses %j', (request, problem) => {
    const make = () => connect({...form, url: address, request, output: {label: ''}});
    expect(make).toThrow(`The \`request\` can't be used. ${problem}`);
  });
});

describe('the options of http', () => {
  const good = {...form, url: address, request: {x: '{text}'}, output: {label: ''}};

  it.each<[string, object, string]>([
    ['an output that is no pointer', {output: {label: 'label'}}, "The `output` can't be used."],
    ['two outputs', {output: {label: '', logits: ''}}, "The `output` can't be used."],
    ['the best of logits', {output: {logits: '', topK: 2}}, "The `output` can't be used."],
    ['no output', {output: {}}, "The `output` can't be used."],
    ['an error that is no pointer', {error: 'error'}, "The `error` can't be used."],
    ['a receipt that is no pointer', {receipt: {model: 'model'}}, "`receipt.model` can't be used."],
    ['one class', {classes: ['a'], labels: ['a']}, "The classes can't be used."],
    ['too few labels', {labels: ['a', 'b']}, 'There are 2 `labels` for 3 classes.'],
    ['a label twice', {labels: ['a', 'b', 'a']}, "The classes can't be used."],
    ['a batch without a placeholder', {maxBatch: 8}, '`maxBatch` needs placeholders for several inputs'],
    ['half a batch', {request: '{texts}', maxBatch: 1.5}, 'Expected `maxBatch` to be a whole number above 0, got 1.5.'],
    ['a key among the headers', {headers: {Authorization: key}}, 'The header Authorization carries the key.'],
    ['a header of the connection', {headers: {Host: 'a.test'}}, 'The header Host is set by the HTTP client.'],
    ['a header that breaks the line', {headers: {'x-a': 'a\nb'}}, "has a name or a value that can't be sent."],
    ['a key header without a key', {keyHeader: 'X-API-Key'}, "The `keyHeader` can't be used."],
    ['an address with a query', {url: `${address}/?key=1`}, 'holds a user, a password or a query'],
  ])('refuse %s', (_, options, problem) => {
    expect(() => connect({...good, ...options})).toThrow(problem);
  });

  it('send the headers that are asked for, and the key in its own', async () => {
    const {dispatcher, sent, answer} = offline();
    answer('/', 200, '1');
    const headers = {'User-Agent': 'limbeck tests', 'X-Model': 'm', 'X-Gateway-Key': 'gateway key', 'X-Tag': () => 'b'};
    const teacher = connect({...good, headers, keyHeader: 'X-API-Key: Token {key}', dispatcher});
    expect(await teacher.ask([text('a')])).toEqual([{answer: {kind: 'label', label: 1}}]);
    expect(sent[0]!.headers).toMatchObject({
      'user-agent': 'limbeck tests',
      'x-model': 'm',
      'x-api-key': `Token ${key}`,
      'x-gateway-key': 'gateway key',
      'x-tag': 'b',
    });
    expect(sent[0]!.headers).not.toHaveProperty('authorization');
    expect(teacher.identity['headers']).toEqual({'x-model': 'm'});
  });

  it('let a stand-in keep the identity of a service that moves', () => {
    const here = connect({...good, service: 'mine, version 2'});
    const there = connect({...good, service: 'mine, version 2', url: 'http://elsewhere.test'});
    expect(there.identity).toEqual(here.identity);
    expect(connect(good).identity).not.toEqual(here.identity);
  });
});

describe('the reply to http', () => {
  const many = {classes: ['a', 'b'], url: address, request: {x: '{texts}'}} as const;
  const ask = async (options: Pick<HttpOptions, 'output'> & Partial<HttpOptions>, body: unknown, count = 2) => {
    const {dispatcher, answer} = offline();
    answer('/', 200, body);
    const teacher = connect({...many, ...options, dispatcher});
    return teacher.ask(Array.from({length: count}, (_, index) => text(`${index}`)));
  };

  it.each<[string, HttpOptions['output'], unknown]>([
    [
      'lists',
      {probabilities: '/p/*'},
      {
        p: [
          [0.5, 0.5],
          [0.25, 0.75],
        ],
      },
    ],
    [
      'objects',
      {probabilities: '/p/*'},
      {
        p: [
          {b: 0.5, a: 0.5},
          {b: 0.75, a: 0.25},
        ],
      },
    ],
    [
      'labelled scores',
      {probabilities: '/p/*'},
      {
        p: [
          [
            {label: 'a', score: 0.5},
            {label: 'b', score: 0.5},
          ],
          [
            {label: 'b', score: 0.75},
            {label: 'a', score: 0.25},
          ],
        ],
      },
    ],
    [
      'pairs',
      {probabilities: '/p/*'},
      {
        p: [
          [
            ['a', 0.5],
            ['b', 0.5],
          ],
          [
            ['b', 0.75],
            ['a', 0.25],
          ],
        ],
      },
    ],
    ['a flat list', {probabilities: '/p'}, {p: [0.5, 0.5, 0.25, 0.75]}],
    [
      'percentages',
      {percentages: '/p/*'},
      {
        p: [
          [50, 50],
          [25, 75],
        ],
      },
    ],
    [
      'log-probabilities',
      {logProbabilities: '/p/*'},
      {
        p: [
          [0.5, 0.5],
          [0.25, 0.75],
        ].map(row => row.map(Math.log)),
      },
    ],
    [
      'names beside each list',
      {probabilities: '/r/*/scores', names: '/r/*/labels'},
      {
        r: [
          {labels: ['b', 'a'], scores: [0.5, 0.5]},
          {labels: ['b', 'a'], scores: [0.75, 0.25]},
        ],
      },
    ],
    [
      'names beside all lists',
      {probabilities: '/p/*', names: '/labels'},
      {
        labels: ['b', 'a'],
        p: [
          [0.5, 0.5],
          [0.75, 0.25],
        ],
      },
    ],
  ])('gives %s', async (_, output, body) => {
    expect(await ask({output}, body)).toEqual([logs(0.5, 0.5), logs(0.25, 0.75)]);
  });

  it('gives logits, and the most probable classes with the rest', async () => {
    const logits = await ask({output: {logits: '/*'}}, [
      [3, -1],
      [0, 2],
    ]);
    expect(logits[1]).toEqual({answer: {kind: 'logits', logits: Float32Array.of(0, 2), features: {}}});
    const best = await ask({output: {probabilities: '/*', topK: 1}}, [{b: 0.75}, {a: 0.5}]);
    expect(best[0]).toEqual({
      answer: {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: Float32Array.of(Math.log(0.75)), rest: 0.25},
    });
  });

  it('fails a query alone whose entry lacks what is read', async () => {
    const [good, lacking, odd] = await ask(
      {output: {probabilities: '/r/*/p'}},
      {r: [{p: [0.5, 0.5]}, {}, {p: {a: 1}}]},
      3,
    );
    expect(good).toEqual(logs(0.5, 0.5));
    expect(lacking).toMatchObject({
      error: {unreadable: true, message: expect.stringContaining('has nothing at `/r/*/p`')},
    });
    expect(odd).toMatchObject({error: {unreadable: true, message: expect.stringContaining('scored 1 of 2 classes')}});
  });

  it.each<[string, Partial<HttpOptions> & Pick<HttpOptions, 'output'>, unknown, string]>([
    ['text', {output: {label: '/*'}}, '<html>', 'Its reply is not JSON.'],
    ['another list', {output: {label: '/p/*'}}, {q: []}, 'Its reply has nothing at `/p`. Check `output`.'],
    ['no list', {output: {label: '/p/*'}}, {p: 1}, 'Its reply has no list at `/p`.'],
    ['a shorter list', {output: {label: '/*'}}, [0], 'Its reply has 1 answers at its root for 2 queries.'],
    [
      'a list that is not flat',
      {output: {probabilities: '/p'}},
      {
        p: [
          [1, 0],
          [0, 1],
        ],
      },
      'If it holds one entry per query, write a `*`',
    ],
    [
      'several values',
      {request: '{text}', output: {label: '/*/label'}},
      [{label: 0}, {label: 1}],
      'Its reply has 2 values at `/*/label`, not one.',
    ],
    [
      'an inherited name',
      {request: '{text}', output: {label: '/constructor'}},
      {},
      'Its reply has nothing at `/constructor`.',
    ],
    [
      'the length of a list',
      {request: '{text}', output: {label: '/length'}},
      [0],
      'Its reply has nothing at `/length`.',
    ],
    [
      'an error',
      {output: {label: '/r/*'}, error: '/error'},
      {r: [0, 1], error: 'secret'},
      'Its reply says at `/error` that it failed.',
    ],
  ])('that is %s is unreadable as a whole', async (_, options, body, problem) => {
    const asked = ask(options, body, options.request === undefined ? 2 : 1);
    const error: unknown = await asked.then(
      outcomes => (outcomes[0] as {error: Error}).error,
      thrown => thrown,
    );
    expect(error).toMatchObject({name: 'TeacherError', unreadable: true, status: 200});
    expect((error as Error).message).toContain(problem);
    expect((error as Error).message).not.toContain('secret');
  });

  it.each([null, false, 0, '', [], {}])('has not failed if its error is %j', async error => {
    expect(await ask({output: {label: '/r/*'}, error: '/error'}, {r: [0, 1], error})).toHaveLength(2);
  });

  it('reads NaN in the JSON of Python as a score that is none', async () => {
    const outcomes = await ask({output: {probabilities: '/*'}}, '[[NaN, 0.5], [0.5, 0.5]]');
    expect(problemsIn(outcomes)).toEqual([expect.stringContaining('It gave NaN or an infinite value.'), 'none']);
  });

  it('says what it cost and who answered', () => {
    const receipt = {model: '/m/name', fingerprint: '/v', inputTokens: '/usage/~0in~1', outputTokens: '/usage/out'};
    const {service} = connect({...many, output: {label: '/*'}, receipt});
    const body = JSON.stringify({m: {name: 'large'}, v: 3, usage: {'~in/': 12}});
    expect(service!.receipt!({status: 200, headers: {}, body})).toEqual({
      model: 'large',
      fingerprint: '3',
      usage: {inputTokens: 12, outputTokens: 0},
    });
    expect(service!.receipt!({status: 200, headers: {}, body: '[1]'})).toEqual({});
  });

  it('is one refusal for all queries of a refused batch, which limbeck then asks about in halves', async () => {
    const url = await jsonServer((body: {x: string[]}) =>
      body.x.includes('bad') ? {status: 422, body: {}} : {body: body.x.map(() => 'a')},
    );
    const teacher = connect({...many, url, output: {label: '/*'}});
    const outcomes = await teacher.ask(['x', 'bad', 'y', 'z'].map(text));
    expect(new Set(outcomes.map(outcome => 'error' in outcome && outcome.error)).size).toBe(1);
    expect(outcomes[0]).toMatchObject({error: {status: 422, refusal: 'unclear'}});
  });

  it('is asked for once a form if tensors differ, and a failure of one leaves the other', async () => {
    const url = await jsonServer((body: {x: number[][]}) =>
      body.x[0]!.length === 3 ? {status: 500, body: {}} : {body: body.x.map(() => 'a')},
    );
    const teacher = connect({...many, url, request: {x: '{tensors}'}, output: {label: '/*'}});
    const outcomes = await teacher.ask([floats(1, 2), floats(1, 2, 3), floats(3, 4), floats(Number.NaN, 1), text('a')]);
    expect(problemsIn(outcomes)).toEqual([
      'none',
      expect.stringContaining('It answered 500.'),
      'none',
      expect.stringContaining('NaN or an infinite value, which JSON can not hold'),
      expect.stringContaining('It reads tensors, and this input is a text.'),
    ]);
  });
});
