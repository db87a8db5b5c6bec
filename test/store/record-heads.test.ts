import {describe, expect, it} from 'vitest';
import {RecordHeads, withHead} from '../../src/store/record-heads.ts';
import type {StoredAnswer} from '../../src/store/store.ts';

const identity = {model: 'one', options: {a: 1}};
const plain: StoredAnswer = {
  format: 1,
  teacher: {name: 'one', identity},
  question: {dtype: 'float32', shape: [2, 3], bytes: 'ab', view: 4, sample: 5},
  detail: {kind: 'logits', features: ['fc']},
  answer: {kind: 'logits', logits: Float32Array.of(1, Number.NEGATIVE_INFINITY), features: {}},
  storedAt: '2026-01-02T03:04:05.678Z',
};
const journaled: StoredAnswer = {
  ...plain,
  receipt: {model: 'one-2026', usage: {inputTokens: 3, outputTokens: 4}},
  reply: {segment: 'some.jsonl', offset: 0, length: 7},
  reader: {version: 2},
};

describe('a record and its head', () => {
  it.each([
    ['of a teacher in this process', plain],
    ['of a service', journaled],
    ['with less of each', {...journaled, reader: null, receipt: {}, detail: {kind: 'logits'}} satisfies StoredAnswer],
    ['of a text', {...plain, question: {...plain.question, dtype: 'text', shape: []}} satisfies StoredAnswer],
    [
      'imported from a log',
      {
        ...plain,
        imported: {file: '/a.csv', sha256: 'cd', model: 'm', line: 7, date: '2024-05-01T00:00:00.000Z'},
      } satisfies StoredAnswer,
    ],
    ['with the k best classes', {...plain, detail: {kind: 'top-k', k: 3}} satisfies StoredAnswer],
  ])('are the whole again: %s', (_, stored: StoredAnswer) => {
    const {record, head} = new RecordHeads().shorten(stored);
    expect(withHead(record, head)).toStrictEqual(stored);
  });

  it('are of one head if they differ in nothing that it holds, however they were made', () => {
    const heads = new RecordHeads();
    const copy = structuredClone(journaled);
    const other: StoredAnswer = {...copy, answer: {kind: 'label', label: 1}, receipt: {}, storedAt: 'later'};
    expect(heads.shorten(other).number).toBe(heads.shorten(journaled).number);
    expect(new RecordHeads().shorten(copy).number).toBe(heads.shorten(journaled).number);
  });

  it.each<[string, Partial<StoredAnswer>]>([
    ['name', {teacher: {name: 'two', identity}}],
    ['identity', {teacher: {name: 'one', identity: {...identity, model: 'two'}}}],
    ['detail', {detail: {kind: 'logits', features: ['fc', 'pool']}}],
    ['detail without features', {detail: {kind: 'logits'}}],
    ['kind', {detail: {kind: 'log-probabilities'}}],
    ['dtype', {question: {...plain.question, dtype: 'uint8'}}],
    ['shape', {question: {...plain.question, shape: [3, 2]}}],
    ['reader', {reader: {version: 3}}],
    ['no reader', {reader: undefined as never}],
    ['segment', {reply: {segment: 'other.jsonl', offset: 0, length: 7}}],
  ])('are of another head if the %s differs', (_, change) => {
    const heads = new RecordHeads();
    const {number} = heads.shorten(journaled);
    const {number: other, head, record} = heads.shorten({...journaled, ...change});
    expect(other).not.toBe(number);
    expect(withHead(record, head)).toEqual({...journaled, ...change});
    expect(heads.shorten(journaled).number).toBe(number);
  });
});
