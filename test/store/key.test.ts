import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {answerKey, digestKey, digestQuery, KEY_VERSION} from '../../src/store/key.ts';
import type {Json, Query, TensorInput} from '../../src/teacher.ts';

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
