import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {naiveBayes} from '../../src/assistant/word-counts.ts';
import {oneHot} from '../../src/data/arrays.ts';

interface Fixture {
  readonly classes: number;
  readonly buckets: number;
  readonly texts: readonly (readonly number[])[];
  readonly targets: readonly number[];
  readonly unseen: readonly (readonly number[])[];
  readonly named: readonly number[];
}

const path = join(import.meta.dirname, '../fixtures/assistant/naive-bayes.json');
const {classes, buckets, named, ...lists}: Fixture = JSON.parse(readFileSync(path, 'utf8'));

describe('naiveBayes', () => {
  it("names the classes that scikit-learn's MultinomialNB does", () => {
    const texts = lists.texts.map(text => Int32Array.from(text));
    const name = naiveBayes({texts, targets: Float32Array.from(lists.targets)}, classes, buckets);
    expect(lists.unseen.map(text => name(Int32Array.from(text)))).toEqual(named);
  });

  it('counts a soft label as texts of each class', () => {
    const texts = lists.texts.map(text => Int32Array.from(text));
    const counts = texts.map((_, row) => [row % 3, row % 4, (row >> 1) % 2]);
    const soft = naiveBayes({texts, targets: Float32Array.from(counts.flat())}, classes, buckets);
    const each = texts.flatMap((text, row) =>
      counts[row]!.flatMap((count, label) => Array.from({length: count}, () => ({text, label}))),
    );
    const targets = oneHot(
      each.map(({label}) => label),
      classes,
    );
    const hard = naiveBayes({texts: each.map(({text}) => text), targets}, classes, buckets);
    const named = (name: typeof soft) => lists.unseen.map(text => name(Int32Array.from(text)));
    expect(named(soft)).toEqual(named(hard));
    expect(new Set(named(soft)).size).toBeGreaterThan(1);
  });
});
