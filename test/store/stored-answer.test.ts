import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import type {AnswerEntry} from '../../src/store/store.ts';
import {answerKey, digestKey, digestQuery, KEY_VERSION, problemWith} from '../../src/store/stored-answer.ts';
import type {Answer, Detail, Fields, Json, Query, TensorInput} from '../../src/teacher.ts';

interface Tensor {
  readonly dtype: TensorInput['dtype'];
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

interface GoldenCase {
  readonly name: string;
  readonly identity: {readonly [key: string]: Json};
  readonly text?: string;
  readonly tensor?: Tensor;
  readonly view?: number;
  readonly sample?: number;
  readonly key: string;
}

const golden = JSON.parse(
  readFileSync(new URL('../fixtures/knowledge/keys.json', import.meta.url), 'utf8'),
) as readonly GoldenCase[];

const ARRAYS = {uint8: Uint8Array, int32: Int32Array, float32: Float32Array};

function queryOf({text, tensor, view, sample}: Omit<GoldenCase, 'name' | 'identity' | 'key'>): Query {
  const seeds = {...(view !== undefined && {view}), ...(sample !== undefined && {sample})};
  if (!tensor) return {input: {kind: 'text', text: text ?? ''}, ...seeds};
  const {dtype, shape, values} = tensor;
  return {input: {kind: 'tensor', dtype, shape, data: ARRAYS[dtype].from(values)}, ...seeds};
}

const identity = {service: 'open-inference', url: 'http://127.0.0.1:8080', model: {name: 'mnist', version: '3'}};
const image: Tensor = {dtype: 'uint8', shape: [2, 2], values: [0, 1, 2, 255]};
const plain = answerKey(identity, queryOf({tensor: image}));

describe('answerKey', () => {
  it.each(golden)('is what it was for $name', ({identity, key, ...query}) => {
    expect(answerKey(identity, queryOf(query))).toBe(key);
  });

  it('has its version in the golden file, so that a change of either is seen', () => {
    expect(KEY_VERSION).toBe(1);
    expect(golden.length).toBeGreaterThan(8);
    expect(new Set(golden.map(({key}) => key)).size).toBe(golden.length - 1);
  });

  const changes: Record<string, string> = {
    'one pixel': answerKey(identity, queryOf({tensor: {...image, values: [0, 1, 2, 254]}})),
    'the shape of the same bytes': answerKey(identity, queryOf({tensor: {...image, shape: [4]}})),
    'the view': answerKey(identity, queryOf({tensor: image, view: 1})),
    'the sample': answerKey(identity, queryOf({tensor: image, sample: 1})),
    'a field of the identity': answerKey({...identity, url: 'http://127.0.0.1:8081'}, queryOf({tensor: image})),
    'a nested field of the identity': answerKey(
      {...identity, model: {name: 'mnist', version: '4'}},
      queryOf({tensor: image}),
    ),
    'one field more in the identity': answerKey({...identity, prompt: ''}, queryOf({tensor: image})),
  };
  it.each(Object.entries(changes))('changes with %s', (_, key) => {
    expect(key).not.toBe(plain);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
  });

  it('changes with the type of the same bytes', () => {
    const same = Float32Array.of(1, 2);
    const float: Query = {input: {kind: 'tensor', dtype: 'float32', shape: [2], data: same}};
    const int: Query = {input: {kind: 'tensor', dtype: 'int32', shape: [2], data: new Int32Array(same.buffer)}};
    expect(answerKey(identity, float)).not.toBe(answerKey(identity, int));
  });

  it('tells view 1 from sample 1, and a text from a tensor of the same bytes', () => {
    expect(changes['the view']).not.toBe(changes['the sample']);
    const letter = queryOf({tensor: {dtype: 'uint8', shape: [], values: [97]}});
    expect(answerKey(identity, queryOf({text: 'a'}))).not.toBe(answerKey(identity, letter));
  });

  it('does not change with the order of keys in the identity, at any depth', () => {
    const {service, url} = identity;
    expect(answerKey({model: {version: '3', name: 'mnist'}, url, service}, queryOf({tensor: image}))).toBe(plain);
  });

  it('takes no view and no sample for the clean input and the first asking', () => {
    expect(answerKey(identity, queryOf({tensor: image, view: 0, sample: 0}))).toBe(plain);
  });

  it('tells images by their bytes and records by their JSON, and both from the same text', () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
    const image = (...more: number[]) =>
      digestQuery({input: {kind: 'image', bytes: Uint8Array.of(...png, ...more), mediaType: 'image/png'}});
    expect(image()).toMatchObject({dtype: 'image/png', shape: []});
    expect(image(1).bytes).not.toBe(image().bytes);
    const record = (fields: Fields) => digestQuery({input: {kind: 'record', fields}});
    expect(record({age: 3, name: 'a'})).toMatchObject({
      ...{dtype: 'record', shape: []},
      bytes: digestQuery(queryOf({text: '{"age":3,"name":"a"}'})).bytes,
    });
    expect(record({name: 'a', age: 3}).bytes).not.toBe(record({age: 3, name: 'a'}).bytes);
  });

  it('refuses an image that is another one than it says, and a record that JSON can not hold', () => {
    const image: Query = {input: {kind: 'image', bytes: Uint8Array.of(0xff, 0xd8, 0xff), mediaType: 'image/png'}};
    expect(() => answerKey(identity, image)).toThrow('An image is said to be image/png');
    const record: Query = {input: {kind: 'record', fields: {age: Number.NaN}}};
    expect(() => answerKey(identity, record)).toThrow('A record: field `age` is NaN.');
  });

  it('does not depend on the block of memory that an input stands in', () => {
    const block = Uint8Array.of(9, 9, 9, 0, 1, 2, 255, 9);
    const input = {kind: 'tensor', dtype: 'uint8', shape: [2, 2], data: block.subarray(3, 7)} as const;
    expect(answerKey(identity, {input})).toBe(plain);
  });

  it('keeps texts apart that only look the same', () => {
    const composed = answerKey(identity, queryOf({text: 'caf\u00e9'}));
    expect(answerKey(identity, queryOf({text: 'cafe\u0301'}))).not.toBe(composed);
    expect(answerKey(identity, queryOf({text: 'caf\u00e9 '}))).not.toBe(composed);
  });

  it('can be worked out again from the digest that is kept with an answer', () => {
    expect(digestKey(identity, digestQuery(queryOf({tensor: image})))).toBe(plain);
    expect(digestQuery(queryOf({tensor: image}))).toMatchObject({
      dtype: 'uint8',
      shape: [2, 2],
      view: 0,
      sample: 0,
    });
  });
});

