import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {KeptLines, KeptLinesReader, keptIn} from '../../../src/store/journal/lines.ts';
import type {AnswerEntry, StoredAnswer} from '../../../src/store/store.ts';
import {storedAnswer} from '../stored-answer.ts';

const SEGMENT = '20260102T030405678Z-12345-0123abcd.jsonl';

function entry(key: string, answer: StoredAnswer['answer'], segment = SEGMENT): AnswerEntry {
  const stored = {...storedAnswer(new Float32Array()), answer, reply: {segment, offset: 12, length: 34}};
  return {key, stored: {...stored, detail: {kind: 'logits', features: ['block 1']}, reader: {version: 1}}};
}

const written = (lines: string) =>
  lines
    .split('\n')
    .slice(0, -1)
    .map(line => Buffer.from(`${line}\n`));

describe('lines of kept answers', () => {
  it('give every answer back, to the bit', () => {
    const floats = fc.float32Array({maxLength: 5});
    fc.assert(
      fc.property(fc.array(fc.tuple(floats, floats)), all => {
        const entries = all.map(([logits, values], place) =>
          entry(`k${place}`, {kind: 'logits', logits, features: {'block 1': {shape: [values.length], values}}}),
        );
        const reader = new KeptLinesReader();
        expect(written(new KeptLines().of(entries)).flatMap(line => reader.read(line))).toEqual(entries);
      }),
    );
  });

  it('say once what answers have in common, and are of one segment each', () => {
    const lines = new KeptLines();
    const answer = {kind: 'label', label: 3} as const;
    const other = SEGMENT.replace('12345', '1');
    const first = written(lines.of([entry('a', answer), entry('b', answer, other), entry('c', answer)]));
    const second = written(lines.of([entry('d', answer)]));
    expect(first.map(line => keptIn(line)?.in)).toEqual([SEGMENT, other]);
    expect(keptIn(first[0]!)?.heads).toBeDefined();
    expect(keptIn(second[0]!)?.heads).toBeUndefined();
    const reader = new KeptLinesReader();
    expect([...first, ...second].flatMap(line => reader.read(line)).map(({key}) => key)).toEqual(['a', 'c', 'b', 'd']);
  });

  it('are none of answers without a reply, of other lines and of torn ones', () => {
    const lines = new KeptLines();
    expect(lines.of([{key: 'a', stored: storedAnswer(Float32Array.of(1))}])).toBe('');
    const [line] = written(lines.of([entry('a', {kind: 'label', label: 1})]));
    for (const other of ['', '\n', '{"done":1}\n', line!.subarray(0, -10).toString()]) {
      expect(keptIn(Buffer.from(other))).toBeUndefined();
    }
  });
});
