import {describe, expect, it} from 'vitest';
import {isHeadKey, ShortAnswers} from '../../src/store/short-answers.ts';
import type {StoredAnswer} from '../../src/store/store.ts';
import {storedAnswer} from './stored-answer.ts';

const stored = storedAnswer(Float32Array.of(Number.NaN, -0));

/** A store of these entries. */
const readerOf = (entries: ReturnType<ShortAnswers['shorten']>) => {
  const values = new Map(entries.map(({key, value}) => [key, value]));
  return async (keys: readonly string[]) => keys.map(key => values.get(key));
};

async function roundTrip(all: readonly StoredAnswer[]): Promise<readonly unknown[]> {
  const entries = new ShortAnswers().shorten(all.map((one, index) => ({key: `k${index}`, stored: one})));
  const read = readerOf(entries);
  return new ShortAnswers().restore(await read(all.map((_, index) => `k${index}`)), read);
}

describe('answers in their short form', () => {
  it.each<[string, StoredAnswer]>([
    ['a digest and a time as they are made', stored],
    ['a digest that is none', {...stored, question: {...stored.question, bytes: 'Ab'}}],
    ['a time with a zone', {...stored, storedAt: '2026-01-02T03:04:05+01:00'}],
    ['a time that is none', {...stored, storedAt: 'later'}],
  ])('are the same afterwards: %s', async (_, one) => {
    expect(await roundTrip([one])).toStrictEqual([one]);
  });

  it('hold what they share once, before them', () => {
    const entries = new ShortAnswers().shorten(['a', 'b', 'c'].map(key => ({key, stored})));
    expect(entries.map(({key}) => isHeadKey(key))).toEqual([true, false, false, false]);
    expect(JSON.stringify(entries.slice(1))).not.toContain('made up');
  });

  it('are restored beside whole ones, and those that are missing stay so', async () => {
    const [head, short] = new ShortAnswers().shorten([{key: 'a', stored}]);
    const read = readerOf([head!]);
    expect(await new ShortAnswers().restore([stored, undefined, short!.value], read)).toEqual([
      stored,
      undefined,
      stored,
    ]);
  });

  it('say what is missing if the part that they share is', async () => {
    const [, short] = new ShortAnswers().shorten([{key: 'a', stored}]);
    await expect(new ShortAnswers().restore([short!.value], readerOf([]))).rejects.toThrow(/head-.*is missing/);
  });
});