const fake = {service: 'fake'};
const query = digestQuery({input: {kind: 'text', text: 'one'}});

function entry(answer: Answer, detail: Detail): AnswerEntry {
  const stored = {
    format: 1,
    teacher: {name: 'a fake', identity: fake},
    question: query,
    detail,
    answer,
    storedAt: '',
  } as const;
  return {key: digestKey(fake, query), stored};
}

const logs = (...probabilities: readonly number[]) => Float32Array.from(probabilities, Math.log);

describe('problemWith', () => {
  it('finds nothing wrong with answers of every kind that are right', () => {
    const right: readonly (readonly [Answer, Detail])[] = [
      [{kind: 'label', label: 0}, {kind: 'label'}],
      [{kind: 'votes', counts: Uint32Array.of(0, 2)}, {kind: 'votes'}],
      [{kind: 'expected', level: 1.5}, {kind: 'expected'}],
      [
        {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: logs(0.6), rest: 0.4},
        {kind: 'top-k', k: 5},
      ],
      [{kind: 'log-probabilities', logProbabilities: logs(0.25, 0.75, 0)}, {kind: 'log-probabilities'}],
      [{kind: 'logits', logits: Float32Array.of(3, -4), features: {}}, {kind: 'log-probabilities'}],
    ];
    for (const [answer, detail] of right) expect(problemWith(entry(answer, detail))).toBeUndefined();
  });

  it('says what is wrong with the values', () => {
    const wrong: readonly (readonly [Answer, Detail, string])[] = [
      [{kind: 'label', label: -1}, {kind: 'label'}, 'its label is -1'],
      [{kind: 'votes', counts: Uint32Array.of(0, 0)}, {kind: 'votes'}, 'it has no votes'],
      [{kind: 'expected', level: Number.NaN}, {kind: 'expected'}, 'its expected level is NaN'],
      [
        {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: logs(0.6), rest: 0.1},
        {kind: 'top-k', k: 1},
        'its probabilities sum to 0.7000',
      ],
      [
        {kind: 'top-k', classes: Int32Array.of(1, 2), logProbabilities: logs(0.6), rest: 0.4},
        {kind: 'top-k', k: 2},
        'it names other classes than it has values',
      ],
      [
        {kind: 'log-probabilities', logProbabilities: Float32Array.of(Number.NaN, 0)},
        {kind: 'log-probabilities'},
        'its probabilities sum to NaN',
      ],
      [
        {kind: 'logits', logits: Float32Array.of(Number.NaN), features: {}},
        {kind: 'logits'},
        'its logits are not all finite',
      ],
    ];
    for (const [answer, detail, problem] of wrong) expect(problemWith(entry(answer, detail))).toBe(problem);
  });

  it('finds an answer that holds less than it is said to', () => {
    expect(problemWith(entry({kind: 'label', label: 1}, {kind: 'logits'}))).toBe(
      'it is said to hold logits, and holds label',
    );
  });

  it('finds an answer under a key that is not its own', () => {
    const {stored} = entry({kind: 'label', label: 1}, {kind: 'label'});
    expect(problemWith({key: 'f'.repeat(64), stored})).toBe('its key is not that of its teacher and question');
  });
});
