import {afterEach, beforeEach, expect, it} from 'vitest';
import {AnswerStoreError} from '../../../src/errors.ts';
import type {AnswerStore, StoredAnswer} from '../../../src/store/store.ts';
import type {Answer} from '../../../src/teacher.ts';
import {storedAnswer} from '../stored-answer.ts';

/** Answers of every kind, with values that JSON and rounding would not keep. */
const answers: readonly Answer[] = [
  {kind: 'label', label: 3},
  {kind: 'votes', counts: Uint32Array.of(0, 4_294_967_295, 7)},
  {
    kind: 'top-k',
    classes: Int32Array.of(2, 0),
    logProbabilities: Float32Array.of(-0, Number.NEGATIVE_INFINITY),
    rest: 0.1 + 0.2,
  },
  {kind: 'log-probabilities', logProbabilities: Float32Array.of(Number.NaN, -1e-45, -103.97208)},
  {
    kind: 'logits',
    logits: Float32Array.of(1, 2, 3).subarray(1),
    features: {pool: {shape: [1, 2], values: Float32Array.of(0.1, Number.POSITIVE_INFINITY)}},
  },
];
export const records: readonly StoredAnswer[] = answers.map(answer => ({...storedAnswer(new Float32Array()), answer}));

/**
 * What every store of answers does.
 *
 * @param openEmpty - opens one that holds nothing
 */
export function testAnswers(openEmpty: () => Promise<AnswerStore>): void {
  let store: AnswerStore;
  beforeEach(async () => {
    store = await openEmpty();
  });
  afterEach(() => store?.close());

  it('gives every kind of answer back bit for bit', async () => {
    await store.setMany(records.map((stored, index) => ({key: `key ${index}`, stored})));
    expect(await store.getMany(records.map((_, index) => `key ${index}`))).toEqual(records);
    const {logProbabilities} = (await store.get('key 3'))!.answer as Extract<Answer, {kind: 'log-probabilities'}>;
    expect(new Uint32Array(logProbabilities.buffer.slice(logProbabilities.byteOffset))[0]).toBe(0x7fc00000);
  });

  it('gives undefined for what it does not hold, in the order of the keys', async () => {
    await store.set('b', records[0]!);
    expect(await store.getMany(['a', 'b', 'c'])).toEqual([undefined, records[0], undefined]);
    expect(await store.getMany([])).toEqual([]);
    expect(await store.get('a')).toBeUndefined();
  });

  it('lists, counts, replaces and deletes', async () => {
    await store.setMany(['b', 'a', 'c'].map(key => ({key, stored: records[0]!})));
    await store.set('b', records[1]!);
    expect(await store.delete('c')).toBe(true);
    expect(await store.delete('c')).toBe(false);
    expect(await store.count()).toBe(2);
    const listed = new Map<string, StoredAnswer>();
    for await (const {key, stored} of store.entries()) listed.set(key, stored);
    expect(Object.fromEntries(listed)).toEqual({a: records[0], b: records[1]});
  });

  it('can be read and written while it is listed', async () => {
    await store.setMany(Array.from({length: 200}, (_, index) => ({key: `key ${index}`, stored: records[index % 5]!})));
    let listed = 0;
    for await (const {key, stored} of store.entries()) {
      expect(await store.get(key)).toEqual(stored);
      if (listed++ % 50 === 0) await store.set('key 7', records[2]!);
    }
    expect(listed).toBe(200);
  });

  it('refuses a record of a format that it does not know, instead of missing it', async () => {
    await store.set('new', {...records[0]!, format: 2} as unknown as StoredAnswer);
    const refusal = /holds a record of format 2, and this version reads format 1\. Use the version/;
    await expect(store.get('new')).rejects.toThrow(refusal);
    await expect(store.getMany(['new'])).rejects.toThrow(AnswerStoreError);
    await expect(store.entries()[Symbol.asyncIterator]().next()).rejects.toThrow(refusal);
  });
}
